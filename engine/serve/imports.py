"""Files into the store; what is wrong is kept aside with its line and reason, the rest goes in."""

import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

from engine.customer.record import Consent, Interaction, Record
from engine.decide.faults import unknown
from engine.decide.quiet import zone_of
from engine.decide.request import Scalar
from engine.decide.values import fits, moment_ms, number, parse
from engine.serve.files import Line, read_lines
from engine.serve.limits import Limits
from engine.store.lmdb import LmdbStore
from engine.store.protocol import Store
from rules import KINDS

T = TypeVar("T")
Counts = dict[str, int]
LUMP = 5_000
TRUTHS = {"true": True, "false": False, "1": True, "0": False}
TEXTS = ("key", "customer_id", "kind", "channel", "placement", "action_key", "group", "objective", "decision_id")
COLUMNS = {*TEXTS, "at_ms", "amount", "discount"}


def import_customers(file: Path, state: Path, kinds: Mapping[str, str] | None = None) -> Counts:
    """Upsert customers.

    Args:
        file: CSV, JSON Lines or Parquet.
        state: holds the store.
        kinds: attribute -> type, as a bundle's schema says; without it, attributes are taken as they stand.

    Returns:
        imported and rejected; the rejected ones stand in `<file>.rejected.jsonl`.

    Raises:
        ValueError, OSError: when the file as a whole cannot be read.
        StoreError: when the store cannot take it.
    """
    now_ms = time.time_ns() // 1_000_000
    return _run(file, state, lambda line: _record(line, kinds, now_ms), _put)


def import_interactions(file: Path, state: Path) -> Counts:
    """Record interactions; what was recorded before counts as a duplicate and changes nothing.

    Args, Returns, Raises: as for customers.
    """
    latest_ms = time.time_ns() // 1_000_000 + Limits.ahead_ms
    return _run(file, state, lambda line: _interaction(line, latest_ms), _apply)


def _put(store: Store, lump: list[Record]) -> Counts:
    return {"imported": store.put(lump)}


def _apply(store: Store, lump: list[Interaction]) -> Counts:
    statuses = store.apply(lump)
    return {"imported": statuses.count("recorded"), "duplicates": statuses.count("duplicate")}


def _run(file: Path, state: Path, make: Callable[[Line], T], put: Callable[[Store, list[T]], Counts]) -> Counts:
    lines = read_lines(file)
    counts = {"imported": 0, "duplicates": 0, "rejected": 0}
    store = LmdbStore(state / "store")
    aside = _Aside(file)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"importing {file.name}", total=None)
        for lump in _lumps(lines):
            good = [made for line in lump if (made := aside.taken(line, make)) is not None]
            for name, count in put(store, good).items():
                counts[name] += count
            progress.update(task, advance=len(lump), description=f"importing {file.name}: {sum(counts.values()):,}")
    store.close()
    counts["rejected"] = aside.close()
    return counts


class _Aside:
    """The file of rejected lines; there is none when nothing was rejected."""

    def __init__(self, file: Path) -> None:
        self.path = file.with_name(f"{file.name}.rejected.jsonl")
        self.path.unlink(missing_ok=True)
        self.count = 0

    def taken(self, line: Line, make: Callable[[Line], T]) -> T | None:
        """What `make` makes of the line; None when it was put aside."""
        try:
            if line.fault:
                raise ValueError(line.fault)
            return make(line)
        except ValueError as error:
            data = line.raw or json.dumps(line.cells, default=str)
            with self.path.open("a") as out:
                out.write(json.dumps({"line": line.number, "reason": str(error), "data": data}) + "\n")
            self.count += 1
            return None

    def close(self) -> int:
        """How many were rejected."""
        return self.count


def _lumps(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while lump := list(islice(lines, LUMP)):
        yield lump


def _name(cells: Mapping[str, object], column: str, *, empty: bool = True) -> str:
    value = cells.get(column, "")
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise ValueError(f"'{column}' must be a text, not {value!r:.100}")
    text = str(value)
    if not text and not empty:
        raise ValueError(f"'{column}' is empty; every row needs one")
    if len(text.encode(errors="replace")) > Limits.name or not text.isprintable():
        raise ValueError(f"'{column}' must be printable and have at most {Limits.name} bytes")
    return text


def _record(line: Line, kinds: Mapping[str, str] | None, now_ms: int) -> Record:
    consents: list[Consent] = []
    attributes: dict[str, Scalar] = {}
    for name, value in line.cells.items():
        if name.startswith("consent:"):
            consents.append(_consent(name, value, now_ms))
        elif name not in ("customer_id", "time_zone"):
            attributes[name] = _attribute(name, value, kinds)
    zone = _name(line.cells, "time_zone")
    if zone and zone_of(zone) is None:
        raise ValueError(f"unknown time zone '{zone}'; write such as Europe/Paris")
    return Record(_name(line.cells, "customer_id", empty=False), attributes, consents, zone)


def _consent(column: str, value: object, now_ms: int) -> Consent:
    _, _, rest = column.partition(":")
    purpose, _, channel = rest.partition(":")
    if not purpose:
        raise ValueError(f"'{column}' names no purpose; write consent:PURPOSE or consent:PURPOSE:CHANNEL")
    if str(value).lower() not in TRUTHS:
        raise ValueError(f"'{value}' in '{column}' is neither true nor false")
    return Consent(purpose, channel, TRUTHS[str(value).lower()], "import", now_ms)


def _attribute(name: str, value: object, kinds: Mapping[str, str] | None) -> Scalar:
    if kinds is None:
        if not any(fits(kind, value) for kind in KINDS):
            raise ValueError(f"{value!r:.100} in '{name}' is nothing that an attribute can be")
        return value  # type: ignore[return-value]  # as it fits
    if name not in kinds:
        raise ValueError(f"'{name}' is no attribute of the schema")
    if isinstance(value, str) and kinds[name] != "string":
        return parse(kinds[name], value)
    made = float(value) if kinds[name] == "double" and type(value) is int else value
    if not fits(kinds[name], made):
        raise ValueError(f"'{value}' in '{name}' is no {kinds[name]}")
    return made  # type: ignore[return-value]  # as it fits


def _interaction(line: Line, latest_ms: int) -> Interaction:
    cells = line.cells
    for name in set(cells) - COLUMNS:
        raise ValueError(unknown("column", name, COLUMNS))
    names = {name: _name(cells, name, empty=name not in ("key", "customer_id", "kind")) for name in TEXTS}
    at_ms = _at_ms(cells.get("at_ms", ""))
    if at_ms > latest_ms:
        raise ValueError(f"at_ms {at_ms} lies ahead")
    return Interaction(**names, at_ms=at_ms, amount=_number(cells, "amount"), discount=_number(cells, "discount"))


def _at_ms(value: object) -> int:
    text = str(value)
    at_ms = int(text) if re.fullmatch(r"-?[0-9]{1,19}", text) else moment_ms(text)
    if not Limits.earliest_ms < at_ms < Limits.latest_ms:
        raise ValueError(f"at_ms {at_ms} is no epoch time in milliseconds between 1970 and 2100")
    return at_ms


def _number(cells: Mapping[str, object], column: str) -> float:
    value = cells.get(column, 0.0)
    if isinstance(value, str):
        return number(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"'{value}' in '{column}' is no finite number")
    return float(value)
