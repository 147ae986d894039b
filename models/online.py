"""Learning in context, from the first outcome on: what each cell's chance is for such a customer, and how sure that is.

A Bayesian linear regression for each cell, of its outcomes on the features of `fourier`. What is kept are sums over
trials, so that the order of arrival does not matter and a trial fades as it does in `adaptive`.

The defaults are reasoned: inputs have unit variance, so the kernel's width is 1 / F and weights have variance 1 to
begin with; an outcome between 0 and 1 has a standard deviation of at most 1/2, which is the noise. Mean + spread is the
optimism of LinUCB (Li et al., WWW 2010) at one standard deviation.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from models.adaptive import FORGOTTEN, Cell, Event
from models.fourier import SMALLEST, Float64Array, Fourier, Moments
from models.spec import Feature, Float32Array, Places

FREQUENCIES = 64  # a cell's state grows with the square: 12 kB with ten inputs; 300 take 195 kB
INPUTS_MOST = 64  # columns of a model: 256 bytes a decision in the journal
STATE_BYTES = 1_048_576  # of all online models together: at the learner's pace a version every half minute
NOISE = 0.5  # the most that the standard deviation of an outcome between 0 and 1 can be
TRIALS_MOST = 2.0**20  # of a cell; with more, sums rounded to float32 would outweigh the prior


def width_of(features: Iterable[Feature]) -> int:
    """F: a categorical feature has a column for each category, the others have their own."""
    return sum(len(feature.categories) or feature.width for feature in features)


def bytes_of_cell(width: int) -> int:
    """What a cell takes in a published version.

    Args:
        width: F, the columns of the model's inputs.
    """
    made = 1 + width + FREQUENCIES
    return 2 * made * (made + 1) + 4 * made


class Sums(NamedTuple):
    """What one cell's trials add up to; x is float64[W], the features of a trial.

    Args:
        last_ms: when the last of them was.
        square: float64[W, W], sum of x x^T; its first entry is how many there were, faded.
        positive: float64[W], sum of the x that were answered.
    """

    last_ms: int
    square: Float64Array
    positive: Float64Array

    def faded(self, share: float) -> "Sums":
        """Counting less; itself where nothing fades."""
        return self if share == 1 else Sums(self.last_ms, self.square * share, self.positive * share)


@dataclass(frozen=True, eq=False)
class OnlineState:
    """What one online model has learned, all as of `now_ms`.

    Args:
        model: its name and version.
        moments: of its inputs.
        sums: of each cell that was tried.
    """

    model: str
    moments: Moments
    now_ms: int = 0
    sums: Mapping[Cell, Sums] = field(default_factory=dict)


def learn(
    state: OnlineState, events: Sequence[Event], features: Fourier, now_ms: int, half_life_ms: int
) -> OnlineState:
    """Take what happened: first the inputs' scale, then by that scale the trials and their positives.

    Args:
        state: what is known so far.
        events: with the inputs at the decision; one that comes late counts as faded as if it had come in time.
        features: of the model.
        now_ms: the moment of the new state; never before the old one's.
        half_life_ms: after so long, a trial counts half.
    """
    now_ms = max(now_ms, state.now_ms)
    share = 0.5 ** ((now_ms - state.now_ms) / half_life_ms)
    weight = 0.5 ** (np.maximum(now_ms - np.array([event.at_ms for event in events], np.float64), 0) / half_life_ms)
    answered = np.array([event.positive for event in events], np.bool_)
    inputs = np.stack([read_inputs(event.inputs) for event in events])
    moments = state.moments.faded(share).add(inputs[~answered], weight[~answered])
    made = features(moments.standard(inputs))
    sums = {cell: known.faded(share) for cell, known in state.sums.items() if share * known.square[0, 0] >= FORGOTTEN}
    for cell, at in _by_cell(events).items():
        last_ms = max(events[place].at_ms for place in at)
        trials, positives = (at[answered[at] == which] for which in (False, True))
        more = Sums(last_ms, (made[trials].T * weight[trials]) @ made[trials], weight[positives] @ made[positives])
        sums[cell] = _added(sums[cell], more) if cell in sums else more
    return OnlineState(state.model, moments, now_ms, sums)


def read_inputs(packed: bytes) -> Float64Array:
    """What a decision's inputs were journalled as -> float64[F]."""
    return np.frombuffer(packed, "<f4").astype(np.float64)


def _by_cell(events: Sequence[Event]) -> dict[Cell, Places]:
    found: defaultdict[Cell, list[int]] = defaultdict(list)
    for at, event in enumerate(events):
        found[event.cell].append(at)
    return {cell: np.array(places, np.intp) for cell, places in found.items()}


def _added(known: Sums, more: Sums) -> Sums:
    square, positive = known.square + more.square, known.positive + more.positive
    share = TRIALS_MOST / max(square[0, 0], TRIALS_MOST)
    return Sums(max(known.last_ms, more.last_ms), square, positive).faded(share)


class Estimate(NamedTuple):
    """What is known of N cells.

    Args:
        mean: float64[N], expected outcome.
        spread: float64[N], standard deviation of what is not known yet of it.
    """

    mean: Float64Array
    spread: Float64Array

    @property
    def propensity(self) -> Float64Array:
        """float64[N] in [0, 1]."""
        return np.clip(self.mean, 0, 1)

    @property
    def hoped(self) -> Float64Array:
        """float64[N] in (0, 1]: what it may well be; ranked by this, the unknown is tried and then known.

        Where some are above 1 all are scaled down: cut off at 1, a good one and an unknown one would be ties.
        """
        hoped = np.maximum(self.mean + self.spread, SMALLEST)
        return np.asarray(hoped / hoped.max(initial=1))


class Belief:
    """What a state speaks for; the cell after the last one stands for every cell of which nothing is known.

    Args:
        state: of a model.
        features: of the same.
        before: what was believed before; cells that did not change are taken over.
    """

    def __init__(self, state: OnlineState, features: Fourier, before: "Belief | None" = None) -> None:
        self.state, self._features = state, features
        self.place = {cell: at for at, cell in enumerate(state.sums)}
        known = before.place if before else {}
        size, width = len(state.sums), features.width
        self._weight = np.zeros((size + 1, width), np.float32)
        self._covariance = np.empty((size + 1, width, width), np.float32)  # in units of the noise's variance
        self._covariance[size] = np.eye(width)
        for at, (cell, sums) in enumerate(state.sums.items()):
            if before and cell in known and before.state.sums[cell] is sums:
                self._weight[at], self._covariance[at] = before.of(cell)
            else:
                covariance = np.linalg.inv(np.eye(width) + sums.square)
                self._weight[at], self._covariance[at] = covariance @ sums.positive, covariance

    def of(self, cell: Cell) -> tuple[Float32Array, Float32Array]:
        """float32[W], float32[W, W]: mean and covariance of a cell's weights."""
        return self._weight[self.place[cell]], self._covariance[self.place[cell]]

    def estimate(self, inputs: Float64Array, cells: Places) -> Estimate:
        """What is known at some inputs.

        Args:
            inputs: float64[F], NaN for missing.
            cells: intp[N], places of cells.
        """
        made = self._features(self.state.moments.standard(inputs[np.newaxis]))[0].astype(np.float32)
        mean, variance = self._weight[cells] @ made, self._covariance[cells] @ made @ made
        return Estimate(mean.astype(np.float64), NOISE * np.sqrt(np.maximum(variance, 0).astype(np.float64)))
