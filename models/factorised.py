"""Factorised tree scoring: in one decision the customer is the same for all rows.

The customer's conditions leave one word per tree, the rows' conditions words that are made once, what is known by key
one word per key and tree; the AND of the three holds one bit, the reached leaf.
"""

import numpy as np

from models.ensemble import Float64Array
from models.errors import ModelError
from models.kernels import SLOTS, Kernel, Words
from models.spec import Float32Array, Places
from models.steps import MOST_BYTES, Plan
from models.table import Inputs, RowTable, pairs_among
from models.words import FULL

LUMP = 64  # rows whose words are made at once, when the table is bound


class FactorisedRows:
    """The rows of a table under an ensemble of trees.

    Rows that no condition tells apart are one class; trees that no row can change are one number a request.

    Args:
        plan: of a model of trees over the table's spec.
        table: the rows.
        kernel: the loops, in numpy or compiled.

    Raises:
        ModelError: when the rows' words would take too much memory.
    """

    def __init__(self, plan: Plan, table: RowTable, kernel: Kernel) -> None:
        self.plan, self._kernel = plan, kernel
        if 8 * plan.varying * table.size > MOST_BYTES:
            raise ModelError(f"{table.size} rows of {plan.varying} words take more than {MOST_BYTES >> 20} MB")
        self.split = plan.words > len(plan.ensemble.trees)
        self._full, self._settled_full = np.split(plan.full, [plan.varying])
        self._leaves, self._settled_leaves = np.split(plan.leaves, [plan.varying * SLOTS])
        self._shared = plan.steps(_within(table.shared), plan.words)
        self._own, self._fixed = plan.steps(_within(table.own), plan.varying), table.fixed[:, table.own]
        self._paired, self._by_key = plan.steps(_within(table.paired), plan.varying), _ByKey(plan, table)
        self._classify(self._paired.masks(_missing(table.paired)))

    def _classify(self, unpaired: Words) -> None:
        """Find the different words of the rows; each row has the number of its own."""
        starts = range(0, len(self._fixed), LUMP)
        lumps = [self._own.masks(self._fixed[start : start + LUMP]) & unpaired & self._full for start in starts]
        masks = np.concatenate([np.zeros((0, self.plan.varying), np.uint64), *lumps])
        alike = np.concatenate([masks.view(np.intp), self._by_key.codes.T], axis=1)
        # Numbered as the rows meet them: read in order, 10,000 classes take half the time.
        met: dict[bytes, int] = {}
        self._class_of = np.array([met.setdefault(row.tobytes(), len(met)) for row in alike], np.intp)
        first = np.unique(self._class_of, return_index=True)[1]
        self.classes = self._kernel.classes(masks[first], self._leaves, self._kernel.sums)
        self._codes, self._every = self._by_key.codes.take(first, axis=1), np.arange(len(first))

    def score(self, inputs: Inputs, rows: Places) -> Float64Array:
        """Inputs of one request, intp[N] -> float64[N]."""
        shared = self._shared.masks(inputs.shared)
        reach, place_of = self._by_key.reach(inputs, shared[:, : self.plan.varying])
        made = self._of_rows(rows, reach, place_of)
        lone, pairs = pairs_among(inputs, rows)
        if len(lone):
            made[lone] = self._alone(rows[lone], inputs.pairs[pairs], reach, place_of)
        if len(self._settled_full):
            made += self._settled(shared[:, self.plan.varying :])
        return self.plan.ensemble.finish(made)

    def _of_rows(self, rows: Places, reach: Words, place_of: Places) -> Float64Array:
        """float64[N]: class by class where there are fewer of them."""
        classes = self._class_of[rows]
        if len(classes) > len(self._every):
            return self.classes.sums(self._every, place_of[self._codes], reach)[classes]
        return self.classes.sums(classes, place_of[self._codes.take(classes, axis=1)], reach)

    def _alone(self, rows: Places, pairs: Float32Array, reach: Words, place_of: Places) -> Float64Array:
        """float64[P]: of rows with history of their own."""
        masks = self._own.masks(self._fixed[rows]) & self._paired.masks(pairs) & self._full
        keys = place_of[self._by_key.codes.take(rows, axis=1)]
        return self._kernel.sums(masks, np.arange(len(rows)), keys, reach, self._leaves)

    def _settled(self, shared: Words) -> Float64Array:
        """float64[1]: the sum of the trees that no row can change."""
        none = np.zeros((1, 1), np.intp)
        return self._kernel.sums(self._settled_full[np.newaxis], none[0], none, shared, self._settled_leaves)


class _ByKey:
    """What a request leaves reachable, by key: the keys of all kinds one behind the other.

    Most are never dealt with, so that a table has one row for them all and one for each of the others.
    """

    def __init__(self, plan: Plan, table: RowTable) -> None:
        read = {kind: key for kind, key in table.keys.items() if plan.by_feature.keys() & set(key.columns.tolist())}
        self._steps = {kind: plan.steps(_within(key.columns), plan.varying) for kind, key in read.items()}
        # With no key at all there is one, which every row has: what the customer leaves stands somewhere.
        sizes = [key.size for key in read.values()] or [1]
        self._starts = np.cumsum([0, *sizes]).tolist()
        blank = [steps.masks(_missing(read[kind].columns)) for kind, steps in self._steps.items()]
        self._blank = np.concatenate(blank or [np.full((1, plan.varying), FULL, np.uint64)])
        self._blank_of = np.repeat(np.arange(len(sizes)), sizes)
        codes = [key.codes + start for key, start in zip(read.values(), self._starts, strict=False)]
        self.codes = np.array(codes or [np.zeros(table.size, np.intp)])

    def reach(self, inputs: Inputs, shared: Words) -> tuple[Words, Places]:
        """uint64[_, T] with what the customer leaves, uint64[1, T], in every row; and each key's place there."""
        tables, place_of, size = [self._blank], self._blank_of.copy(), len(self._blank)
        for (kind, steps), start in zip(self._steps.items(), self._starts, strict=False):
            dealt, values = inputs.keyed[kind]
            if len(dealt):
                tables.append(steps.masks(values))
                place_of[dealt + start] = np.arange(size, size + len(dealt))
                size += len(dealt)
        made = np.concatenate(tables)
        made &= shared
        return made, place_of


def _within(columns: Places) -> dict[int, int]:
    """Column among F -> its place among these."""
    return {column: place for place, column in enumerate(columns.tolist())}


def _missing(columns: Places) -> Float32Array:
    return np.full((1, len(columns)), np.nan, np.float32)
