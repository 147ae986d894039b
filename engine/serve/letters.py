"""Dead letters, opened: what a letter was kept for is read as if it stood in the file itself."""

import json
from collections.abc import Iterator

from msgspec.structs import replace

from engine.customer.jsontext import read_json
from engine.customer.visits import events_of, is_visit
from engine.serve.files import Line, row
from engine.serve.limits import Limits

COLUMNS = {"raw", "reason"}  # of the collector's and of the import's letters alike


def opened(line: Line) -> Iterator[Line]:
    """What a line stands for.

    Args:
        line: of a file.

    Returns:
        the line itself where it is no letter; of a letter each interaction or CloudEvent it was kept for, be it one, a
        whole batch or a visit of the beacon, with the letter's number and moment.
    """
    if line.fault or not line.cells.keys() >= COLUMNS:
        yield line
        return
    sealed = replace(line, arrived_ms=line.cells.get("at_ms", line.arrived_ms))
    try:
        contents = _contents(sealed)
    except ValueError as error:
        yield replace(line, fault=f"raw: {error}")
        return
    for value in contents:
        made = row(line.number, value, json.dumps(value))
        yield from opened(replace(made, arrived_ms=sealed.arrived_ms))


def _contents(letter: Line) -> list[object]:
    inside = read_json(str(letter.cells["raw"]), Limits.depth)
    if inside == []:
        raise ValueError("holds no event")
    if not is_visit(inside):
        return inside if isinstance(inside, list) else [inside]
    if type(letter.arrived_ms) is not int:
        raise ValueError("is a visit, and at_ms does not say when it arrived; its events count from then")
    return events_of(inside, letter.arrived_ms)
