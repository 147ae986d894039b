"""Files into the store; what is wrong is kept aside with its line and reason, the rest goes in."""

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
from rich.progress import track

from engine.customer.record import Consent, Interaction, Record
from engine.store.lmdb import LmdbStore

Row = dict[str, object]
T = TypeVar("T")
LUMP = 5_000
BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def read_rows(file: Path) -> list[Row]:
    """Rows of a CSV, JSON Lines or Parquet file, by its ending."""
    from pyarrow import csv, json, parquet

    readers = {".csv": csv.read_csv, ".jsonl": json.read_json, ".parquet": parquet.read_table}
    if file.suffix not in readers:
        raise ValueError(f"{file}: write .csv, .jsonl or .parquet; '{file.suffix}' is not read")
    rows: list[Row] = readers[file.suffix](file).to_pylist()
    return rows


def import_customers(file: Path, state: Path) -> dict[str, int]:
    """Upsert customers; returns imported and rejected."""
    now_ms = time.time_ns() // 1_000_000
    return _run(file, state, lambda row: _record(row, now_ms), lambda store, lump: store.put(lump))


def import_interactions(file: Path, state: Path) -> dict[str, int]:
    """Record interactions; returns imported, duplicates counting as imported, and rejected."""
    return _run(file, state, _interaction, lambda store, lump: len(store.apply(lump)))


def _run(
    file: Path, state: Path, make: Callable[[Row], T], put: Callable[[LmdbStore, list[T]], int]
) -> dict[str, int]:
    rows = read_rows(file)
    aside = file.with_suffix(".rejected.jsonl")
    good, bad = [], []
    for number, row in enumerate(rows, 1):
        try:
            good.append(make(row))
        except ValueError as error:
            bad.append({"row": number, "reason": str(error), "data": {k: str(v) for k, v in row.items()}})
    store = LmdbStore(state / "store")
    for lump in track(list(_lumps(good)), description=f"importing {file.name}"):
        put(store, lump)
    store.close()
    if bad:
        aside.write_text("".join(json.dumps(line) + "\n" for line in bad))
    return {"imported": len(good), "rejected": len(bad)}


def _lumps(items: list[T]) -> Iterator[list[T]]:
    return (items[at : at + LUMP] for at in range(0, len(items), LUMP))


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if value is None or value == "":
        raise ValueError(f"'{name}' is empty; every row needs one")
    return str(value)


def _record(row: Row, now_ms: int) -> Record:
    consents, attributes = [], {}
    for name, value in row.items():
        if name.startswith("consent:") and value not in (None, ""):
            _, purpose, channel = name.split(":", 2)
            if str(value).lower() not in BOOLEANS:
                raise ValueError(f"'{value}' in '{name}' is neither true nor false")
            consents.append(Consent(purpose, channel, BOOLEANS[str(value).lower()], "import", now_ms))
        elif name not in ("customer_id", "time_zone") and isinstance(value, (bool, int, float, str)) and value != "":
            attributes[name] = value
    zone = str(row.get("time_zone") or "")
    return Record(_text(row, "customer_id"), attributes, consents, zone)


def _interaction(row: Row) -> Interaction:
    known = {name: value for name, value in row.items() if value is not None}
    for name in ("key", "customer_id", "kind"):
        known[name] = _text(row, name)
    try:
        interaction = msgspec.convert(known, Interaction)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    if not math.isfinite(interaction.amount) or interaction.at_ms <= 0:
        raise ValueError("amount must be finite and at_ms a moment after 1970, in milliseconds")
    return interaction
