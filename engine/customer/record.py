"""The 360-degree record: one packed value per customer, decoded only as far as it is read; `formats.py` packs it."""

from typing import NamedTuple

import msgspec

from engine.customer.history import MONEY, NO_ACTIVITY, NO_TOTALS
from engine.customer.identity import Link, ids_of
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
        said_as: the id it was said under; empty while the person has one id only.
    """

    purpose: str
    channel: str
    granted: bool
    source: str
    at_ms: int
    basis: str = "consent"
    expires_ms: int = 0
    said_as: str = ""


class Interaction(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing a customer did or met, under an idempotency key.

    Args:
        also_known_as: another id of the same person; a login says it, and links the two.
    """

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
    also_known_as: str = ""


class Wish(msgspec.Struct, frozen=True, array_like=True):
    """The customer's own rules, as they were set under one id.

    Args:
        said_as: the id; empty while the person has one id only.
    """

    at_ms: int
    rules: Preferences
    said_as: str = ""


class Origin(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Where fields come from, and as of when: attributes, and `time_zone`."""

    at_ms: int
    source: str
    fields: list[str]


class Membership(msgspec.Struct, frozen=True, array_like=True):
    """Being in a segment that was computed off-line.

    Args:
        version: of the table it came from.
        expires_ms: from when it no longer holds; 0 for never.
        at_ms: when the table said so.
    """

    version: str
    expires_ms: int = 0
    at_ms: int = 0


class Record(msgspec.Struct, frozen=True, array_like=True):
    """Everything known about one person.

    Args:
        customer_id: the canonical one of the person's ids.
        consents: of each id its newest statements; `engine.customer.consents` says which hold.
        preferences: what the wishes come to.
        segments: name -> membership, of segments that were imported.
        bought, met: trails of purchases and of everything else, packed.
        totals, activity: packed; `engine.customer.history` says what they hold.
        missed_ms: contacts up to this moment may have been refused, for a name too many.
        links: that made the person of several ids, the earliest first; none for most.
        wishes: of each id its newest rules.
        origins: of attributes and time zone.
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
    links: list[Link] = []
    wishes: list[Wish] = []
    origins: list[Origin] = []

    @property
    def ids(self) -> list[str]:
        """Every id the person is known under."""
        return ids_of(self.customer_id, self.links)

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
