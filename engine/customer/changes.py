"""What a customer said, and who was found to be the same person: changes that the journal keeps beside interactions."""

from collections.abc import Iterator

import msgspec

from engine.customer.record import Consent, Record
from engine.decide.request import Preferences


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One statement as it was taken, be it in force or not.

    Args:
        kind: "consent", "preferences" or "link".
        recorded_ms: when it was taken, epoch milliseconds.
        customer_id: as it was said, be it the person's own or another of theirs.
        other: of a link, the id that is the same person's.
    """

    kind: str
    customer_id: str
    recorded_ms: int
    consent: Consent | None = None
    preferences: Preferences | None = None
    other: str = ""


def news(before: Record, after: Record, said_as: str, now_ms: int) -> Iterator[Change]:
    """The statements that a record has now and had not before.

    Args:
        before, after: the record.
        said_as: the id that they were said under.
        now_ms: when they were taken.
    """
    for consent in after.consents:
        if consent not in before.consents:
            yield Change("consent", said_as, now_ms, consent)
    for wish in after.wishes:
        if wish not in before.wishes:
            yield Change("preferences", said_as, now_ms, preferences=wish.rules)
