"""How far a figure may be off: the bootstrap, by customer."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models import Metric

RESAMPLES = 200
CONFIDENCE = 0.95


def with_interval(
    figure: Callable[[NDArray[np.float64]], float], customers: NDArray[np.object_], seed: int = 0
) -> Metric:
    """A figure with its percentile interval; customers are drawn, not rows, as one customer's rows resemble each other.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8.3 and 13.3.

    Args:
        figure: from the rows' weights, float64[N], to the figure; NaN where it is not defined.
        customers: object[N], whose rows they are.
        seed: fixes the draws.
    """
    rng = np.random.default_rng(seed)
    known, owner = np.unique(customers, return_inverse=True)
    figures = np.empty(RESAMPLES)
    for index in range(RESAMPLES):
        drawn = np.bincount(rng.integers(0, len(known), len(known)), minlength=len(known))
        figures[index] = figure(drawn[owner].astype(np.float64))
    value = figure(np.ones(len(owner)))
    if np.isnan(figures).any():
        return Metric(value, None, None)  # too few rows to say
    low, high = np.percentile(figures, [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)])
    return Metric(value, float(low), float(high))
