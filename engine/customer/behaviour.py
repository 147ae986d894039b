"""What people do and answer, as of one moment."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise

from engine.customer.as_of import AsOf, Past
from engine.decide.behaviour import MEASURES, OURS, RESPONSES
from engine.decide.derived import Response
from engine.decide.quiet import zone_of
from engine.decide.request import Plain
from engine.decide.values import DAY_MS, UNITS_MS, duration_ms

HOUR_MS = UNITS_MS["h"]
MONTH_DAYS = 30
MEASURE_OF = {kind: measure for measure, kinds in MEASURES.items() for kind in kinds}
KIND, ACTION, GROUP, CHANNEL = 0, 1, 2, 4  # places of a trail's words


def behaviour(as_of: AsOf) -> dict[str, Plain]:
    """Counts by window, response rate, fatigue, favourite channel and topic, hours of activity."""
    made, before = _counts(as_of), as_of.met.entries()
    exposures = [at_ms for at_ms, each in before if each[KIND] in MEASURES["exposures"]]
    answers = [(at_ms, each) for at_ms, each in before if each[KIND] in RESPONSES]
    answered = len({each[ACTION] for _, each in answers})
    made["behaviour.answered"] = float(answered)
    made["behaviour.response_rate"] = _rate(answered, len(exposures), as_of.derived.response)
    made["behaviour.fatigue"] = float(len(exposures) - bisect_left(exposures, answers[-1][0] if answers else 0))
    if answers:
        made["behaviour.response_recency_days"] = (as_of.now_ms - answers[-1][0]) / DAY_MS
    own = [each for _, each in before if each[KIND] not in MEASURES["exposures"]]
    for name, place in (("channel", CHANNEL), ("topic", GROUP)):
        favourite = _favourite(each[place] for each in own)
        if favourite:
            made[f"behaviour.{name}"] = favourite
    return made | _activity(as_of)


def _rate(answered: int, exposures: int, shrunk: Response) -> float:
    """Answers per exposure, never above 1: a click on what was never said to be shown tells of no rate."""
    return (min(answered, exposures) + shrunk.rate * shrunk.weight) / (exposures + shrunk.weight)


def _counts(as_of: AsOf) -> dict[str, Plain]:
    """Exposures, responses, views and contributions by window and altogether."""
    met, bought = as_of.met, as_of.bought
    totals = {kind: sums[0] for kind, sums in as_of.totals.kinds.items()}
    for code in met.code[met.until :]:
        kind = met.words[code][KIND]
        totals[kind if kind in totals else ""] -= 1
    if "purchase" in totals:
        totals["purchase"] -= len(bought.at) - bought.until
    made: dict[str, Plain] = {
        "behaviour.interactions_total": float(sum(times for kind, times in totals.items() if kind not in OURS)),
        "behaviour.redemptions_total": float(totals.get("redemption", 0)),
    }
    for window in as_of.derived.rfm.windows:
        made |= _measured(window, _within(met, as_of.now_ms - duration_ms(window)))
    return made | _measured("total", totals.items())


def _within(past: Past, since_ms: int) -> Iterator[tuple[str, int]]:
    """Kinds since a moment, and how often; of older ones those of whole periods."""
    since = bisect_left(past.at, since_ms, 0, past.until)
    for code, times in Counter(past.code[since : past.until]).items():
        yield past.words[code][KIND], times
    for _, _, sums in past.trail.folded(since_ms):
        yield past.words[sums.code][KIND], sums.times


def _measured(window: str, counted: Iterable[tuple[str, int]]) -> dict[str, Plain]:
    sums = dict.fromkeys(MEASURES, 0.0)
    for kind, times in counted:
        if kind in MEASURE_OF:
            sums[MEASURE_OF[kind]] += times
    return {f"behaviour.{measure}_{window}": times for measure, times in sums.items()}


def _favourite(names: Iterable[str]) -> str:
    """What stands most often, of equals the first by name; nothing where nothing is named."""
    counts = Counter(name for name in names if name)
    return min(counts, key=lambda name: (-counts[name], name), default="")


def _activity(as_of: AsOf) -> dict[str, Plain]:
    """Active days and sessions (hours of activity without a break) of the last 30 days, favourite hour and weekday."""
    activity = as_of.activity
    # An hour is known when it is over: what was done in it might have been done after the moment.
    until = as_of.now_ms // HOUR_MS
    days = zip(activity.day, activity.hours, strict=True)
    hours = (day * 24 + hour for day, mask in days for hour in _bits(mask))
    recent = [hour for hour in hours if until - MONTH_DAYS * 24 <= hour < until]
    breaks = sum(later - hour > 1 for hour, later in pairwise(recent))
    made: dict[str, Plain] = {
        "behaviour.active_days_30d": float(len({hour // 24 for hour in recent})),
        "behaviour.sessions_30d": float(breaks + bool(recent)),
    }
    if recent:
        local = [hour + _ahead(as_of.record.time_zone, as_of.now_ms) for hour in recent]
        made["behaviour.hour"] = float(_most(hour % 24 for hour in local))
        made["behaviour.weekday"] = float(_most((hour // 24 + 3) % 7 for hour in local))  # 1970 began on a Thursday
    return made


def _bits(mask: int) -> Iterator[int]:
    """The places of the ones."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _ahead(time_zone: str, now_ms: int) -> int:
    """Hours by which the person's clock is ahead of UTC; 0 where it is not known."""
    zone = zone_of(time_zone)
    offset = None if zone is None else datetime.fromtimestamp(now_ms // 1000, zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() / 3600)


def _most(numbers: Iterable[int]) -> int:
    counts = Counter(numbers)
    return min(counts, key=lambda number: (-counts[number], number))
