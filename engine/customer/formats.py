"""Records as bytes: the first byte is the format's version, and every earlier one is read as if written today."""

from collections.abc import Callable

import msgspec

from engine.customer.change import apply_interaction
from engine.customer.record import Consent, Interaction, Purchase, Record, RecordError, Wish
from engine.decide.request import NONE, Contact, Preferences, Scalar

VERSION = b"\x03"


class _First(msgspec.Struct, array_like=True):
    """Format 1: the newest 2,000 purchases and contacts, as they were."""

    customer_id: str
    attributes: dict[str, Scalar] = {}
    consents: list[Consent] = []
    time_zone: str = ""
    purchases: list[Purchase] = []
    contacts: list[Contact] = []
    revision: int = 0
    preferences: Preferences = NONE


_ENCODER = msgspec.msgpack.Encoder()
_NEWEST = msgspec.msgpack.Decoder(Record)
_FIRST = msgspec.msgpack.Decoder(_First)


def encode(record: Record) -> bytes:
    """Pack a record."""
    return VERSION + _ENCODER.encode(record)


def decode(packed: bytes) -> Record:
    """Unpack a record of any format.

    Raises:
        RecordError: when the format is unknown or the bytes are damaged.
    """
    reader = _READERS.get(packed[:1])
    if reader is None:
        raise RecordError(f"record format {packed[:1]!r} is unknown; this version reads {sorted(_READERS)}")
    try:
        return reader(packed[1:])
    except ValueError as error:  # msgspec's own, and what it lets through of texts that are no UTF-8
        raise RecordError(f"damaged record: {error}") from error


def _upgraded(packed: bytes) -> Record:
    old = _FIRST.decode(packed)
    record = _timed(Record(old.customer_id, old.attributes, old.consents, old.time_zone, old.revision, old.preferences))
    happened = [{"kind": "purchase", **bought._asdict()} for bought in old.purchases]
    happened += [contact._asdict() for contact in old.contacts]
    for event in happened:
        record = apply_interaction(record, Interaction(key="", customer_id=old.customer_id, **event))
    return record


def _second(packed: bytes) -> Record:
    return _timed(_NEWEST.decode(packed))


def _timed(record: Record) -> Record:
    """With its preferences as a wish: when they were set was not kept, so that any later ones are newer."""
    wishes = [] if record.preferences == NONE else [Wish(0, record.preferences)]
    return msgspec.structs.replace(record, wishes=wishes)


# Format 2 is format 3 without what was added at the end: links, wishes with their time, origins of fields.
_READERS: dict[bytes, Callable[[bytes], Record]] = {b"\x01": _upgraded, b"\x02": _second, VERSION: _NEWEST.decode}
