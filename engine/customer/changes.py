"""What a customer said, and who was found to be the same person: changes that the journal keeps beside interactions."""

from collections.abc import Iterable, Iterator

import msgspec

from engine.customer.record import Consent, Record
from engine.decide.request import Preferences


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One statement as it was taken, be it in force or not.

    Args:
        kind: "consent", "preferences" or "link".
        recorded_ms: when it was taken, epoch milliseconds.
        other: of a link, the id that is the same person's.
    """

    kind: str
    customer_id: str
    recorded_ms: int
    consent: Consent | None = None
    preferences: Preferences | None = None
    other: str = ""


def consents_said(new: Record, stored: Record | None, now_ms: int) -> Iterator[Change]:
    """The statements of a record that the stored one does not hold."""
    known: Iterable[Consent] = stored.consents if stored else ()
    for consent in new.consents:
        if consent not in known:
            yield Change("consent", new.customer_id, now_ms, consent)
