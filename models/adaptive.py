"""What outcomes teach between two trainings: a correction on the model's log-odds per action and channel.

A cell is one action in one channel. Its shift is drawn towards its group's, and that towards the global one, as far as
its own evidence does not say otherwise:

    shift_cell ~ N(shift_group, tau_cell^2),  shift_group ~ N(shift_global, tau_group^2),  shift_global ~ N(0, TAU_0^2)

This is empirical Bayes: Efron & Morris, Data analysis using Stein's estimator, JASA 70 (1975); Gelman & Hill, Data
Analysis Using Regression and Multilevel/Hierarchical Models (2006), chapters 12 and 14. Nothing here reads a clock.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import NormalDist
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError

Float64Array = NDArray[np.float64]
Groups = NDArray[np.intp]

FORMAT = b"\x01"
# How far apart actions of one group, and groups, are taken to lie at least, in log-odds. Not less for old actions that
# the model knows well: what it leaves out of a new one is not seen in them. 0.7: most within a factor of 4 of another.
TAU_CELL, TAU_GROUP, TAU_0 = 0.7, 0.5, 2.0
TAU_MOST = 1.5  # above, one odd cell would switch the pooling off for all
STEPS = 40  # at most; each moves a shift by at most 1, and Newton's method doubles the digits once it is near
SHIFT_MOST = 12.0  # from 1 in 160,000 to even; more is no evidence but an accident
CHANCE_LEAST, SLOPE_LEAST = 1e-6, 0.1
SETTLED = 1e-6
TINY = 1e-9
HALF_LIFE_MS = 30 * 86_400_000


class Cell(NamedTuple):
    """One action in one channel, and the group it is pooled with."""

    action: str
    channel: str
    group: str


class Event(NamedTuple):
    """Something to learn from: a trial has the propensity that the model gave it, a positive has 0 and adds no trial.

    Args:
        at_ms: when the trial was; of a positive, when the trial it answers was, so that both fade alike.
    """

    cell: Cell
    at_ms: int
    propensity: float = 0.0
    positive: bool = False


def _nothing() -> Float64Array:
    return np.zeros(0)


@dataclass(frozen=True, eq=False)
class State:
    """Sufficient statistics of K cells, each trial fading by half in a half-life; all as of `now_ms`.

    Args:
        model: version of the model whose propensities these are.
        cells: K of them, sorted.
        trials: float64[K], how many.
        expected: float64[K], summed propensity: the positives that the model expected.
        information: float64[K], summed propensity x (1 - propensity).
        positives: float64[K].
        sequence: the last interaction that was counted.
    """

    model: str
    now_ms: int = 0
    cells: tuple[Cell, ...] = ()
    trials: Float64Array = field(default_factory=_nothing)
    expected: Float64Array = field(default_factory=_nothing)
    information: Float64Array = field(default_factory=_nothing)
    positives: Float64Array = field(default_factory=_nothing)
    sequence: int = 0

    @cached_property
    def packed(self) -> bytes:
        """The state as bytes; the first is the format's version."""
        figures = (self.trials, self.expected, self.information, self.positives)
        parts = [figure.astype("<f8").tobytes() for figure in figures]
        return FORMAT + msgspec.msgpack.encode([self.model, self.now_ms, self.sequence, self.cells, *parts])

    @cached_property
    def version(self) -> str:
        """The first 12 hex digits of the bytes' digest."""
        return hashlib.sha256(self.packed).hexdigest()[:12]


