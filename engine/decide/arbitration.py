"""Arbitration: what candidates are ranked by."""

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]


def priority_of(propensity: Float64Array, value: Float64Array, lever: Float64Array) -> Float64Array:
    """Priority = propensity x value x lever.

    Args:
        propensity: float64[N], calibrated response chances.
        value: float64[N], worth of the outcome less its cost.
        lever: float64[N], manual weights.

    Returns:
        float64[N].
    """
    return propensity * value * lever
