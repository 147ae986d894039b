"""A record as of one moment: its parts are decoded when something asks for them, each of them once."""

from bisect import bisect_left
from functools import cached_property
from typing import NamedTuple

from engine.customer.history import Activity, Totals, activity_of, totals_of
from engine.customer.record import Record
from engine.customer.trail import Trail, Words
from engine.decide.derived import Derived
from engine.decide.request import Contact


class Past(NamedTuple):
    """A trail as of a moment.

    Args:
        trail: all of it.
        words: the names behind its codes.
        at, code, amount, discount: of its newest entries.
        until: how many of them lie before the moment.
    """

    trail: Trail
    words: list[Words]
    at: list[int]
    code: list[int]
    amount: list[int]
    discount: list[int]
    until: int

    def entries(self) -> list[tuple[int, Words]]:
        """Moment and names of those before the moment, sorted by time."""
        words = self.words
        return [(at_ms, words[code]) for at_ms, code in zip(self.at[: self.until], self.code, strict=False)]

    def without(self, kind: str) -> "Past":
        """The same, but for one kind."""
        gone = {code for code, words in enumerate(self.words) if words[0] == kind}
        if not gone:
            return self
        kept = [place for place, code in enumerate(self.code) if code not in gone]
        until = sum(place < self.until for place in kept)
        at, code, amount, discount = (
            [column[place] for place in kept] for column in (self.at, self.code, self.amount, self.discount)
        )
        return Past(self.trail, self.words, at, code, amount, discount, until)


class AsOf:
    """What a record says about the time strictly before a moment.

    Args:
        record: later events are not looked at.
        now_ms: the moment, epoch milliseconds.
        derived: which values there are.
    """

    def __init__(self, record: Record, now_ms: int, derived: Derived) -> None:
        self.record, self.now_ms, self.derived = record, now_ms, derived

    @cached_property
    def bought(self) -> Past:
        """Purchases."""
        return self._past(Trail(self.record.bought))

    @cached_property
    def met(self) -> Past:
        """Everything else: purchases stand there, too, where caps count them, and are not met twice."""
        return self._all_met.without("purchase")

    @cached_property
    def _all_met(self) -> Past:
        return self._past(Trail(self.record.met))

    @cached_property
    def totals(self) -> Totals:
        """Sums of everything, later events among them."""
        return totals_of(self.record.totals)

    @cached_property
    def activity(self) -> Activity:
        """Hours of activity, later ones among them."""
        return activity_of(self.record.activity)

    def contacts(self) -> tuple[Contact, ...]:
        """The kept contacts until the moment, and in it: what happened this very millisecond counts for caps."""
        return self._contacts(0, self._until)

    def ahead(self) -> tuple[Contact, ...]:
        """The kept contacts after the moment."""
        return self._contacts(self._until, None)

    @property
    def _until(self) -> int:
        past = self._all_met
        return bisect_left(past.at, self.now_ms + 1, past.until)

    def _contacts(self, start: int, end: int | None) -> tuple[Contact, ...]:
        past = self._all_met
        rows = zip(past.at[start:end], past.code[start:end], strict=True)
        return tuple([Contact._make((at_ms, *past.words[code])) for at_ms, code in rows])

    def _past(self, trail: Trail) -> Past:
        at, nothing = trail.at, [0] * len(trail)
        until = bisect_left(at, self.now_ms)
        money = trail.amount or nothing, trail.discount or nothing
        return Past(trail, trail.every_words(), at, trail.code, *money, until)
