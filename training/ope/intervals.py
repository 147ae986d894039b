"""How far an estimate can be believed."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.ope.estimators import Terms

Float64Array = NDArray[np.float64]
DRAWS = 1_000
BOLDEST = 0.5  # of a bet on one term


class Interval(NamedTuple):
    """From where to where a figure may lie."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a value lies in it."""
        return self.low <= value <= self.high


def bootstrap(terms: Terms, customer: NDArray[np.intp], seed: int, level: float = 0.95) -> Interval:
    """Percentiles over draws of whole customers (Efron 1979).

    Args:
        terms: of an estimator.
        customer: intp[N], whose choice each is.
        seed: of the draws.
        level: how often the truth should be inside.
    """
    _, code = np.unique(customer, return_inverse=True)
    sums = np.stack([np.bincount(code, each) for each in (np.ones(len(code)), *terms)], axis=1)
    chance, people = np.random.default_rng(seed), len(sums)
    drawn = [np.bincount(chance.integers(0, people, people), minlength=people) @ sums for _ in range(DRAWS)]
    count, plain, above, below = np.array(drawn).T
    found = plain / count + np.divide(above, below, out=np.zeros(DRAWS), where=below > 0)
    tail = (1 - level) / 2
    low, high = np.quantile(found, (tail, 1 - tail))
    return Interval(float(low), float(high))


def by_customer(terms: Terms, customer: NDArray[np.intp]) -> Float64Array:
    """float64[customers]: of each the term that their choices come to, of which the estimate is the mean.

    A ratio is made linear around its value, which is right to the first order.
    """
    below = terms.below.mean()
    if below:
        ratio = terms.above.sum() / terms.below.sum()
        terms = Terms(terms.plain + ratio + (terms.above - ratio * terms.below) / below, *terms[1:])
    _, code = np.unique(customer, return_inverse=True)
    per = np.bincount(code, terms.plain)
    return np.asarray(per, np.float64) * (len(per) / len(code))


def bernstein(each: Float64Array, bounds: tuple[float, float], level: float = 0.95) -> Interval:
    """Empirical Bernstein bound of a mean, for a sample whose size was fixed before (Maurer, Pontil, COLT 2009, th. 4).

    Args:
        each: float64[n], independent terms.
        bounds: between which every term lies, known before the data.
        level: how often the truth is inside, at least.
    """
    n, width, log = len(each), bounds[1] - bounds[0], math.log(4 / (1 - level))
    off = math.sqrt(2 * float(each.var(ddof=1)) * log / n) + 7 * width * log / (3 * (n - 1))
    mean = float(each.mean())
    return Interval(max(bounds[0], mean - off), min(bounds[1], mean + off))


def anytime(each: Float64Array, bounds: tuple[float, float], level: float = 0.95) -> Interval:
    """Interval that holds at every moment at once, however often one looks.

    Predictable plug-in empirical Bernstein sequence (Waudby-Smith, Ramdas, JRSS B 2024, theorem 2), at its last moment;
    the sequence may be intersected over moments by the caller.

    Args:
        each: float64[n], independent terms in the order in which they came.
        bounds: between which every term lies, known before the data.
        level: how often the truth is inside at every moment.
    """
    low, width = bounds[0], bounds[1] - bounds[0]
    if not width:
        return Interval(low, low)
    scaled, at = (each - low) / width, np.arange(1, len(each) + 1)
    log = math.log(2 / (1 - level))
    mean = (0.5 + np.cumsum(scaled)) / (at + 1)
    before = np.concatenate([[0.5], mean[:-1]])
    variance = (0.25 + np.cumsum((scaled - mean) ** 2)) / (at + 1)
    known = np.concatenate([[0.25], variance[:-1]])
    bet = np.minimum(np.sqrt(2 * log / (known * at * np.log(1 + at))), BOLDEST)
    price = 4 * (scaled - before) ** 2 * (-np.log1p(-bet) - bet) / 4
    middle, off = float(bet @ scaled / bet.sum()), float((log + price.sum()) / bet.sum())
    return Interval(low + width * max(0.0, middle - off), low + width * min(1.0, middle + off))
