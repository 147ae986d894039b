"""Files into the store; what is wrong is kept aside with its line and reason, the rest goes in."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

from engine.customer.checks import Checks, FieldError
from engine.customer.cloudevents import fields_of
from engine.customer.intake import NUMBERS, TEXTS, Intake, epoch_ms, of_bundle
from engine.customer.record import Consent, Interaction, Record
from engine.customer.said import stated
from engine.decide.bundle import Bundle
from engine.decide.request import Scalar
from engine.decide.values import fits, number, parse
from engine.serve.files import Line, read_lines
from engine.serve.letters import opened
from engine.serve.limits import Limits
from engine.store.open import open_store
from engine.store.protocol import Store
from rules import KINDS

T = TypeVar("T")
Counts = dict[str, int]
Put = Callable[[Store, list[T]], list[str | FieldError]]  # what became of each: a name in the counts, or why not
LUMP = 5_000
TRUTHS = {"true": True, "false": False, "1": True, "0": False}
OWN = {"customer_id", "time_zone", "updated_at"}  # columns that are no attributes
CHECKS = Checks(Limits())


def import_customers(
    file: Path, state: Path, kinds: Mapping[str, str] | None = None, source: str = "", at_ms: int = 0
) -> Counts:
    """Upsert customers, field by field: what is newer holds, whichever comes in first.

    Args:
        file: CSV, JSON Lines or Parquet.
        state: holds the store.
        kinds: attribute -> type, as a bundle's schema says; without it, attributes are taken as they stand.
        source: where the rows come from; the file's name unless said otherwise.
        at_ms: as of when they are, where a row has no `updated_at`; now unless said otherwise.

    Returns:
        imported and rejected; the rejected ones stand in `<file>.rejected.jsonl`.

    Raises:
        ValueError, OSError: when the file as a whole cannot be read.
        StoreError: when the store cannot take it.
    """
    now_ms = time.time_ns() // 1_000_000
    said = CHECKS.name("source", source or file.name), CHECKS.past("at", at_ms or now_ms, now_ms)
    return run_import(file, state, lambda line: _record(line, kinds, said, now_ms), put_records)


def import_interactions(file: Path, state: Path, bundle: Bundle | None = None) -> Counts:
    """Record interactions; what was recorded before counts as a duplicate and changes nothing.

    Args:
        file: CSV, JSON Lines or Parquet; a JSON line may also be a CloudEvent or a dead letter.
        state: holds the store.
        bundle: its channels are the only ones, its actions bring their group and objective; without it, names are
            taken as they stand.

    Returns, Raises: as for customers.
    """
    now_ms = time.time_ns() // 1_000_000
    intake = of_bundle(bundle, Limits()) if bundle else Intake(Limits(), None, {})
    return run_import(file, state, lambda line: _interaction(line, intake, now_ms), _apply)


def put_records(store: Store, lump: list[Record]) -> list[str | FieldError]:
    return ["imported"] * store.put(lump)


def _apply(store: Store, lump: list[Interaction]) -> list[str | FieldError]:
    named = {"recorded": "imported", "duplicate": "duplicates"}
    became = store.apply(lump, Limits.names)
    return [each if isinstance(each, FieldError) else named[each] for each in became]


def run_import(file: Path, state: Path, make: Callable[[Line], T], put: Put[T]) -> Counts:
    lines = read_lines(file)
    counts = {"imported": 0, "duplicates": 0, "rejected": 0}
    store = open_store(state)
    aside = _Aside(file)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"importing {file.name}", total=None)
        for lump in _lumps(one for line in lines for one in opened(line)):
            good = [(line, made) for line in lump if (made := aside.taken(line, make)) is not None]
            for (line, _), became in zip(good, put(store, [made for _, made in good]), strict=True):
                if isinstance(became, FieldError):
                    aside.put(line, became)
                else:
                    counts[became] += 1
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
            self.put(line, error)
            return None

    def put(self, line: Line, error: ValueError) -> None:
        """Put a line aside, with the columns' names, so that it can be mended and imported from there."""
        raw = line.raw if line.fault else json.dumps(line.cells, default=str)
        arrived = {} if line.arrived_ms is None else {"at_ms": line.arrived_ms}
        letter = arrived | {"line": line.number, "reason": str(error), "raw": raw}
        with self.path.open("a") as out:
            out.write(json.dumps(letter) + "\n")
        self.count += 1

    def close(self) -> int:
        """How many were rejected."""
        return self.count


def _lumps(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while lump := list(islice(lines, LUMP)):
        yield lump


def _record(line: Line, kinds: Mapping[str, str] | None, said: tuple[str, int], now_ms: int) -> Record:
    source, at_ms = said
    if (own_ms := epoch_ms("updated_at", line.cells.get("updated_at"))) is not None:
        at_ms = CHECKS.past("updated_at", own_ms, now_ms)
    consents: list[Consent] = []
    attributes: dict[str, Scalar] = {}
    for name, value in line.cells.items():
        if name.startswith("consent:"):
            consents.append(_consent(name, value, source, at_ms))
        elif name not in OWN:
            attributes[name] = _attribute(name, value, kinds)
    customer_id = CHECKS.text("customer_id", _plain("customer_id", line.cells.get("customer_id")))
    zone = CHECKS.zone("time_zone", CHECKS.text("time_zone", line.cells.get("time_zone"), empty=True))
    return stated(Record(customer_id, attributes, consents, zone), source, at_ms)


def _consent(column: str, value: object, source: str, at_ms: int) -> Consent:
    _, _, rest = column.partition(":")
    purpose, _, channel = rest.partition(":")
    if not purpose:
        raise ValueError(f"'{column}' names no purpose; write consent:PURPOSE or consent:PURPOSE:CHANNEL")
    if str(value).lower() not in TRUTHS:
        raise ValueError(f"'{value}' in '{column}' is neither true nor false")
    return Consent(purpose, channel, TRUTHS[str(value).lower()], source, at_ms)


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


def _interaction(line: Line, intake: Intake, now_ms: int) -> Interaction:
    cells = line.cells
    fields = fields_of(cells) if "specversion" in cells else {name: _plain(name, cells[name]) for name in cells}
    if fields.get("at_ms") is None:
        fields["at_ms"] = line.arrived_ms
    if fields["at_ms"] is None:
        raise FieldError("at_ms", "must not be empty")
    return intake.interaction("", fields, now_ms)


def _plain(name: str, value: object) -> object:
    """What a cell of text stands for; in a table, numbers may be texts and names may be numbers."""
    if name in NUMBERS and isinstance(value, str):
        return number(value)
    return str(value) if name in TEXTS and type(value) is int else value
