"""Changes that every store makes alike."""

import time
from collections.abc import Iterable

import msgspec

from engine.customer.change import apply_interactions, set_consent
from engine.customer.record import Interaction, Record
from engine.decide.keeping import Keeping

STANDS = ("customer_id", "attributes", "consents", "time_zone", "revision", "preferences", "segments", "missed_ms")


def now_ms() -> int:
    """When something is taken: the machine's clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


def upsert(stored: Record | None, new: Record) -> Record:
    """The stored record with the new attributes, consents, time zone and segments; newer consents hold."""
    if stored is None:
        return new
    merged = msgspec.structs.replace(
        stored,
        attributes={**stored.attributes, **new.attributes},
        time_zone=new.time_zone or stored.time_zone,
        segments={**stored.segments, **new.segments},
    )
    for consent in new.consents:
        merged = set_consent(merged, consent)
    return merged


def rebuilt(record: Record, happened: Iterable[Interaction], keeping: Keeping) -> Record:
    """The record with its history made again; what was said or imported stays."""
    return apply_interactions(Record(**{name: getattr(record, name) for name in STANDS}), happened, keeping)
