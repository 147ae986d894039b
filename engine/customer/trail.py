"""One stream of a person's interactions, bounded: the newest as they were, older ones by day, then by four weeks.

What is kept is a function of the set of interactions alone, never of the order of their arrival: an entry leaves for a
reason that further interactions cannot undo (so many are newer, the window has moved past it), and periods are sums.

No cap can leak. A cap counts entries of some messages (codes) since a moment within the policy window, up to `at_most`.
An entry that has left, of a kind that caps count and inside the window, has `newest` entries of its own code after it;
these lie in the window, too, and `newest` is above every `at_most`: where the entry is missed, the cap is full anyway.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

import msgspec

from engine.customer.buckets import Buckets, PackedBuckets, Sums
from engine.customer.columns import get, insert
from engine.decide.values import DAY_MS

MONTHS = 24  # sums of 28 days each
MONTH_DAYS = 28
SLACK = 16  # names that nothing refers to any more, before they are cleared away

Words = tuple[str, ...]  # kind, action, group, objective, channel, placement


class Entry(NamedTuple):
    """One interaction; money in thousandths, so that sums are exact in any order."""

    at_ms: int
    words: Words
    amount: int = 0
    discount: int = 0


class Packed(msgspec.Struct, array_like=True):
    """A trail as it is stored: names once, times as differences, nothing for money where there is none.

    Args:
        combos: of each code the places of its words among the strings, as the characters of one text: texts decode
            three times as fast as lists of numbers.
    """

    strings: list[str] = []
    combos: list[str] = []
    steps: list[int] = []
    code: list[int] = []
    amount: list[int] = []
    discount: list[int] = []
    last_ms: int = 0
    lost_ms: int = 0
    days: PackedBuckets = msgspec.field(default_factory=PackedBuckets)
    months: PackedBuckets = msgspec.field(default_factory=PackedBuckets)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Packed)
NOTHING = msgspec.Raw(_ENCODER.encode(Packed()))


class Trail:
    """A working copy; in one of the usual size, adding what is newest takes a few microseconds.

    Attributes:
        strings, combos: names, and for each code its words' places among them.
        code, amount, discount: columns of the newest entries, sorted by time; no money at all is an empty column.
        days, months: older ones, as sums.
        lost_ms: contacts up to this moment may have been lost to the bound that no usual history reaches.
    """

    def __init__(self, raw: msgspec.Raw) -> None:
        self._packed = packed = _DECODER.decode(raw)
        self.strings, self.combos, self.code = packed.strings, packed.combos, packed.code
        self.amount, self.discount = packed.amount, packed.discount
        self.days, self.months = Buckets(packed.days, 1), Buckets(packed.months, MONTH_DAYS)
        self._steps, self.last_ms, self.lost_ms, self._folded = packed.steps, packed.last_ms, packed.lost_ms, False

    def __len__(self) -> int:
        """How many newest entries there are."""
        return len(self.code)

    @property
    def at(self) -> list[int]:
        """Their moments, epoch milliseconds, rising."""
        return list(accumulate(self._steps))

    @property
    def first_ms(self) -> int:
        """The first of them."""
        return self._steps[0]

    def until(self, at_ms: int) -> int:
        """How many lie at a moment or before it; looked for from the front, where few are expected."""
        moments = enumerate(accumulate(self._steps))
        return next((place for place, moment_ms in moments if moment_ms > at_ms), len(self.code))

    def folded(self, since_ms: int = 0) -> Iterator[tuple[int, int, Sums]]:
        """Start and end of each period that begins at a moment or later, and what fell there; oldest first."""
        yield from self.months.since(since_ms)
        yield from self.days.since(since_ms)

    def pack(self) -> msgspec.Raw:
        """As it is stored."""
        days, months = self._packed.days, self._packed.months
        if self._folded:
            self._clear()
            days, months = self.days.pack(), self.months.pack()
        packed = Packed(
            self.strings, self.combos, self._steps, self.code, self.amount, self.discount, self.last_ms, self.lost_ms,
            days, months,
        )  # fmt: skip
        return msgspec.Raw(_ENCODER.encode(packed))

    def words(self, code: int) -> Words:
        """The names behind a code."""
        strings = self.strings
        return tuple([strings[ord(place)] for place in self.combos[code]])

    def every_words(self) -> list[Words]:
        """The names behind every code."""
        name = self.strings.__getitem__
        return [tuple(map(name, map(ord, combo))) for combo in self.combos]

    def insert(self, entry: Entry) -> int:
        """Put an entry in its place; returns where that is."""
        code, last = self._code(entry.words), len(self.code)
        place = last if entry.at_ms > self.last_ms else self._place_of(entry)
        for column, value in ((self.amount, entry.amount), (self.discount, entry.discount)):
            insert(column, place, value, last)
        self.code.insert(place, code)
        if place == last:
            self._steps.append(entry.at_ms - self.last_ms)
            self.last_ms = entry.at_ms
        else:
            before_ms = sum(self._steps[:place])
            self._steps[place] -= entry.at_ms - before_ms
            self._steps.insert(place, entry.at_ms - before_ms)
        return place

    def _place_of(self, entry: Entry) -> int:
        """Where a late entry goes; what happened in the same millisecond is sorted by name and then by money."""
        at = self.at
        place = bisect_left(at, entry.at_ms)
        while place < len(at) and at[place] == entry.at_ms and self._entry(place, at[place]) < entry:
            place += 1
        return place

    def _entry(self, place: int, at_ms: int) -> Entry:
        return Entry(at_ms, self.words(self.code[place]), get(self.amount, place), get(self.discount, place))

    def drop(self, place: int) -> Entry:
        """Let go one of the newest entries, but not the last one."""
        entry = self._entry(place, sum(self._steps[: place + 1]))
        self._steps[place + 1] += self._steps[place]
        for column in (self._steps, self.code, self.amount, self.discount):
            if column:
                del column[place]
        self._folded = True
        return entry

    def fold(self, place: int, days: int) -> None:
        """Move one of the newest entries, but not the last one, to its day; so many of these are kept."""
        entry = self.drop(place)
        kind, _, group, _, channel, _ = entry.words
        code = self._code((kind, "", group, "", channel, ""))
        sums = Sums(code, 1, entry.amount, entry.discount, int(entry.discount > 0))
        for day, left in self.days.add(entry.at_ms // DAY_MS, sums, days):
            deque(self.months.add(day, left, MONTHS), 0)  # what leaves the months, too, is in the totals alone

    def _code(self, words: Words) -> int:
        combo = self._combo(words)
        try:
            return self.combos.index(combo)
        except ValueError:
            self.combos.append(combo)
            return len(self.combos) - 1

    def _combo(self, words: Words) -> str:
        strings = self.strings
        for word in words:
            if word not in strings:
                strings.append(word)
        return "".join(map(chr, map(strings.index, words)))

    def _clear(self) -> None:
        """Clear away names that nothing refers to, once there are enough of them."""
        if len(self.combos) <= SLACK:
            return
        used = sorted({*self.code, *self.days.codes, *self.months.codes})
        if len(self.combos) <= SLACK + len(used):
            return
        kept = [self.words(code) for code in used]
        new = {code: at for at, code in enumerate(used)}
        self.strings, self.combos = [], []
        for words in kept:
            self._code(words)
        self.code = [new[code] for code in self.code]
        for buckets in (self.days, self.months):
            buckets.recode(new)