def unpack(packed: bytes) -> State:
    """The state that `State.packed` gave.

    Raises:
        ModelError: when the format is unknown or the bytes are damaged.
    """
    if packed[:1] != FORMAT:
        raise ModelError(f"adaptive state of format {packed[:1]!r} is unknown; this version reads {FORMAT!r}")
    try:
        kind = tuple[str, int, int, list[Cell], bytes, bytes, bytes, bytes]
        model, now_ms, sequence, cells, *parts = msgspec.msgpack.decode(packed[1:], type=kind)
    except msgspec.DecodeError as error:
        raise ModelError(f"damaged adaptive state: {error}; remove it to start with none") from error
    if {len(part) for part in parts} != {8 * len(cells)}:
        raise ModelError("damaged adaptive state: cells and figures differ in number; remove it to start with none")
    trials, expected, information, positives = (np.frombuffer(part, "<f8").astype(np.float64) for part in parts)
    return State(model, now_ms, tuple(cells), trials, expected, information, positives, sequence)


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
    cells = tuple(sorted({*state.cells, *(event.cell for event in events)}))
    place = {cell: at for at, cell in enumerate(cells)}
    faded = 0.5 ** ((now_ms - state.now_ms) / half_life_ms)
    old = np.array([place[cell] for cell in state.cells], np.intp)
    at = np.array([place[event.cell] for event in events], np.intp)
    weight = 0.5 ** (np.maximum(now_ms - np.array([event.at_ms for event in events], np.float64), 0) / half_life_ms)
    chance = np.array([event.propensity for event in events], np.float64)
    positive = np.array([event.positive for event in events], np.float64)

    def summed(known: Float64Array, gained: Float64Array) -> Float64Array:
        made = np.zeros(len(cells))
        np.add.at(made, at, weight * gained)
        made[old] += faded * known
        return made

    return replace(
        state,
        now_ms=now_ms,
        cells=cells,
        trials=summed(state.trials, (chance > 0).astype(np.float64)),
        expected=summed(state.expected, chance),
        information=summed(state.information, chance * (1 - chance)),
        positives=summed(state.positives, positive),
    )


class Corrections(NamedTuple):
    """What N cells are corrected by.

    Args:
        shift: float64[N], on the log-odds.
        maturity: float64[N] in [0, 1), the share of the shift that is the cell's own evidence and not its group's.
        deviation: float64[N], the shift's standard deviation.
    """

    shift: Float64Array
    maturity: Float64Array
    deviation: Float64Array


def optimism(found: Corrections, quantile: float) -> Float64Array:
    """float64[N]: what to add to shifts to stand at a quantile of what is known of them; 0 at one half.

    Upper confidence bounds from a posterior: Kaufmann, Cappe & Garivier, On Bayesian upper confidence bounds for bandit
    problems, AISTATS 2012.
    """
    return NormalDist().inv_cdf(quantile) * found.deviation


def corrections(state: State, cells: Iterable[Cell]) -> Corrections:
    """What some cells are corrected by; one without any trial stands where its group stands."""
    return fit(state).of(cells)


@dataclass(frozen=True)
class Posterior:
    """The shifts of a state: (shift, maturity, deviation) of its cells, its groups and of everything else."""

    version: str
    model: str
    of_cell: dict[tuple[str, str], tuple[float, float, float]]
    of_group: dict[str, tuple[float, float, float]]
    of_rest: tuple[float, float, float]

    def of(self, cells: Iterable[Cell]) -> Corrections:
        """The corrections of N cells, known or not."""
        found = [
            self.of_cell.get((action, channel)) or self.of_group.get(group, self.of_rest)
            for action, channel, group in cells
        ]
        return Corrections(*np.array(found, np.float64).reshape(-1, 3).T.copy())


class _Pool(NamedTuple):
    """One level of the hierarchy drawn towards the one above.

    Args:
        mean, variance: float64[n], of the members.
        own: float64[n] in [0, 1), what each member's own evidence weighs.
    """

    mean: Float64Array
    variance: Float64Array
    own: Float64Array


