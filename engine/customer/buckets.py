"""Sums by period: what is kept of interactions that are too old to be kept as they were."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import msgspec

from engine.customer.columns import add, differences, get, insert
from engine.decide.values import DAY_MS


class Sums(NamedTuple):
    """What fell into one period under one code; money in thousandths.

    Args:
        times: how often.
        couponed: how many came with a discount.
    """

    code: int
    times: int
    amount: int = 0
    discount: int = 0
    couponed: int = 0


class PackedBuckets(msgspec.Struct, array_like=True):
    """As it is stored: periods as differences, sums as columns.

    Args:
        first: the first period that is still told apart.
    """

    steps: list[int] = []
    code: list[int] = []
    count: list[int] = []
    amount: list[int] = []
    discount: list[int] = []
    couponed: list[int] = []
    first: int = 0


class Buckets:
    """The newest periods of so many days each.

    Args:
        packed: as stored; its columns are worked on.
        days: in a period, counted from 1970.
    """

    def __init__(self, packed: PackedBuckets, days: int) -> None:
        self._packed, self._days = packed, days

    def __len__(self) -> int:
        """How many sums there are."""
        return len(self._packed.code)

    @cached_property
    def _period(self) -> list[int]:
        return list(accumulate(self._packed.steps))

    @property
    def codes(self) -> list[int]:
        """The code of each sum."""
        return self._packed.code

    def recode(self, new: Mapping[int, int]) -> None:
        """Code -> new code."""
        self._packed.code = [new[code] for code in self._packed.code]

    def pack(self) -> PackedBuckets:
        """As it is stored."""
        self._packed.steps = differences(self._period)
        return self._packed

    def add(self, day: int, sums: Sums, most: int) -> Iterator[tuple[int, Sums]]:
        """Add what fell on a day; gives back, by day, what there is no room for when at most so many are kept.

        Periods leave whole and never come back, so that it does not matter in which order things are added.
        """
        period = day // self._days
        if period < self._packed.first:
            yield day, sums
            return
        self._count(period, sums)
        while len(self) > most:
            yield from self._leave()

    def _count(self, period: int, sums: Sums) -> None:
        packed, size = self._packed, len(self)
        place = bisect_left(self._period, period)
        while place < size and self._period[place] == period and packed.code[place] != sums.code:
            place += 1
        money = (packed.amount, sums.amount), (packed.discount, sums.discount), (packed.couponed, sums.couponed)
        if place < size and self._period[place] == period:
            packed.count[place] += sums.times
            for column, number in money:
                add(column, place, number, size)
            return
        self._period.insert(place, period)
        packed.code.insert(place, sums.code)
        packed.count.insert(place, sums.times)
        for column, number in money:
            insert(column, place, number, size)

    def _leave(self) -> Iterator[tuple[int, Sums]]:
        oldest = self._period[0]
        until = bisect_left(self._period, oldest + 1)
        gone = [self._sums(place) for place in range(until)]
        packed = self._packed
        for column in (self._period, packed.code, packed.count, packed.amount, packed.discount, packed.couponed):
            del column[:until]
        packed.first = oldest + 1
        yield from ((oldest * self._days, sums) for sums in gone)

    def _sums(self, place: int) -> Sums:
        packed = self._packed
        money = (get(column, place) for column in (packed.amount, packed.discount, packed.couponed))
        return Sums(packed.code[place], packed.count[place], *money)

    def since(self, since_ms: int) -> Iterator[tuple[int, int, Sums]]:
        """Start and end of each period that begins at a moment or later, epoch milliseconds, and what fell there."""
        span_ms = self._days * DAY_MS
        first = bisect_left(self._period, -(-since_ms // span_ms)) if self._packed.code else 0
        for place in range(first, len(self)):
            start_ms = self._period[place] * span_ms
            yield start_ms, start_ms + span_ms, self._sums(place)
