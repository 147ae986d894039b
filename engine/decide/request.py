"""What one decision is asked: plain values, already checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

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


class Turn(NamedTuple):
    """Whose turn it is in a sequence of messages.

    Args:
        action: the next step's; empty when the sequence is over.
        due_ms: from when it may be shown.
    """

    action: str
    due_ms: int


@dataclass(frozen=True)
class CustomerView:
    """The customer as a decision sees it: one moment, nothing to look up.

    Args:
        attributes: stored and inline attributes, inline ones winning.
        derived: the values that somebody reads of their history, as of the decision's moment.
        allowed: (purpose, channel) -> bool; anything absent is not allowed.
        contacts: sorted by time, none after the decision's moment.
        time_zone: IANA name; empty when it is not known.
        preferences: the customer's own rules.
        suppressed: channels in which they must not be contacted; the empty one stands for all.
        customer_id: empty for somebody known by inline facts alone.
        dealings: what the history says of groups, objectives, channels and actions; only of kinds a model reads.
        turns: sequence -> whose turn it is.
        known_since_ms: contacts up to this moment may be lost; a cap that looks further back counts as full.
    """

    attributes: Mapping[str, Scalar]
    derived: Mapping[str, Plain]
    allowed: Mapping[tuple[str, str], bool]
    contacts: tuple[Contact, ...] = ()
    time_zone: str = ""
    preferences: Preferences = NONE
    suppressed: frozenset[str] = frozenset()
    customer_id: str = ""
    dealings: Dealings = field(default_factory=dict)
    turns: Mapping[str, Turn] = field(default_factory=dict)
    known_since_ms: int = 0

    def facts(self) -> dict[str, Scalar]:
        """Everything expressions and features read as `customer.*`; what was sent along wins over what is derived."""
        return {**self.derived, **self.attributes}


@dataclass(frozen=True)
class Ask:
    """One asked channel; one that reserves takes what is ranked from the caps, all of it."""

    channel: str
    placement: str = ""
    limit: int = 1
    reserve: bool = False


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