def fit(state: State) -> Posterior:
    """Pool the cells of a state.

    Newton's method on the penalised likelihood of logistic regression with the model's log-odds as offset: each step
    is a normal hierarchical model of the working responses (penalised quasi-likelihood: Breslow & Clayton, Approximate
    inference in generalized linear mixed models, JASA 88 (1993), equation 13).

    A cell's trials have many propensities. The positives expected at shift s are taken to be
    trials x sigmoid(logit(mean propensity) + slope x s), with the slope that gives the information at s = 0: exact for
    trials that are alike and for small propensities; MacKay's approximation (The evidence framework applied to
    classification networks, Neural Computation 4 (1992), equation 10) where their log-odds are normal.
    """
    names, group_of = np.unique([cell.group for cell in state.cells], return_inverse=True)
    chance = np.clip(state.expected / np.maximum(state.trials, TINY), CHANCE_LEAST, 1 - CHANCE_LEAST)
    log_odds = np.log(chance / (1 - chance))
    slope = np.clip(state.information / np.maximum(state.trials * chance * (1 - chance), TINY), SLOPE_LEAST, 1)
    shift = np.zeros(len(state.cells))
    for _ in range(STEPS):
        before = shift
        chance = 1 / (1 + np.exp(-log_odds - slope * shift))
        information = np.maximum(state.trials * slope * chance * (1 - chance), TINY)
        working = shift + (state.positives - state.trials * chance) / information
        cells, groups, (mean, variance, tau) = _pooled(working, information, group_of)
        shift = np.clip(shift + np.clip(cells.mean - shift, -1, 1), -SHIFT_MOST, SHIFT_MOST)
        if np.abs(shift - before).max(initial=0) < SETTLED:
            break
    deviation_of_group = np.sqrt(groups.variance + tau[0])
    return Posterior(
        state.version,
        state.model,
        dict(
            zip(
                ((action, channel) for action, channel, _ in state.cells),
                zip(shift.tolist(), cells.own.tolist(), np.sqrt(cells.variance).tolist(), strict=True),
                strict=True,
            )
        ),
        {
            str(name): (at, 0.0, deviation)
            for name, at, deviation in zip(names, groups.mean.tolist(), deviation_of_group.tolist(), strict=True)
        },
        (mean, 0.0, float(np.sqrt(variance + sum(tau)))),
    )


def _pooled(
    working: Float64Array, information: Float64Array, group_of: Groups
) -> tuple[_Pool, _Pool, tuple[float, float, tuple[float, float]]]:
    """Cells towards groups, groups towards the global shift, that towards 0.

    Returns:
        the cells, the groups, and the global mean, its variance, and tau^2 of cells and of groups.
    """
    size = int(group_of.max(initial=-1)) + 1
    tau_cell = _spread(working, information, group_of, TAU_CELL)
    weight = 1 / (1 / information + tau_cell)
    evidence = _summed(group_of, weight, size)
    own = _summed(group_of, weight * working, size) / evidence
    tau_group = _spread(own, evidence, np.zeros(size, np.intp), TAU_GROUP)
    above = 1 / (1 / evidence + tau_group)
    variance = 1 / (above.sum() + TAU_0**-2)
    mean = float(above @ own * variance)
    groups = _drawn(own, evidence, tau_group, (np.full(size, mean), np.full(size, variance)))
    cells = _drawn(working, information, tau_cell, (groups.mean[group_of], groups.variance[group_of]))
    return cells, groups, (mean, float(variance), (tau_cell, tau_group))


def _drawn(own: Float64Array, information: Float64Array, tau: float, above: tuple[Float64Array, Float64Array]) -> _Pool:
    """Members drawn towards the mean above them: Efron & Morris's B is 1 - own."""
    share = information * tau / (1 + information * tau)
    mean = share * own + (1 - share) * above[0]
    return _Pool(mean, (1 - share) * tau + (1 - share) ** 2 * above[1], share)


def _spread(own: Float64Array, information: Float64Array, group_of: Groups, floor: float) -> float:
    """tau^2, how far members of a group lie apart beyond chance, by the method of moments, within its bounds.

    DerSimonian & Laird, Meta-analysis in clinical trials, Controlled Clinical Trials 7 (1986): with weights w,
    tau^2 = (Q - df) / (sum w - sum w^2 / sum w), where Q = sum w (own - mean)^2.
    """
    size = int(group_of.max(initial=-1)) + 1
    total = np.maximum(_summed(group_of, information, size), TINY)
    mean = _summed(group_of, information * own, size) / total
    excess = float(information @ (own - mean[group_of]) ** 2) - (len(own) - len(total))
    scale = float((total - _summed(group_of, information**2, size) / total).sum())
    return min(max(excess / max(scale, TINY), floor**2), TAU_MOST**2)


def _summed(group_of: Groups, figures: Float64Array, size: int) -> Float64Array:
    return np.bincount(group_of, figures, size).astype(np.float64)
