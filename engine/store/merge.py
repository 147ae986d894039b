"""Changes that every store makes alike."""

import msgspec

from engine.customer.change import set_consent
from engine.customer.record import Record


def upsert(stored: Record | None, new: Record) -> Record:
    """The stored record with the new attributes, consents and time zone; history stays, newer consents hold."""
    if stored is None:
        return new
    merged = msgspec.structs.replace(
        stored, attributes={**stored.attributes, **new.attributes}, time_zone=new.time_zone or stored.time_zone
    )
    for consent in new.consents:
        merged = set_consent(merged, consent)
    return merged
