"""What outcomes teach between two trainings: how many came, per action and channel, beside how many a model expected.

A cell is one action in one channel. Nothing here reads a clock; `pooling` makes corrections of the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]

SURE = 1e-6  # a trial counts as no surer than this: a chance of 0 or 1 has no log-odds to correct
HALF_LIFE_MS = 30 * 86_400_000
FORGOTTEN = 0.01  # trials of a cell; one with less, faded, says nothing any more: its action left long ago


class Cell(NamedTuple):
    """One action in one channel, and the group it is pooled with."""

    action: str
    channel: str
    group: str


class Event(NamedTuple):
    """Something to learn from: a trial at the propensity that the model gave it, or a positive, which adds no trial.

    Args:
        at_ms: when the trial was; of a positive, when the trial it answers was, so that both fade alike.
        inputs: what an online model read at the decision; empty for other models.
    """

    cell: Cell
    at_ms: int
    propensity: float = 0.0
    positive: bool = False
    inputs: bytes = b""


def _nothing() -> Float64Array:
    return np.zeros(0)


@dataclass(frozen=True, eq=False)
class State:
    """Sufficient statistics of K cells, each trial fading by half in a half-life; all as of `now_ms`.

    Args:
        model: name and version of the model whose propensities these are.
        cells: K of them, sorted.
        trials: float64[K], how many.
        expected: float64[K], summed propensity: the positives that the model expected.
        information: float64[K], summed propensity x (1 - propensity).
        positives: float64[K].
    """

    model: str
    now_ms: int = 0
    cells: tuple[Cell, ...] = ()
    trials: Float64Array = field(default_factory=_nothing)
    expected: Float64Array = field(default_factory=_nothing)
    information: Float64Array = field(default_factory=_nothing)
    positives: Float64Array = field(default_factory=_nothing)


def update(state: State, events: Sequence[Event], now_ms: int, half_life_ms: int) -> State:
    """Take what happened; the order of arrival does not matter.

    Args:
        state: what is known so far.
        events: trials and positives; one that comes late counts as faded as if it had come in time.
        now_ms: the moment of the new state; never before the old one's.
        half_life_ms: after so long, a trial counts half.

    Returns:
        the state as of `now_ms`.
    """
    now_ms = max(now_ms, state.now_ms)
    faded = 0.5 ** ((now_ms - state.now_ms) / half_life_ms)
    left = np.flatnonzero(faded * np.maximum(state.trials, state.positives) >= FORGOTTEN)
    known = [state.cells[at] for at in left.tolist()]
    cells = tuple(sorted({*known, *(event.cell for event in events)}))
    place = {cell: at for at, cell in enumerate(cells)}
    old = np.array([place[cell] for cell in known], np.intp)
    at = np.array([place[event.cell] for event in events], np.intp)
    weight = 0.5 ** (np.maximum(now_ms - np.array([event.at_ms for event in events], np.float64), 0) / half_life_ms)
    positive = np.array([event.positive for event in events], np.float64)
    trial = 1 - positive
    chance = trial * np.clip(np.array([event.propensity for event in events], np.float64), SURE, 1 - SURE)

    def summed(before: Float64Array, gained: Float64Array) -> Float64Array:
        made = np.zeros(len(cells))
        np.add.at(made, at, weight * gained)
        made[old] += faded * before[left]
        return made

    return replace(
        state,
        now_ms=now_ms,
        cells=cells,
        trials=summed(state.trials, trial),
        expected=summed(state.expected, chance),
        information=summed(state.information, chance * (1 - chance)),
        positives=summed(state.positives, positive),
    )
