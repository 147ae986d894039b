"""Selection: the ranked actions of one ask, and the chance with which each was chosen."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np

from engine.decide.catalogue import BoolArray
from engine.decide.chance import Stream, uniforms
from engine.decide.exploration import BEST, Codes, Explorer, Float64Array, Positions, near_best


class Ranking(NamedTuple):
    """What one ask gets.

    Args:
        positions: intp[k], places among the candidates, first rank first.
        probability: float64[k], the chance of each at its rank, given what stands above it; their product is the
            chance of the whole ranking.
    """

    positions: Positions
    probability: Float64Array


class Selector(Protocol):
    """Chooses among candidates; made when a snapshot is."""

    def select(
        self, priority: Float64Array, inside: BoolArray, limit: int, objective: Codes, stream: Stream
    ) -> Ranking:
        """The top candidates of one ask.

        Args:
            priority: float64[N]; what is no finite number is never chosen.
            inside: bool[N], candidates of the ask.
            limit: at most so many.
            objective: intp[N], a code each.
            stream: of chance, the ask's own.
        """
        ...

    def chances(self, priority: Float64Array, inside: BoolArray, objective: Codes) -> Float64Array:
        """float64[N]: the chance of each candidate to be ranked first; sum 1, or 0 when none can be chosen."""
        ...


class Greedy:
    """Always the best: each chosen one has probability 1."""

    def select(
        self,
        priority: Float64Array,
        inside: BoolArray,
        limit: int,
        objective: Codes,  # noqa: ARG002  the seam's
        stream: Stream,  # noqa: ARG002  the seam's
    ) -> Ranking:
        """Best first."""
        positions = _best_first(priority, inside)[:limit]
        return Ranking(positions, np.ones(len(positions)))

    def chances(self, priority: Float64Array, inside: BoolArray, objective: Codes) -> Float64Array:
        """float64[N]: 1 for the best."""
        chances = np.zeros(len(priority))
        chances[self.select(priority, inside, 1, objective, Stream(0)).positions] = 1
        return chances


class Exploring:
    """Each objective explores its own way, slot by slot, at a bounded price.

    The best candidate left decides whose turn it is; the alternatives are those left of its objective whose priority is
    at least (1 - price) x best, so that exploration never swaps objectives. What an objective draws depends on its own
    candidates alone, so objectives are drawn one by one and merged by the best that each slot had left.

    Args:
        explorers: objective's code -> its explorer; the others take the best.
    """

    def __init__(self, explorers: Mapping[int, Explorer]) -> None:
        self._explorers = explorers

    def select(
        self, priority: Float64Array, inside: BoolArray, limit: int, objective: Codes, stream: Stream
    ) -> Ranking:
        """The drawn candidates, each with its chance among the alternatives of its slot."""
        ordered = _best_first(priority, inside)
        if not len(ordered):
            return Ranking(ordered, np.zeros(0))
        uniform, codes = uniforms(*stream, len(ordered)), objective[ordered]
        slots = []
        for code in np.unique(codes).tolist():
            own = codes == code
            slots.append(self._draw(code, priority[ordered[own]], uniform[own], limit).of(ordered[own]))
        chosen, probability, best = (np.concatenate(parts) for parts in zip(*slots, strict=True))
        order = np.lexsort((best, -priority[best]))[:limit]  # stable: an objective's slots keep their order
        return Ranking(chosen[order], probability[order])

    def chances(self, priority: Float64Array, inside: BoolArray, objective: Codes) -> Float64Array:
        """float64[N]: of the alternatives of the first slot."""
        chances = np.zeros(len(priority))
        ordered = _best_first(priority, inside)
        if len(ordered):
            code = int(objective[ordered[0]])
            own = ordered[objective[ordered] == code]
            explorer = self._explorers.get(code, BEST)
            near = own[: near_best(priority[own], explorer.price)]
            chances[near] = explorer.chances(priority[near])
        return chances

    def _draw(self, code: int, priority: Float64Array, uniform: Float64Array, limit: int) -> "_Slots":
        """What one objective draws; both arrays float64[M], best first."""
        explorer, count = self._explorers.get(code, BEST), min(limit, len(priority))
        if explorer is BEST:
            return _Slots(np.arange(count), np.ones(count), np.arange(count))
        pick = explorer.picking(priority, uniform)
        left = np.arange(len(priority))
        slots: list[tuple[int, float, int]] = []
        for slot in range(count):
            near = left[: near_best(priority[left], explorer.price)]
            chances = explorer.chances(priority[near])
            at = pick(near, chances, slot)
            slots.append((int(near[at]), float(chances[at]), int(left[0])))
            left = np.concatenate((left[:at], left[at + 1 :]))
        chosen, probability, best = zip(*slots, strict=True)
        return _Slots(np.array(chosen), np.array(probability), np.array(best))


class _Slots(NamedTuple):
    """The slots one objective fills: the chosen one, its chance, and the best that was left."""

    chosen: Positions
    probability: Float64Array
    best: Positions

    def of(self, positions: Positions) -> "_Slots":
        """The same as places among all candidates."""
        return _Slots(positions[self.chosen], self.probability, positions[self.best])


def _best_first(priority: Float64Array, inside: BoolArray) -> Positions:
    """The earlier row wins a tie, and rows are sorted by key, so that the order of files never matters.

    A row without a finite priority is not among them: nobody can say what it is worth, so it is not proposed.
    """
    # Methods: numpy's functions of the same names take 2 µs more for each ask.
    positions = (inside & np.isfinite(priority)).nonzero()[0]
    return positions[(-priority[positions]).argsort(kind="stable")]
