"""The shifts that a state's outcomes speak for, each drawn towards its group's and that towards the global one.

    shift_cell ~ N(shift_group, tau_cell^2),  shift_group ~ N(shift_global, tau_group^2),  shift_global ~ N(0, TAU_0^2)

This is empirical Bayes: Efron & Morris, Data analysis using Stein's estimator, JASA 70 (1975); Gelman & Hill, Data
Analysis Using Regression and Multilevel/Hierarchical Models (2006), chapters 12 and 14.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.adaptive import SURE, Cell, State

Float64Array = NDArray[np.float64]
Groups = NDArray[np.intp]
Triple = tuple[float, float, float]

# How far apart actions of one group, and groups, are taken to lie at least, in log-odds. Not less for old actions that
# the model knows well: what it leaves out of a new one is not seen in them. 0.7: most within a factor of 4 of another.
TAU_CELL, TAU_GROUP, TAU_0 = 0.7, 0.5, 2.0
TAU_MOST = 1.5  # above, one odd cell would switch the pooling off for all
STEPS = 40  # at most; each moves a shift by at most 1, and Newton's method doubles the digits once it is near
SHIFT_MOST = 12.0  # from 1 in 160,000 to even; more is no evidence but an accident
SLOPE_LEAST = 0.1
SETTLED = 1e-6
TINY = 1e-9


class Shifts(NamedTuple):
    """What N cells are corrected by.

    Args:
        shift: float64[N], on the log-odds.
        maturity: float64[N] in [0, 1), the share of the shift that is the cell's own evidence and not its group's.
        deviation: float64[N], the shift's standard deviation.
    """

    shift: Float64Array
    maturity: Float64Array
    deviation: Float64Array


def optimistic(found: Shifts, quantile: float) -> Float64Array:
    """float64[N]: what to add to shifts to stand at a quantile of what is known of them; 0 at one half.

    Upper confidence bounds from a posterior: Kaufmann, Cappe & Garivier, On Bayesian upper confidence bounds for bandit
    problems, AISTATS 2012.
    """
    return NormalDist().inv_cdf(quantile) * found.deviation


def shifts(state: State, cells: Iterable[Cell]) -> Shifts:
    """What some cells are corrected by; one without any trial stands where its group stands."""
    return fit(state).of(cells)


@dataclass(frozen=True)
class Posterior:
    """The shifts of a state: (shift, maturity, deviation) of its cells, its groups and of everything else."""

    of_cell: dict[tuple[str, str], Triple]
    of_group: dict[str, Triple]
    of_rest: Triple

    def of(self, cells: Iterable[Cell]) -> Shifts:
        """The corrections of N cells, known or not."""
        found = [
            self.of_cell.get((action, channel)) or self.of_group.get(group, self.of_rest)
            for action, channel, group in cells
        ]
        return Shifts(*np.array(found, np.float64).reshape(-1, 3).T.copy())


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
    chance = np.clip(state.expected / np.maximum(state.trials, TINY), SURE, 1 - SURE)
    log_odds = np.log(chance / (1 - chance))
    slope = np.clip(state.information / np.maximum(state.trials * chance * (1 - chance), TINY), SLOPE_LEAST, 1)
    shift = np.zeros(len(state.cells))
    for _ in range(STEPS):
        before = shift
        chance = 1 / (1 + np.exp(-log_odds - slope * shift))
        information = np.maximum(state.trials * slope * chance * (1 - chance), TINY)
        working = shift + (state.positives - state.trials * chance) / information
        cells, groups, (mean, variance, tau) = _pooled(working, information, group_of)
        shift = _bounded(shift + np.clip(cells.mean - shift, -1, 1))
        if np.abs(shift - before).max(initial=0) < SETTLED:
            break
    mean, group_means = float(_bounded(np.array(mean))), _bounded(groups.mean)
    of_group = _triples(group_means, np.zeros(len(names)), groups.variance + tau[0])
    return Posterior(
        dict(zip([cell[:2] for cell in state.cells], _triples(shift, cells.own, cells.variance), strict=True)),
        dict(zip(names.tolist(), of_group, strict=True)),
        (mean, 0.0, float(np.sqrt(variance + sum(tau)))),
    )


def _bounded(shift: Float64Array) -> Float64Array:
    return np.clip(shift, -SHIFT_MOST, SHIFT_MOST)


def _triples(shift: Float64Array, maturity: Float64Array, variance: Float64Array) -> list[Triple]:
    return list(zip(shift.tolist(), maturity.tolist(), np.sqrt(variance).tolist(), strict=True))


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
