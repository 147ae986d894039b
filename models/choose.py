"""Which way the rows of a table are scored: factorised where that is exact and faster, else by ONNX Runtime."""

import importlib.util
import statistics
from collections.abc import Iterator

import numpy as np

from models.ensemble import read_ensemble
from models.errors import ModelError
from models.factorised import FactorisedRows
from models.kernels import NUMPY, Kernel
from models.rows import Clock, OnnxRows, RowScorer
from models.scorers import OnnxScorer
from models.spec import Float32Array, Places
from models.steps import Plan
from models.table import Inputs, Keyed, RowTable

TOLERANCE = 1e-6
DRAWS = 48
MOST_ROWS = 20_000  # of all draws together: a tenth of a second of ONNX Runtime at 200 trees
TIMES = 5
Drawn = tuple[Inputs, Places]


class Binder:
    """Binds one model to tables; what depends on the model alone is made once, with the first of them.

    Args:
        onnx: the model, over the spec of all those tables.
        clock: measures where only a measurement can choose, which is with trees of more than 64 leaves.
    """

    def __init__(self, onnx: OnnxScorer, clock: Clock) -> None:
        self._onnx, self._clock, self._kernel = onnx, clock, kernel()
        self._plan: Plan | None = None

    def __call__(self, table: RowTable, way: str | None = None) -> RowScorer:
        """The fastest way to score the rows of a table that gives the model's own answers.

        Args:
            table: the rows.
            way: where it was found out before, of the same model and rows: the reason for ONNX Runtime, or empty.

        Returns:
            the factorised plan; or ONNX Runtime, with the reason.

        Raises:
            ModelError: when the model cannot be factorised, of which it was said that it can.
        """
        if way is not None:
            return OnnxRows(table, self._onnx, way) if way else self._factorised(table)
        plain = OnnxRows(table, self._onnx)
        try:
            factorised = self._factorised(table)
            drawn = list(_drawn(factorised, table))
            _compare(factorised, plain, drawn)
        except ModelError as error:
            return OnnxRows(table, self._onnx, str(error))
        if factorised.split and _took(factorised, drawn, self._clock) > _took(plain, drawn, self._clock):
            return OnnxRows(table, self._onnx, "trees of more than 64 leaves, measured to be slower factorised")
        return factorised

    def _factorised(self, table: RowTable) -> FactorisedRows:
        if self._plan is None:
            self._plan = plan_of(self._onnx.model, table, self._kernel)
        return FactorisedRows(self._plan, table, self._kernel)


def plan_of(model: bytes, table: RowTable, kernel: Kernel) -> Plan:
    """The plan of an ONNX model for every table of this one's spec.

    Raises:
        ModelError: when the model is of another shape, or its steps would take too much memory.
    """
    return Plan(read_ensemble(model), table.spec.width, table.shared, kernel)


def kernel() -> Kernel:
    """The loops compiled, where the extra `fast` is installed; else in numpy."""
    if importlib.util.find_spec("numba") is None:
        return NUMPY
    from models.fast import FAST

    return FAST


def _compare(plan: RowScorer, onnx: RowScorer, drawn: list[Drawn]) -> None:
    for inputs, rows in drawn:
        gap = float(np.abs(plan.score(inputs, rows) - onnx.score(inputs, rows)).max())
        if not gap <= TOLERANCE:
            raise ModelError(
                f"factorised scores differ from ONNX Runtime's by {gap:.3g}; at most {TOLERANCE:g} is allowed"
            )


def _took(scorer: RowScorer, drawn: list[Drawn], clock: Clock) -> float:
    """Median over some passes; the first ones warm up."""
    times = []
    for inputs, rows in (drawn * TIMES)[: 2 * TIMES]:
        start = clock()
        scorer.score(inputs, rows)
        times.append(clock() - start)
    return statistics.median(times[TIMES:])


def _drawn(plan: FactorisedRows, table: RowTable) -> Iterator[Drawn]:
    """Requests of values on and beside every edge, zero, tiny, huge and missing; all together meet every row."""
    rng = np.random.default_rng(0)  # a seed of its own: the same model and table are always compared alike
    pools = {column: _pool(step.ends) for column, step in plan.plan.by_feature.items()}

    def values(columns: Places, count: int) -> Float32Array:
        made = np.full((count, len(columns)), np.nan, np.float32)
        for place, column in enumerate(columns.tolist()):
            if column in pools:
                made[:, place] = rng.choice(pools[column], count)
        return made

    count = min(table.size, MOST_ROWS // DRAWS)
    for draw in range(DRAWS if count else 0):
        keyed = {kind: Keyed(np.arange(key.size), values(key.columns, key.size)) for kind, key in table.keys.items()}
        rows = np.arange(draw * count, (draw + 1) * count) % table.size
        lone = np.unique(rows[:: 1 + draw % 7]) if len(table.paired) else rows[:0]
        yield Inputs(values(table.shared, 1), keyed, lone, values(table.paired, len(lone))), rows


def _pool(ends: Float32Array) -> Float32Array:
    with np.errstate(over="ignore", invalid="ignore"):
        beside = np.nextafter(ends, np.float32(np.inf))
    return np.concatenate([ends, beside, np.array([np.nan, 0, 1e-36, -1e-36, 1e30, -1e30] * 4, np.float32)])
