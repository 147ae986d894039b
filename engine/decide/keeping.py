"""What records must keep so that a bundle's caps and values can be answered from them."""

from collections.abc import Iterable

import msgspec

from engine.decide.behaviour import KNOWN
from engine.decide.derived import Derived
from engine.decide.policies import ContactPolicy
from engine.decide.values import DAY_MS

CALENDAR_MS = 32 * DAY_MS  # a month of 31 days, and a day for zones
WEEK_MS = 7 * DAY_MS
MOST_A_WEEK = 21  # what a customer's own weekly maximum can be told apart up to


class Keeping(msgspec.Struct, frozen=True, array_like=True):
    """How much of a history is kept; `engine.customer.trail` says why no cap can leak.

    Args:
        newest: contacts of each message, channel and outcome, at least.
        window_ms: how far back caps look.
        counted: the kinds that caps count; None for every kind.
        steps: actions of sequences, whose contacts are kept however old.
        exits: kinds of outcomes that end a sequence.
        channels, groups: the names whose totals are kept apart.
    """

    newest: int = 64
    window_ms: int = 366 * DAY_MS
    counted: frozenset[str] | None = None
    steps: frozenset[str] = frozenset()
    exits: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def counts(self, kind: str) -> bool:
        """Whether caps count a kind."""
        return self.counted is None or kind in self.counted

    def lacks(self, needed: "Keeping") -> str:
        """What a bundle needs and records do not have, in words; empty when they have it all."""
        said = []
        if self.newest < needed.newest:
            said.append(f"{needed.newest} contacts of a message")
        if self.window_ms < needed.window_ms:
            said.append(f"contacts of {needed.window_ms // DAY_MS} days")
        if self.counted is not None:
            said += _missing("outcomes", (needed.counted or frozenset()) - self.counted)
        for what in ("steps", "exits", "channels", "groups"):
            said += _missing(what, getattr(needed, what) - getattr(self, what))
        return ", ".join(said)


def _missing(what: str, names: Iterable[str]) -> list[str]:
    return [f"{what} {', '.join(sorted(names))}"] if names else []


def keeping_of(contacts: Iterable[ContactPolicy], derived: Derived) -> Keeping:
    """What one bundle needs."""
    contacts = tuple(contacts)
    steps = {step.action for sequence in derived.sequences for step in sequence.steps}
    exits = {kind for sequence in derived.sequences for kind in sequence.exits}
    by = derived.rfm.by
    return Keeping(
        newest=max([MOST_A_WEEK, *(contact.at_most + 1 for contact in contacts)]),
        window_ms=max([WEEK_MS, *(contact.within_ms or CALENDAR_MS for contact in contacts)]),
        counted=frozenset({"exposure", *(contact.kind for contact in contacts)}),
        steps=frozenset(steps),
        exits=frozenset(exits - KNOWN),
        channels=frozenset(derived.channels if "channel" in by else ()),
        groups=frozenset(derived.groups if "group" in by else ()),
    )


USUAL = Keeping()  # where no bundle has been said yet: more than usual bundles need
