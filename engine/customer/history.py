"""What each interaction leaves behind: purchases and contacts as trails, totals for ever, the hours of activity."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate

import msgspec

from engine.customer.columns import differences
from engine.customer.trail import Entry, Trail
from engine.decide.behaviour import KNOWN, MEASURES
from engine.decide.keeping import Keeping
from engine.decide.values import DAY_MS, UNITS_MS

PURCHASES, PURCHASE_DAYS = 96, 96  # kept as they were, then as sums by day: 90 days of the busiest shopper we know
CONTACTS, CONTACT_DAYS = 64, 24  # the newest of any kind are kept for what people read, caps keep more
CONTACTS_MOST = 512  # what caps may keep at most; beyond it they are full
ACTIVE_DAYS = 45
MONEY = 1_000  # the smallest coin of any currency in use


class Totals(msgspec.Struct, array_like=True):
    """Sums of everything that ever happened.

    Args:
        kinds: kind -> count, amount, discount, how many came with one, first and last moment; kinds that nobody knows
            are one, the empty text.
        apart: `channel:web` -> count, amount and last moment of its purchases.
    """

    kinds: dict[str, list[int]] = {}
    apart: dict[str, list[int]] = {}


class Activity(msgspec.Struct, array_like=True):
    """The hours, UTC, in which the person did something: one bit for each hour of each of the newest days."""

    day: list[int] = []
    hours: list[int] = []


_ENCODER = msgspec.msgpack.Encoder()
_TOTALS = msgspec.msgpack.Decoder(Totals)
_ACTIVITY = msgspec.msgpack.Decoder(Activity)
NO_TOTALS = msgspec.Raw(_ENCODER.encode(Totals()))
NO_ACTIVITY = msgspec.Raw(_ENCODER.encode(Activity()))


def totals_of(raw: msgspec.Raw) -> Totals:
    """Unpacked."""
    return _TOTALS.decode(raw)


def activity_of(raw: msgspec.Raw) -> Activity:
    """Unpacked; days since 1970."""
    packed = _ACTIVITY.decode(raw)
    return Activity(list(accumulate(packed.day)), packed.hours)


def bought(raw: msgspec.Raw, entries: Iterable[Entry]) -> msgspec.Raw:
    """A trail of purchases with more of them: the newest are kept, older ones by day."""
    trail = Trail(raw)
    for entry in entries:
        trail.insert(entry._replace(words=("purchase", "", entry.words[2], "", entry.words[4], "")))
        if len(trail) > PURCHASES:
            trail.fold(0, PURCHASE_DAYS)
    return trail.pack()


def met(raw: msgspec.Raw, entries: Iterable[Entry], keeping: Keeping) -> msgspec.Raw:
    """A trail of contacts with more of them: the newest are kept, and beyond them what caps and sequences may count."""
    trail = Trail(raw)
    for entry in entries:
        _meet(trail, entry, keeping)
    return trail.pack()


def _meet(trail: Trail, entry: Entry, keeping: Keeping) -> None:
    place = trail.insert(entry)
    code = trail.code[place]
    if len(trail) > CONTACTS:
        for gone in sorted(set(_left(trail, place, keeping)), reverse=True):
            _let_go(trail, gone)
        _spare(trail, code, keeping)
    while len(trail) > CONTACTS_MOST:
        trail.lost_ms = max(trail.lost_ms, trail.first_ms)
        _let_go(trail, 0)


def _let_go(trail: Trail, place: int) -> None:
    """To its day; purchases have their own trail, where their days are."""
    if trail.words(trail.code[place])[0] == "purchase":
        trail.drop(place)
    else:
        trail.fold(place, CONTACT_DAYS)


def _left(trail: Trail, place: int, keeping: Keeping) -> Iterator[int]:
    """Entries beyond the newest that are of no kind that counts, or that the window has moved past.

    Of what is already beyond them only the window can take more away.
    """
    old = len(trail) - CONTACTS
    passed = min(old, trail.until(trail.last_ms - keeping.window_ms))
    for at in {*range(passed), old - 1, min(place, old - 1)}:
        kind, action = trail.words(trail.code[at])[:2]
        step = action in keeping.steps and kind in MEASURES["exposures"]
        counts = at >= passed and keeping.counts(kind)
        if not (step or counts):
            yield at


def _spare(trail: Trail, added: int, keeping: Keeping) -> None:
    """Let go the oldest entry of a code that has more than enough newer ones: of the one added, or just grown old."""
    for code in {added, trail.code[max(0, len(trail) - CONTACTS - 1)]}:
        first = trail.code.index(code) if trail.code.count(code) > keeping.newest else len(trail)
        if first < len(trail) - CONTACTS:
            _let_go(trail, first)


def counted(raw: msgspec.Raw, entries: Iterable[Entry], keeping: Keeping) -> msgspec.Raw:
    """Totals with more entries."""
    totals = _TOTALS.decode(raw)
    for entry in entries:
        _count(totals, entry, keeping)
    return msgspec.Raw(_ENCODER.encode(totals))


def _count(totals: Totals, entry: Entry, keeping: Keeping) -> None:
    kind, _, group, _, channel, _ = entry.words
    own = kind if kind in KNOWN or kind in keeping.exits else ""
    count, amount, discount, couponed, first_ms, last_ms = totals.kinds.get(own, (0, 0, 0, 0, entry.at_ms, entry.at_ms))
    totals.kinds[own] = [
        count + 1, amount + entry.amount, discount + entry.discount, couponed + (entry.discount > 0),
        min(first_ms, entry.at_ms), max(last_ms, entry.at_ms),
    ]  # fmt: skip
    if kind == "purchase":
        named = ("channel", channel, keeping.channels), ("group", group, keeping.groups)
        for key in [f"{dimension}:{name}" for dimension, name, known in named if name in known]:
            count, amount, last_ms = totals.apart.get(key, (0, 0, 0))
            totals.apart[key] = [count + 1, amount + entry.amount, max(last_ms, entry.at_ms)]


def active(raw: msgspec.Raw, moments: Iterable[int]) -> msgspec.Raw:
    """Activity with the hours of more moments; days that lie too far behind the newest are let go."""
    activity = activity_of(raw)
    for at_ms in moments:
        _act(activity, at_ms)
    behind = bisect_left(activity.day, activity.day[-1] - ACTIVE_DAYS + 1)
    del activity.day[:behind], activity.hours[:behind]
    return msgspec.Raw(_ENCODER.encode(Activity(differences(activity.day), activity.hours)))


def _act(activity: Activity, at_ms: int) -> None:
    day, hour = at_ms // DAY_MS, at_ms % DAY_MS // UNITS_MS["h"]
    place = bisect_left(activity.day, day)
    if place == len(activity.day) or activity.day[place] != day:
        activity.day.insert(place, day)
        activity.hours.insert(place, 0)
    activity.hours[place] |= 1 << hour
