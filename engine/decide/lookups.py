"""Tables over the rows of one catalogue: who may have what, and what it is worth then."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.decide.catalogue import BoolArray, Catalogue, Rows
from engine.decide.gates import Gate, Moment
from engine.decide.tables import OUTPUTS, Table
from rules import Batch, Site, worlds

Float64Array = NDArray[np.float64]
NO_VERDICTS: BoolArray = np.zeros(0, np.bool_)


class _Lookup:
    """One table: which lines hold for which rows."""

    def __init__(self, table: Table, catalogue: Catalogue) -> None:
        self.table, self.size = table, catalogue.size
        every = np.arange(catalogue.size)
        trees = [line.tree for line in table.lines]
        sites = [Site(tree, every if "action" in worlds(tree) else None) for tree in trees]
        self._batch = Batch(sites, catalogue.columns_for(trees))
        self._said = {name: np.array([line.outputs.get(name, np.nan) for line in table.lines]) for name in OUTPUTS}
        # Verdicts of lines that do not read the action hold for every row, and stay one column wide if all are so.
        self.wide = catalogue.size if any(site.rows is not None for site in sites) else 1
        heeded = [np.broadcast_to(verdicts, self.wide) for verdicts in self._batch.verdicts]
        self._heeded = np.array(heeded, np.intp).reshape(len(trees), self.wide)

    def holding(self, moment: Moment) -> BoolArray:
        """bool[L, R], or bool[L, 1] where no line looks at the row: whether a line holds for it."""
        return self._batch.evaluate(moment.facts, moment.request.context)[self._heeded]

    def output(self, name: str, holds: BoolArray, nothing: float) -> Float64Array:
        """float64[R] or float64[1]: what follows, `nothing` where no line that holds says it."""
        said = self._said[name]
        if self.table.hit == "sum":
            spoken = holds & ~np.isnan(said)[:, None]
            total = (holds * np.nan_to_num(said)[:, None]).sum(axis=0)
            return np.where(spoken.any(axis=0), total, nothing)
        if not len(said):
            return np.array([nothing])
        if holds.shape[1] == 1:
            first_line = int(holds.argmax())
            spoken = holds[first_line, 0] and not math.isnan(said[first_line])
            return said[first_line : first_line + 1] if spoken else np.array([nothing])
        at = holds.argmax(axis=0)
        first = said[at]
        return np.where(holds[at, np.arange(len(at))] & ~np.isnan(first), first, nothing)


class TableBlock:
    """Tables that say who is eligible: one verdict, or one for each row; where no line holds, none is.

    Args:
        tables: all of the bundle's.
        catalogue: the rows.
    """

    def __init__(self, tables: Sequence[Table], catalogue: Catalogue) -> None:
        telling = [table for table in tables if any("=eligible" in line.outputs for line in table.lines)]
        self._lookups = [_Lookup(table, catalogue) for table in telling]
        wide = [lookup.wide for lookup in self._lookups]
        starts = np.cumsum([0, *wide])
        self.size = int(starts[-1])
        every = np.arange(catalogue.size)
        self.gates: Sequence[Gate] = [
            Gate(
                name=table.file,
                stage="eligibility",
                text=f"{table.file} does not allow it",
                rows=every,
                verdicts=np.arange(start, start + size),
                reads=frozenset(table.columns),
                change=f"a line of {table.file} that allows it",
            )
            for start, size, table in zip(starts, wide, telling, strict=False)
        ]

    def evaluate(self, moment: Moment) -> BoolArray:
        """bool[size]."""
        found = [lookup.output("=eligible", lookup.holding(moment), 0.0) > 0 for lookup in self._lookups]
        return np.concatenate(found) if found else NO_VERDICTS


class Adjustments:
    """Tables that say what rows are worth.

    Args:
        tables: all of the bundle's.
        catalogue: the rows.
    """

    def __init__(self, tables: Sequence[Table], catalogue: Catalogue) -> None:
        names = ("=value", "=lever", "=weight")
        telling = [table for table in tables if any(name in line.outputs for line in table.lines for name in names)]
        self._lookups = [_Lookup(table, catalogue) for table in telling]

    def adjust(
        self, moment: Moment, rows: Rows, value: Float64Array, lever: Float64Array, weight: Float64Array
    ) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Value, lever and context weight as the tables have them.

        Args:
            moment: of the decision.
            rows: intp[N].
            value, lever, weight: float64[N], as they are without tables.

        Returns:
            float64[N] each; values are replaced, levers and weights multiply.
        """
        for lookup in self._lookups:
            holds = lookup.holding(moment)
            holds = holds[:, rows] if holds.shape[1] > 1 else holds
            own = lookup.output("=value", holds, np.nan)
            value = np.where(np.isnan(own), value, own)
            lever = lever * lookup.output("=lever", holds, 1.0)
            weight = weight * lookup.output("=weight", holds, 1.0)
        return value, lever, weight
