"""Selection: the best candidates of one channel."""

import numpy as np
from numpy.typing import NDArray

from engine.decide.catalogue import BoolArray


def rank(priority: NDArray[np.float64], inside: BoolArray, limit: int) -> NDArray[np.intp]:
    """The top candidates of one channel.

    Args:
        priority: float64[N].
        inside: bool[N], candidates of the channel.
        limit: at most so many.

    Returns:
        intp[at most limit], positions among the candidates, best first; the earlier row wins a tie, and rows are
        sorted by action key, so that the order of files never matters. Greedy: each chosen one has probability 1.
    """
    positions = np.flatnonzero(inside)
    order = np.argsort(-priority[positions], kind="stable")
    return positions[order[:limit]]
