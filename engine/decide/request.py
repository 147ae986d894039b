"""What one decision is asked: plain values, already checked."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from engine.decide.purposes import UNDECLARED, Declared

Plain = bool | int | float | str
Scalar = Plain | list[Plain] | dict[str, Plain]  # a list or a map holds one kind


class Preferences(msgspec.Struct, frozen=True, array_like=True):
    """What a customer asked for.

    Args:
        off: topics (groups) switched off.
        less: topic -> when "less like this" was said, epoch milliseconds.
        snoozed_until_ms: nothing before; 0 for no snooze.
        at_most_a_week: messages of any kind; None leaves it to us.
        channel: the preferred one; empty for none.
        hours: minutes after midnight, from and to, by their own clock; None for any.
    """

    off: tuple[str, ...] = ()
    less: Mapping[str, int] = {}
    snoozed_until_ms: int = 0
    at_most_a_week: int | None = None
    channel: str = ""
    hours: tuple[int, int] | None = None


NONE = Preferences()


Dealings = Mapping[str, Mapping[str, Mapping[str, float]]]  # kind -> name -> fact -> number


class Contact(NamedTuple):
    """One outcome in a customer's history, with the names it is counted by."""

    at_ms: int
    kind: str
    action_key: str = ""
    group: str = ""
    objective: str = ""
    channel: str = ""
    placement: str = ""


class Purchase(NamedTuple):
    """One purchase; the discount is what coupons took off; with the names it is counted by."""

    at_ms: int
    amount: float = 0.0
    discount: float = 0.0
    action_key: str = ""
    group: str = ""
    objective: str = ""
    channel: str = ""
    placement: str = ""

    def contact(self) -> Contact:
        """The purchase as an outcome."""
        return Contact(self.at_ms, "purchase", *self[3:])


@dataclass(frozen=True)
class CustomerView:
    """The customer as a decision sees it: one moment, nothing to look up.

    Args:
        attributes: stored and inline attributes, inline ones winning.
        behaviour: recency, frequency, monetary value and behaviour as of the decision's moment.
        allowed: (purpose, channel) -> bool; anything absent is not allowed.
        contacts: sorted by time, none after the decision's moment.
        time_zone: IANA name; empty when it is not known.
        preferences: the customer's own rules.
        suppressed: channels in which they must not be contacted; the empty one stands for all.
        customer_id: empty for somebody known by inline facts alone.
        dealings: what the history says of groups, objectives, channels and actions; only of kinds a model reads.
        purchases: sorted by time, none after the decision's moment.
    """

    attributes: Mapping[str, Scalar]
    behaviour: Mapping[str, float]
    allowed: Mapping[tuple[str, str], bool]
    contacts: tuple[Contact, ...] = ()
    time_zone: str = ""
    preferences: Preferences = NONE
    suppressed: frozenset[str] = frozenset()
    customer_id: str = ""
    dealings: Dealings = field(default_factory=dict)
    purchases: tuple[Purchase, ...] = ()

    def facts(self) -> dict[str, Scalar]:
        """Everything expressions and features read as `customer.*`; attributes win over behaviour."""
        return {**self.behaviour, **self.attributes}


@dataclass(frozen=True)
class Needs:
    """What a decision must know of a customer.

    Args:
        consents: the (purpose, channel) pairs that it may ask about.
        declared: the bundle's purposes, by which signals from outside are read.
        dealings: the kinds of key by which some model reads the history.
    """

    consents: Collection[tuple[str, str]]
    declared: Declared = UNDECLARED
    dealings: Collection[str] = ()


@dataclass(frozen=True)
class Ask:
    """One asked channel."""

    channel: str
    placement: str = ""
    limit: int = 1


@dataclass(frozen=True)
class Inline:
    """A candidate the catalogue does not hold."""

    action_key: str
    group: str
    objective: str
    purposes: tuple[str, ...]
    value: float
    attributes: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One question; `now_ms` and `seed` are arguments, never read from the machine."""

    asks: tuple[Ask, ...]
    now_ms: int
    seed: int = 1
    context: Mapping[str, Scalar] = field(default_factory=dict)
    action_keys: tuple[str, ...] = ()
    inline: tuple[Inline, ...] = ()

    @property
    def consents(self) -> set[tuple[str, str]]:
        """(purpose, channel) pairs that the inline candidates need."""
        return {(purpose, ask.channel) for each in self.inline for purpose in each.purposes for ask in self.asks}
