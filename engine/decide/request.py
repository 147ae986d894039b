"""What one decision is asked: plain values, already checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

Plain = bool | int | float | str
Scalar = Plain | list[Plain] | dict[str, Plain]  # a list or a map holds one kind


class Contact(NamedTuple):
    """One outcome in a customer's history, with the names it is counted by."""

    at_ms: int
    kind: str
    action_key: str = ""
    group: str = ""
    objective: str = ""
    channel: str = ""
    placement: str = ""


@dataclass(frozen=True)
class CustomerView:
    """The customer as a decision sees it: one moment, nothing to look up.

    Args:
        attributes: stored and inline attributes, inline ones winning.
        behaviour: recency, frequency, monetary value and behaviour as of the decision's moment.
        allowed: (purpose, channel) -> bool; anything absent is not allowed.
        contacts: sorted by time, none after the decision's moment.
        time_zone: IANA name; empty when it is not known.
    """

    attributes: Mapping[str, Scalar]
    behaviour: Mapping[str, float]
    allowed: Mapping[tuple[str, str], bool]
    contacts: tuple[Contact, ...] = ()
    time_zone: str = ""

    def facts(self) -> dict[str, Scalar]:
        """Everything expressions and features read as `customer.*`; attributes win over behaviour."""
        return {**self.behaviour, **self.attributes}


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
