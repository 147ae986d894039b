"""A record, all of it, as plain values under their names: for people and for `--json`."""

import msgspec

from engine.customer.as_of import AsOf
from engine.customer.record import Purchase
from engine.customer.touchpoints import Entered, Touchpoint, line
from engine.customer.values import values
from engine.decide.request import Contact

STANDS = (
    "customer_id", "ids", "links", "attributes", "origins", "consents", "time_zone", "revision", "preferences",
    "wishes", "segments",
)  # fmt: skip


def described(as_of: AsOf) -> dict[str, object]:
    """Everything: what stands, what is derived as of the moment, the journey, and what is kept of the history."""
    record = as_of.record
    made = {name: named(getattr(record, name)) for name in STANDS}
    made["derived"] = dict(sorted(values(as_of).items()))
    made["journey"] = named(line(as_of))
    made |= {"purchases": named(record.purchases), "contacts": named(record.contacts)}
    return made | {"totals": named(as_of.totals)}


def named(value: object) -> object:
    """A part of a record as plain values under their names."""
    if isinstance(value, msgspec.Struct):
        return {name: named(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, (Purchase, Contact, Entered, Touchpoint)):
        return {name: named(part) for name, part in value._asdict().items()}
    if isinstance(value, dict):
        return {name: named(part) for name, part in value.items()}
    return [named(part) for part in value] if isinstance(value, (list, tuple)) else value
