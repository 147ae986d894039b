"""The 360-degree record: one packed value per customer, decoded only as far as it is read; `formats.py` packs it."""

from typing import NamedTuple

import msgspec

from engine.customer.history import MONEY, NO_ACTIVITY, NO_TOTALS
from engine.customer.trail import NOTHING, Trail
from engine.decide.request import NONE, Contact, Preferences, Scalar


class Purchase(NamedTuple):
    """One purchase; the discount is what coupons took off."""

    at_ms: int
    amount: float = 0.0
    discount: float = 0.0


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


class Membership(msgspec.Struct, frozen=True, array_like=True):
    """Being in a segment that was computed off-line.

    Args:
        version: of the table it came from.
        expires_ms: from when it no longer holds; 0 for never.
    """

    version: str
    expires_ms: int = 0


class Record(msgspec.Struct, frozen=True, array_like=True):
    """Everything known about one customer.

    Args:
        segments: name -> membership, of segments that were imported.
        bought, met: trails of purchases and of everything else, packed.
        totals, activity: packed; `engine.customer.history` says what they hold.
        missed_ms: contacts up to this moment may have been refused, for a name too many.
    """

    customer_id: str
    attributes: dict[str, Scalar] = {}
    consents: list[Consent] = []
    time_zone: str = ""
    revision: int = 0
    preferences: Preferences = NONE
    segments: dict[str, Membership] = {}
    bought: msgspec.Raw = NOTHING
    met: msgspec.Raw = NOTHING
    totals: msgspec.Raw = NO_TOTALS
    activity: msgspec.Raw = NO_ACTIVITY
    missed_ms: int = 0

    @property
    def purchases(self) -> list[Purchase]:
        """The newest purchases, sorted by time."""
        trail = Trail(self.bought)
        nothing = [0] * len(trail)
        columns = zip(trail.at, trail.amount or nothing, trail.discount or nothing, strict=True)
        return [Purchase(at_ms, amount / MONEY, discount / MONEY) for at_ms, amount, discount in columns]

    @property
    def contacts(self) -> list[Contact]:
        """The newest contacts, and older ones that caps may count, sorted by time; purchases stand apart."""
        trail = Trail(self.met)
        words = trail.every_words()
        every = (Contact(at_ms, *words[code]) for at_ms, code in zip(trail.at, trail.code, strict=True))
        return [contact for contact in every if contact.kind != "purchase"]
