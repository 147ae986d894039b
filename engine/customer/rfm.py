"""Recency, frequency and monetary value as of one moment.

Windows slide to the millisecond over the newest purchases; of older ones, whose day or four weeks alone are known,
those count whose period lies in the window wholly.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import exp2, fsum
from operator import mul

from engine.customer.as_of import AsOf, Past
from engine.customer.buckets import Sums
from engine.customer.history import MONEY
from engine.decide.request import Plain
from engine.decide.values import DAY_MS, duration_ms

PLACE = {"channel": 4, "group": 2}  # of a trail's words
NOTHING = (0, 0, 0, 0)


@dataclass
class Series:
    """Purchases before a moment, sorted; money in thousandths.

    Args:
        at_ms, amount, couponed: of the newest ones; couponed is 0 or 1.
        older: start and end of periods, and what fell there.
    """

    at_ms: list[int] = field(default_factory=list)
    amount: list[int] = field(default_factory=list)
    couponed: list[int] = field(default_factory=list)
    older: list[tuple[int, int, Sums]] = field(default_factory=list)

    def since(self, since_ms: int) -> tuple[int, int, int]:
        """Count, amount and couponed from a moment on."""
        at = bisect_left(self.at_ms, since_ms)
        older = [] if at else [sums for start_ms, _, sums in self.older if start_ms >= since_ms]
        count = len(self.at_ms) - at + sum(sums.times for sums in older)
        amount = sum(self.amount[at:]) + sum(sums.amount for sums in older)
        return count, amount, sum(self.couponed[at:]) + sum(sums.couponed for sums in older)

    def decayed(self, now_ms: int, half_life_ms: int) -> tuple[float, float]:
        """Frequency and amount, each purchase weighing half as much a half-life later; periods from their middle on."""
        weights = [exp2((at_ms - now_ms) / half_life_ms) for at_ms in self.at_ms]
        middles = [min((start_ms + end_ms) // 2, now_ms) for start_ms, end_ms, _ in self.older]
        old = [exp2((middle_ms - now_ms) / half_life_ms) for middle_ms in middles]
        sums = [sums for _, _, sums in self.older]
        # Exact sums: those of a period stand in the order of arrival.
        frequency = fsum([*weights, *(weight * each.times for weight, each in zip(old, sums, strict=True))])
        amount = fsum([*map(mul, weights, self.amount), *(w * each.amount for w, each in zip(old, sums, strict=True))])
        return frequency, amount / MONEY


def rfm(as_of: AsOf) -> dict[str, Plain]:
    """Overall: windows, totals, half-lives, recency, tenure, and how much of it came with coupons."""
    past, now_ms, rule = as_of.bought, as_of.now_ms, as_of.derived.rfm
    series = _series(past)
    count, amount, discount, couponed, first_ms, _ = as_of.totals.kinds.get("purchase", (*NOTHING, 0, 0))
    count -= len(past.at) - past.until
    amount -= sum(past.amount[past.until :])
    discount -= sum(past.discount[past.until :])
    couponed -= sum(map(bool, past.discount[past.until :]))
    made: dict[str, Plain] = {"rfm.discount_total": discount / MONEY}
    made |= _window("rfm", "total", (count, amount, couponed))
    for window in rule.windows:
        made |= _window("rfm", window, series.since(now_ms - duration_ms(window)))
    for half_life in rule.half_lives:
        frequency, monetary = series.decayed(now_ms, duration_ms(half_life))
        made |= {f"rfm.frequency_half_{half_life}": frequency, f"rfm.monetary_half_{half_life}": monetary}
    if count:
        made["rfm.tenure_days"] = (now_ms - first_ms) / DAY_MS
        made["rfm.mean_basket"] = amount / MONEY / count
        made["rfm.recency_days"] = (now_ms - _last_ms(past, first_ms)) / DAY_MS
    return made


def _last_ms(past: Past, first_ms: int) -> int:
    """The last purchase of those before; where all that is kept to the moment is later, the day of the last one."""
    if past.until:
        return past.at[past.until - 1]
    return max([first_ms, *(start_ms for start_ms, _, _ in past.trail.folded())])


def _window(prefix: str, window: str, sums: tuple[int, int, int]) -> dict[str, Plain]:
    count, amount, couponed = sums
    return {
        f"{prefix}.frequency_{window}": float(count),
        f"{prefix}.monetary_{window}": amount / MONEY,
        f"{prefix}.couponed_{window}": float(couponed),
    }


def _series(past: Past) -> Series:
    couponed = [int(discount > 0) for discount in past.discount[: past.until]]
    return Series(past.at[: past.until], past.amount[: past.until], couponed, list(past.trail.folded()))


def apart(as_of: AsOf, dimension: str) -> dict[str, Plain]:
    """The same by channel or by group."""
    past, now_ms, made = as_of.bought, as_of.now_ms, dict[str, Plain]()
    names = [name for of, name in as_of.derived.apart() if of == dimension]
    name_of = [words[PLACE[dimension]] for words in past.words]
    before, after = _before(past, name_of, names), _after(past, name_of)
    for name in names:
        prefix = f"rfm.{dimension}.{name}"
        cell = as_of.totals.apart.get(f"{dimension}:{name}", NOTHING)
        later = after[name]
        count, amount = cell[0] - len(later), cell[1] - sum(later)
        windows = [
            (window, before[name].since(now_ms - duration_ms(window))[:2]) for window in as_of.derived.rfm.windows
        ]
        for window, (frequency, monetary) in (*windows, ("total", (count, amount))):
            made[f"{prefix}.frequency_{window}"] = float(frequency)
            made[f"{prefix}.monetary_{window}"] = monetary / MONEY
        last_ms = before[name].at_ms[-1] if before[name].at_ms else 0 if later else cell[2]
        if count and last_ms:
            made[f"{prefix}.recency_days"] = (now_ms - last_ms) / DAY_MS
    return made


def _before(past: Past, name_of: Sequence[str], names: Iterable[str]) -> dict[str, Series]:
    """Name -> its purchases before the moment."""
    trail, found = past.trail, {name: Series() for name in names}
    for at_ms, amount, code in zip(past.at[: past.until], past.amount, past.code, strict=False):
        series = found.get(name_of[code])
        if series is not None:
            series.at_ms.append(at_ms)
            series.amount.append(amount)
            series.couponed.append(0)
    for start_ms, end_ms, sums in trail.folded():
        series = found.get(name_of[sums.code])
        if series is not None:
            series.older.append((start_ms, end_ms, sums))
    return found


def _after(past: Past, name_of: Sequence[str]) -> dict[str, list[int]]:
    """Name -> the amounts of purchases that the moment has not seen."""
    found: dict[str, list[int]] = defaultdict(list)
    for amount, code in zip(past.amount[past.until :], past.code[past.until :], strict=True):
        found[name_of[code]].append(amount)
    return found
