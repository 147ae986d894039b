"""Raw inputs of any scale to the features of an online model: brought to unit variance, then lines and curves."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Float64Array = NDArray[np.float64]

FARTHEST = 5.0  # standard deviations; beyond it an input says no more
LARGEST = 1e100  # its square is still a number
SMALLEST = 2.0**-54  # below every uniform but 0, whose normal is infinite


class Moments(NamedTuple):
    """Of F inputs; one that was missing does not count.

    Args:
        seen: float64[F], how many, faded.
        mean: float64[F].
        squares: float64[F], summed squared distance from the mean.
    """

    seen: Float64Array
    mean: Float64Array
    squares: Float64Array

    def add(self, inputs: Float64Array, weight: Float64Array) -> "Moments":
        """With float64[N, F] more, NaN for missing, of float64[N]: by Chan, Golub & LeVeque (1979), pair of sets."""
        there = np.isfinite(inputs)
        known = np.where(there, np.clip(inputs, -LARGEST, LARGEST), 0)
        weights = there * weight[:, np.newaxis]
        more = weights.sum(axis=0)
        mean = (weights * known).sum(axis=0) / np.maximum(more, SMALLEST)
        squares = (weights * (known - mean) ** 2).sum(axis=0)
        seen, off = self.seen + more, mean - self.mean
        share = more / np.maximum(seen, SMALLEST)
        return Moments(seen, self.mean + off * share, self.squares + squares + off**2 * self.seen * share)

    def faded(self, share: float) -> "Moments":
        """Counting less."""
        return Moments(self.seen * share, self.mean, self.squares * share)

    def standard(self, inputs: Float64Array) -> Float64Array:
        """float64[N, F] in standard deviations from the mean; 0 where missing, and where nothing has varied."""
        deviation = np.sqrt(self.squares / np.maximum(self.seen, SMALLEST))
        varied = np.isfinite(inputs) & (deviation > 0)
        standard = np.divide(inputs - self.mean, deviation, out=np.zeros(inputs.shape), where=varied)
        return np.clip(standard, -FARTHEST, FARTHEST)


def unseen(width: int) -> Moments:
    """Of inputs that have never been met."""
    return Moments(np.zeros(width), np.zeros(width), np.zeros(width))


class Fourier:
    """A constant, F linear and D random Fourier features; each kind has length 1 or about 1.

    They stand for a Gaussian kernel (Rahimi, Recht: Random Features for Large-Scale Kernel Machines, NIPS 2007).

    Args:
        uniform: float64[D, F + 1] in [0, 1), where chance comes from.
    """

    def __init__(self, uniform: Float64Array) -> None:
        normal = ndtri(np.maximum(uniform[:, :-1], SMALLEST))
        self._frequency = normal.T * np.sqrt(2 / normal.shape[1])  # exp(-|x - y|^2 / F), of unit variances
        self._phase = 2 * np.pi * uniform[:, -1]
        self.inputs, self.width = normal.shape[1], 1 + normal.shape[1] + len(normal)

    def __call__(self, standard: Float64Array) -> Float64Array:
        """float64[N, F] -> float64[N, 1 + F + D]."""
        waves = np.cos(standard @ self._frequency + self._phase) * np.sqrt(2 / len(self._phase))
        return np.concatenate([np.ones((len(standard), 1)), standard / np.sqrt(self.inputs), waves], axis=1)
