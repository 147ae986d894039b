"""Segments computed off-line: a table of who is in which, with its version and until when."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from engine.customer.as_of import AsOf
from engine.customer.checks import FieldError
from engine.customer.record import Membership, Record
from engine.customer.values import values
from engine.decide.derived import Derived
from engine.decide.values import moment_ms
from engine.serve.files import Line
from engine.serve.importing import Counts, Kind, run_import
from engine.serve.imports import by_customer, put_records
from engine.serve.upserts import CHECKS
from engine.store.open import open_store
from engine.store.protocol import Store

GONE_MS = 1  # an expiry that is past at any moment


def import_segments(file: Path, state: Path, version: str = "") -> Counts:
    """Write memberships back; the table says all of each segment it names: who was in an earlier version leaves.

    Args:
        file: CSV, JSON Lines or Parquet with customer_id, segment and optionally expires (ISO 8601).
        state: holds the store.
        version: of the table; a digest of the file unless said otherwise.

    Returns:
        imported, rejected, and `left`: memberships that ended.

    Raises:
        ValueError, OSError: when the file as a whole cannot be read.
        StoreError: when the store cannot take it.
    """
    version = version or _digest(file)
    named: set[str] = set()
    now_ms = time.time_ns() // 1_000_000
    make = partial(_member, version=version, now_ms=now_ms)
    counts = run_import(file, state, Kind(Record, make, by_customer, partial(_put, named)))
    store = open_store(state)
    counts["left"] = store.put(list(_leaving(store, version, named, now_ms)))
    store.close()
    return counts


def _digest(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()[:12]


def _put(named: set[str], store: Store, lump: list[Record]) -> list[str | FieldError]:
    named.update(*(record.segments for record in lump))
    return put_records(store, lump)


def _member(line: Line, version: str, now_ms: int) -> Record:
    cells = {name: str(value) if type(value) is int else value for name, value in line.cells.items()}
    customer_id, segment = (
        CHECKS.id("customer_id", cells.get("customer_id")),
        CHECKS.text("segment", cells.get("segment")),
    )
    expires = str(line.cells.get("expires", ""))
    # 1970 would be a 0, which stands for never: it is as past as any.
    expires_ms = CHECKS.moment("expires", moment_ms(expires), GONE_MS) if expires else 0
    return Record(customer_id, segments={segment: Membership(version, expires_ms, now_ms)})


def _leaving(store: Store, version: str, named: set[str], now_ms: int) -> Iterator[Record]:
    for record in store.scan():
        held = {name: each for name, each in record.segments.items() if name in named and each.version != version}
        if any(each.expires_ms != GONE_MS for each in held.values()):
            yield Record(record.customer_id, segments=dict.fromkeys(held, Membership(version, GONE_MS, now_ms)))


def segment_counts(store: Store, derived: Derived) -> Counts:
    """Segment -> how many are in it now, and how many `customers` there are; by a scan: windows slide by themselves."""
    now_ms = time.time_ns() // 1_000_000
    families = derived.with_needed({"segment"})
    names = [f"segment.{name}" for name in (*(each.name for each in derived.segments), *derived.imported)]
    counts = Counter(dict.fromkeys(["customers", *names], 0))
    for record in store.scan():
        made = values(AsOf(record, now_ms, derived), families)
        counts["customers"] += 1
        counts.update(name for name in names if made[name] is True)
    return {name.removeprefix("segment."): count for name, count in counts.items()}
