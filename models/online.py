"""Learning from one outcome after another: what each action's chance is, and how sure that is.

Bayesian linear regression of each action's outcome on linear and random Fourier features, which stand for a Gaussian
kernel (Rahimi, Recht: Random Features for Large-Scale Kernel Machines, NIPS 2007).

The defaults are reasoned: inputs are brought to unit variance, so the kernel's width is 1 / F and weights have
variance 1 to begin with; an outcome between 0 and 1 has a standard deviation of at most 1/2, which is the noise. Mean
+ spread is the optimism of LinUCB (Li et al., WWW 2010) at one standard deviation. One owner: what learns changes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Float64Array = NDArray[np.float64]
FREQUENCIES = 300  # a step's cost grows with the square: 0.6 ms for ten actions
NOISE = 0.5  # the most that the standard deviation of an outcome between 0 and 1 can be
FARTHEST = 5.0  # standard deviations; beyond it an input says no more
SMALLEST = 2.0**-54  # below every uniform but 0, whose normal is infinite


class Estimate(NamedTuple):
    """What is known of each action.

    Args:
        mean: float64[A], expected outcome.
        spread: float64[A], standard deviation of what is not known yet of it.
    """

    mean: Float64Array
    spread: Float64Array

    @property
    def optimistic(self) -> Float64Array:
        """float64[A], above 0: what it may well be; ranked by this, the unknown is tried and then known."""
        return np.maximum(self.mean + self.spread, SMALLEST)


class Moments:
    """Mean and variance of F inputs as they come (Welford 1962)."""

    def __init__(self, width: int) -> None:
        self._count, self._mean, self._squares = 0, np.zeros(width), np.zeros(width)

    def add(self, inputs: Float64Array) -> None:
        """Count float64[F] in."""
        self._count += 1
        off = inputs - self._mean
        self._mean += off / self._count
        self._squares += off * (inputs - self._mean)

    def standard(self, inputs: Float64Array) -> Float64Array:
        """float64[F] -> float64[F] in standard deviations from the mean; 0 where nothing has varied."""
        deviation = np.sqrt(self._squares / max(self._count, 1))
        varied = deviation > 0
        standard = np.divide(inputs - self._mean, deviation, out=np.zeros(len(inputs)), where=varied)
        return np.clip(standard, -FARTHEST, FARTHEST)


class Fourier:
    """A constant, F linear and D random Fourier features; each kind has length 1 or about 1.

    Args:
        uniform: float64[D, F + 1] in [0, 1), where chance comes from.
    """

    def __init__(self, uniform: Float64Array) -> None:
        normal = ndtri(np.maximum(uniform[:, :-1], SMALLEST))
        self._frequency = normal * np.sqrt(2 / normal.shape[1])  # exp(-|x - y|^2 / F), of unit variances
        self._phase = 2 * np.pi * uniform[:, -1]
        self.width = 1 + normal.shape[1] + len(normal)

    def __call__(self, standard: Float64Array) -> Float64Array:
        """float64[F] -> float64[1 + F + D]."""
        waves = np.cos(self._frequency @ standard + self._phase) * np.sqrt(2 / len(self._phase))
        return np.concatenate([np.ones(1), standard / np.sqrt(len(standard)), waves])


class Ridge:
    """A regressions on the same W features, each updated in W^2 steps (Sherman, Morrison 1950).

    Args:
        actions: A.
        width: W.
    """

    def __init__(self, actions: int, width: int) -> None:
        self._weight = np.zeros((actions, width))
        self._covariance = np.tile(np.eye(width), (actions, 1, 1))  # of the weights, in units of the noise's variance

    def estimate(self, features: Float64Array) -> Estimate:
        """float64[W] -> of each action."""
        variance = self._covariance @ features @ features
        return Estimate(self._weight @ features, NOISE * np.sqrt(np.maximum(variance, 0)))

    def learn(self, features: Float64Array, action: int, outcome: float) -> None:
        """One outcome of one action, at float64[W]."""
        covariance = self._covariance[action]
        along = covariance @ features
        gain = along / (1 + along @ features)
        self._weight[action] += gain * (outcome - self._weight[action] @ features)
        covariance -= np.outer(along, gain)


class OnlineLearner:
    """Learns from raw inputs of any scale.

    Args:
        actions: A.
        uniform: float64[D, F + 1] in [0, 1), for the Fourier features.
    """

    def __init__(self, actions: int, uniform: Float64Array) -> None:
        self._moments, self._features = Moments(uniform.shape[1] - 1), Fourier(uniform)
        self._ridge = Ridge(actions, self._features.width)

    def estimate(self, inputs: Float64Array) -> Estimate:
        """What is known of each action at float64[F], finite."""
        return self._ridge.estimate(self._features(self._moments.standard(inputs)))

    def learn(self, inputs: Float64Array, action: int, outcome: float) -> None:
        """What came of one action at float64[F], finite; `outcome` in [0, 1]."""
        self._ridge.learn(self._features(self._moments.standard(inputs)), action, outcome)
        self._moments.add(inputs)
