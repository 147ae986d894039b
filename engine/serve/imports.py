"""What the lines of files stand for: customers, interactions."""

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from engine.customer.checks import ErasedError, FieldError
from engine.customer.cloudevents import fields_of
from engine.customer.intake import NUMBERS, TEXTS, Intake, of_bundle
from engine.customer.record import Interaction, Record
from engine.decide.bundle import Bundle
from engine.decide.values import number
from engine.serve.files import Line
from engine.serve.importing import Counts, Kind, run_import
from engine.serve.limits import Limits
from engine.serve.upserts import CHECKS, known_of, record_of
from engine.store.protocol import Store


def import_customers(file: Path, state: Path, bundle: Bundle | None = None, source: str = "", at_ms: int = 0) -> Counts:
    """Upsert customers, field by field: what is newer holds, whichever comes in first.

    Args:
        file: CSV, JSON Lines or Parquet.
        state: holds the store.
        bundle: its attributes, channels and purposes are the only ones; without it, all are taken as they stand.
        source: where the rows come from; the file's name unless said otherwise.
        at_ms: as of when they are, where a row has no `updated_at`; now unless said otherwise.

    Returns:
        imported and rejected; the rejected ones stand in `<file>.rejected.jsonl`. What is of somebody who was erased is
        counted as erased, where there is any, and nothing else is done with it.

    Raises:
        ValueError, OSError: when the file as a whole cannot be read.
        StoreError: when the store cannot take it.
    """
    now_ms = time.time_ns() // 1_000_000
    said = CHECKS.name("source", source or file.name), CHECKS.past("at", at_ms or now_ms, now_ms)
    make = partial(record_of, known=known_of(bundle) if bundle else None, said=said, now_ms=now_ms)
    return run_import(file, state, Kind(Record, make, by_customer, put_records))


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
    make = partial(_interaction, intake=intake, now_ms=now_ms)
    return run_import(file, state, Kind(Interaction, make, _by_key, _apply))


def put_records(store: Store, lump: list[Record]) -> list[str | FieldError]:
    taken = store.put(lump)
    # Whichever they were: nothing is made of the order.
    return [*["imported"] * taken, *["erased"] * (len(lump) - taken)]


def _apply(store: Store, lump: list[Interaction]) -> list[str | FieldError]:
    named = {"recorded": "imported", "duplicate": "duplicates"}
    became = store.apply(lump, Limits.names)
    return [_became(each) if isinstance(each, FieldError) else named[each] for each in became]


def _became(error: FieldError) -> str | FieldError:
    """What is of somebody who was erased is not even kept aside."""
    return "erased" if isinstance(error, ErasedError) else error


def by_customer(record: Record) -> bytes:
    """What records are ordered by."""
    return record.customer_id.encode()


def _by_key(interaction: Interaction) -> bytes:
    return f"{interaction.customer_id}\0{interaction.key}".encode()


def _interaction(line: Line, intake: Intake, now_ms: int) -> Interaction:
    cells = line.cells
    fields = fields_of(cells) if "specversion" in cells else _plain_cells(cells)
    if fields.get("at_ms") is None:
        fields["at_ms"] = line.arrived_ms
    if fields["at_ms"] is None:
        raise FieldError("at_ms", "must not be empty")
    return intake.interaction("", fields, now_ms)


def _plain_cells(cells: Mapping[str, object]) -> dict[str, object]:
    return {
        name: value if type(value) is str and name not in NUMBERS else _plain(name, value)
        for name, value in cells.items()
    }


def _plain(name: str, value: object) -> object:
    """What a cell of text stands for; in a table, numbers may be texts and names may be numbers."""
    if name in NUMBERS and isinstance(value, str):
        return number(value)
    return str(value) if name in TEXTS and type(value) is int else value
