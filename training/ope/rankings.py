"""Estimators for rankings, where each rank was chosen given those above it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.ope.estimators import Terms

Float64Array = NDArray[np.float64]


class RankedLog(NamedTuple):
    """What was ranked; a rank that was not filled has chance and target 1 and reward 0.

    Args:
        chance: float64[N, K], of what stands at each rank, given those above it.
        target: float64[N, K], the evaluated policy's chance of the same.
        reward: float64[N, K].
        expected: float64[N, K], a model's reward of this rank and all below, given what stands there and above.
        value: float64[N, K], the same as the evaluated policy would fill the rank, given those above.

    Without a model both are 0.
    """

    chance: Float64Array
    target: Float64Array
    reward: Float64Array
    expected: Float64Array
    value: Float64Array


def _mean(plain: Float64Array) -> Terms:
    return Terms(plain, np.zeros(len(plain)), np.zeros(len(plain)))


def iips(log: RankedLog) -> Terms:
    """Each rank for itself: right where a rank's reward is its own (Li et al., KDD 2018)."""
    return _mean((log.target / log.chance * log.reward).sum(axis=1))


def rips(log: RankedLog) -> Terms:
    """A rank's reward depends on those above it: people look from the top (McInerney et al., KDD 2020)."""
    return _mean((_above(log) * log.reward).sum(axis=1))


def cascade_dr(log: RankedLog) -> Terms:
    """The same, doubly robust at every rank (Kiyohara et al., WSDM 2022)."""
    weight = _above(log)
    before = np.concatenate([np.ones((len(weight), 1)), weight[:, :-1]], axis=1)
    return _mean((weight * (log.reward - log.expected) + before * log.value).sum(axis=1))


def _above(log: RankedLog) -> Float64Array:
    """float64[N, K]: the weight of each rank together with those above it."""
    return np.asarray(np.cumprod(log.target / log.chance, axis=1), np.float64)
