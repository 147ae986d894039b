"""Ways to explore: how likely each alternative is, and how one is drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]
Positions = NDArray[np.intp]
Codes = NDArray[np.intp]
# Of one slot: the alternatives left, their chances and the slot's number, to the drawn one's place among them.
Pick = Callable[[Positions, Float64Array, int], int]
SMALLEST = 2.0**-54  # below every uniform but 0, whose logarithm is infinite


class Explorer(Protocol):
    """One objective's way to explore; `price` is the share of the best priority that a slot may cost."""

    @property
    def price(self) -> float: ...

    def chances(self, priority: Float64Array) -> Float64Array:
        """float64[K], best first -> float64[K]: the chance of each, sum 1."""
        ...

    def picking(self, priority: Float64Array, uniform: Float64Array) -> Pick:
        """How the slots of one ask are drawn; both float64[M], of all the objective's candidates, best first."""
        ...


@dataclass(frozen=True)
class Epsilon:
    """The best, but with chance `epsilon` any alternative, the best among them."""

    epsilon: float
    price: float

    def chances(self, priority: Float64Array) -> Float64Array:
        """float64[K], best first -> float64[K]."""
        chances = np.full(len(priority), self.epsilon / len(priority))
        chances[0] += 1 - self.epsilon
        return chances

    def picking(self, priority: Float64Array, uniform: Float64Array) -> Pick:  # noqa: ARG002  the seam's
        """Each slot for itself."""
        return _by_uniform(uniform)


@dataclass(frozen=True)
class SquareCB:
    """Inverse gap weighting: 1 / (K + gamma x gap), the rest to the best; gaps as shares of the best priority.

    Foster, Rakhlin: Beyond UCB, ICML 2020, algorithm 1.
    """

    gamma: float
    price: float

    def chances(self, priority: Float64Array) -> Float64Array:
        """float64[K], best first -> float64[K]."""
        best = priority[0]
        gap = (best - priority) / (best if best > 0 else 1.0)  # at or below 0 alternatives are ties: no gap
        chances: Float64Array = 1 / (len(priority) + self.gamma * gap)
        chances[0] = 1 - chances[1:].sum()
        return chances

    def picking(self, priority: Float64Array, uniform: Float64Array) -> Pick:  # noqa: ARG002  the seam's
        """Each slot for itself."""
        return _by_uniform(uniform)


@dataclass(frozen=True)
class PlackettLuce:
    """The softmax of priority / temperature among those left: slot after slot, a Plackett-Luce ranking."""

    temperature: float
    price: float

    def chances(self, priority: Float64Array) -> Float64Array:
        """float64[K], best first -> float64[K]."""
        weights = np.exp((priority - priority[0]) / self.temperature)
        return np.asarray(weights / weights.sum())

    def picking(self, priority: Float64Array, uniform: Float64Array) -> Pick:
        """The whole ranking from one Gumbel number a candidate."""
        return _Race((priority - priority[0]) / self.temperature, uniform).pick


BEST = Epsilon(epsilon=0.0, price=0.0)  # no exploration


def _by_uniform(uniform: Float64Array) -> Pick:
    def pick(_: Positions, chances: Float64Array, slot: int) -> int:
        at = int(np.searchsorted(np.cumsum(chances), uniform[slot], side="right"))
        return min(at, len(chances) - 1)  # the sum may fall an ulp short of 1

    return pick


def near_best(priority: Float64Array, price: float) -> int:
    """How many alternatives a slot has.

    Args:
        priority: float64[M], best first, at least one.
        price: share of the best priority that the slot may cost.

    Returns:
        K, at least 1: those at or above (1 - price) x best; of a best at or below 0 the ties alone.
    """
    best = priority[0]
    return int(np.count_nonzero(priority >= ((1 - price) * best if best > 0 else best)))


class _Race:
    """Gumbel top-k: ranking by logit + Gumbel number is a Plackett-Luce draw (Yellott 1977; Kool et al., ICML 2019).

    As the best are taken, the price lets more candidates in. Who enters late must not have won earlier: the number is
    drawn below the last winner's, which is -log(exp(-winner) + exp(-own)) since exponential clocks have no memory.

    Args:
        logit: float64[M], best first.
        uniform: float64[M], one a candidate.
    """

    def __init__(self, logit: Float64Array, uniform: Float64Array) -> None:
        self._key = logit - np.log(-np.log(np.maximum(uniform, SMALLEST)))
        self._entered, self._winner = 0, np.inf

    def pick(self, left: Positions, _: Float64Array, __: int) -> int:
        late = left[left >= self._entered]
        self._key[late] = -np.logaddexp(-self._winner, -self._key[late])
        self._entered = max(self._entered, int(left[-1]) + 1)
        at = int(np.argmax(self._key[left]))
        self._winner = self._key[left[at]]
        return at
