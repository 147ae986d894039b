"""The 360-degree record: one packed value per customer."""

import msgspec

from engine.decide.request import NONE, Contact, Preferences, Purchase, Scalar

VERSION = b"\x01"
KEPT = 2_000  # newest purchases, and newest contacts of each kind; older ones no longer matter to any window we know


class RecordError(ValueError):
    """A stored record of a format this version does not read."""


class Consent(msgspec.Struct, frozen=True, array_like=True):
    """One statement about one purpose; an empty channel means every channel.

    Args:
        at_ms: when it was given, or withdrawn.
        basis: the lawful basis it was given on.
        expires_ms: from when it no longer holds; 0 for never.
    """

    purpose: str
    channel: str
    granted: bool
    source: str
    at_ms: int
    basis: str = "consent"
    expires_ms: int = 0


class Interaction(msgspec.Struct, frozen=True):
    """One thing a customer did or met, under an idempotency key."""

    key: str
    customer_id: str
    kind: str
    at_ms: int
    channel: str = ""
    action_key: str = ""
    group: str = ""
    objective: str = ""
    placement: str = ""
    decision_id: str = ""
    amount: float = 0.0
    discount: float = 0.0


class Record(msgspec.Struct, frozen=True, array_like=True):
    """Everything known about one customer; purchases and contacts are sorted by time."""

    customer_id: str
    attributes: dict[str, Scalar] = {}
    consents: list[Consent] = []
    time_zone: str = ""
    purchases: list[Purchase] = []
    contacts: list[Contact] = []
    revision: int = 0
    preferences: Preferences = NONE


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    """Pack a record; the first byte is the format's version."""
    return VERSION + _ENCODER.encode(record)


def decode(packed: bytes) -> Record:
    """Unpack a record.

    Raises:
        RecordError: when the format is unknown or the bytes are damaged.
    """
    if packed[:1] != VERSION:
        raise RecordError(f"record format {packed[:1]!r} is unknown; this version reads {VERSION!r}")
    try:
        return _DECODER.decode(packed[1:])
    except msgspec.DecodeError as error:
        raise RecordError(f"damaged record: {error}") from error


def named(value: object) -> object:
    """A record, or a part of one, as plain values under their names: for people."""
    if isinstance(value, msgspec.Struct):
        return {name: named(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, (Purchase, Contact)):
        return {name: named(part) for name, part in value._asdict().items()}
    return [named(part) for part in value] if isinstance(value, (list, tuple)) else value
