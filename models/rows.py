"""Scoring the rows of a table: what a request brings, and which rows, to chances."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.scorers import OnnxScorer, Scorer
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
    """

    def __init__(self, table: RowTable, scorer: Scorer) -> None:
        self._table, self._scorer = table, scorer

    def score(self, inputs: Inputs, rows: Places) -> Float64Array:
        """Inputs of one request, intp[N] -> float64[N]."""
        return self._scorer.score(self._table.matrix(inputs, rows)).astype(np.float64)


def row_scorer(model: bytes, table: RowTable, clock: Clock) -> RowScorer:  # noqa: ARG001
    """The fastest exact way to score the rows of a table.

    Args:
        model: an ONNX model over the table's spec.
        table: the rows.
        clock: measures where only a measurement can choose.
    """
    return OnnxRows(table, OnnxScorer(model))
