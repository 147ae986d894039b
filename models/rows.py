"""Scoring the rows of a table: what a request brings, and which rows, to chances."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.scorers import Scorer
from models.spec import Places
from models.table import Inputs, RowTable

Float64Array = NDArray[np.float64]
Clock = Callable[[], int]  # nanoseconds, rising


class RowScorer(Protocol):
    """Turns what a request brings into response chances of rows."""

    def score(self, inputs: Inputs, rows: Places) -> Float64Array:
        """Inputs of one request, intp[N] -> float64[N], in [0, 1]."""
        ...


class OnnxRows:
    """Any scorer over features, one call for all rows.

    Args:
        table: the rows.
        scorer: reads the table's spec.
        reason: why there is nothing faster, for people.
    """

    def __init__(self, table: RowTable, scorer: Scorer, reason: str = "") -> None:
        self._table, self._scorer, self.reason = table, scorer, reason

    def score(self, inputs: Inputs, rows: Places) -> Float64Array:
        """Inputs of one request, intp[N] -> float64[N]."""
        return self._scorer.score(self._table.matrix(inputs, rows)).astype(np.float64)
