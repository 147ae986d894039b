"""From trees to steps: which leaves each value of each feature leaves reachable."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.ensemble import Ensemble, Node
from models.errors import ModelError
from models.kernels import Kernel
from models.scorers import session
from models.spec import Float32Array, Places
from models.words import FULL, Step, Steps, Word, words_of

TINY = (1e-35, float(np.float32(1e-35)))  # LightGBM takes a number of this size and below for zero
WHOLE = 2.0**31  # where the whole numbers end that categories are cut to
MOST_BYTES = 1 << 28
PROBES = (np.nan, 0.0, 1.0, -1.0, 0.5, 3.0, 1e6)  # tell a column that reads a feature from one that does not


class Plan:
    """An ensemble's words and what each feature leaves reachable of them.

    Words that only shared features change stand last: they are settled once a request.

    Args:
        ensemble: the trees.
        width: F.
        shared: the columns that are the same for every row of a request.
        kernel: the loops.

    Raises:
        ModelError: when a column of the trees is not made of one feature alone, or memory would not do.
    """

    def __init__(self, ensemble: Ensemble, width: int, shared: Places, kernel: Kernel) -> None:
        words = [word for tree in ensemble.trees for word in words_of(tree)]
        steps = _steps(ensemble, words, width)
        changed = [(step.masks != FULL).any(axis=0) for feature, step in steps.items() if feature not in shared]
        varies = np.logical_or.reduce([np.zeros(len(words), np.bool_), *changed])
        order = np.argsort(~varies, kind="stable")
        self._kernel = kernel
        self.varying, self.words = int(varies.sum()), len(words)
        self.by_feature = {feature: Step(step.ends, step.masks[:, order]) for feature, step in steps.items()}
        self.full = np.array([words[at].full | kernel.none for at in order], np.uint64)
        values = np.array([words[at].values for at in order])
        self.leaves = values[:, np.argsort(kernel.slot)].reshape(-1)

    def steps(self, place_of: Mapping[int, int], words: int) -> Steps:
        """Some features' steps over the first words.

        Args:
            place_of: column among F -> where it stands among the values that will be asked of.
            words: how many.
        """
        read = [column for column in place_of if column in self.by_feature]
        places = np.array([place_of[column] for column in read], np.intp)
        own = [Step(step.ends, step.masks[:, :words]) for step in map(self.by_feature.__getitem__, read)]
        return Steps(places, own, words, self._kernel)


def _steps(ensemble: Ensemble, words: Sequence[Word], width: int) -> dict[int, Step]:
    """The place among F of each feature that the trees read -> its steps."""
    front = _Front(ensemble.front, width)
    owners = front.owners()
    read: dict[int, list[tuple[int, Node]]] = {}
    for at, word in enumerate(words):
        for node in word.tree.nodes:
            if len(owners[node.column]) != 1:
                raise ModelError(f"column {node.column} of the trees is made of {len(owners[node.column])} features")
            read.setdefault(next(iter(owners[node.column])), []).append((at, node))
    made: dict[int, Step] = {}
    for feature, own in sorted(read.items()):
        made[feature] = _step(front, feature, own, words)
        if sum(step.masks.nbytes for step in made.values()) > MOST_BYTES:
            raise ModelError(f"the steps of {len(words)} words take more than {MOST_BYTES >> 20} MB")
    return made


def _step(front: "_Front", feature: int, read: Sequence[tuple[int, Node]], words: Sequence[Word]) -> Step:
    edges = np.unique(np.concatenate([_common_edges(), *(_edges(node) for _, node in read)]) + np.float32(0))
    ends = np.append(edges, np.float32(np.nan))
    values = front.columns(front.varied(feature, ends, np.nan))
    masks = np.full((len(words), len(values)), FULL, np.uint64)
    for at, node in read:
        word = words[at]
        true, false = word.bits(node.start, node.middle), word.bits(node.middle, node.end)
        masks[at] &= np.where(node.holds(values[:, node.column]), np.uint64(FULL ^ false), np.uint64(FULL ^ true))
    return Step(ends, np.ascontiguousarray(masks.T))


def _edges(node: Node) -> Float32Array:
    """Where a condition changes, as the last float32 of each step; sets may be asked of numbers cut to whole ones."""
    if node.mode in (0, 3):  # <=, >
        return _at_most(node.split)
    if node.mode in (1, 2):  # <, >=
        return _below(node.split)
    return np.concatenate([_at_most(node.split), _below(node.split), _below(node.split + 1)])


def _common_edges() -> Float32Array:
    """Where what stands before the trees may change: at zero, around what counts as zero, where whole numbers end."""
    sizes = np.array([*TINY, 1.0, WHOLE])
    marks = np.concatenate([-sizes, [0.0], sizes])
    return np.concatenate([_at_most(marks), _below(marks), np.array([np.inf], np.float32)])


def _at_most(marks: NDArray[np.float64]) -> Float32Array:
    """The largest float32 at or below each."""
    with np.errstate(over="ignore"):
        near = marks.astype(np.float32)
    return np.where(near > marks, np.nextafter(near, np.float32(-np.inf)), near)


def _below(marks: NDArray[np.float64]) -> Float32Array:
    """The largest float32 below each."""
    near = _at_most(marks)
    return np.where(near == marks, np.nextafter(near, np.float32(-np.inf)), near)


class _Front:
    """What stands before the trees: run, not read."""

    def __init__(self, model: bytes, width: int) -> None:
        self._session = session(model)
        self._input, self._width = self._session.get_inputs()[0].name, width

    def columns(self, features: Float32Array) -> NDArray[np.float64]:
        """float32[M, F] -> float64[M, C]."""
        return np.asarray(self._session.run(None, {self._input: features})[0], np.float64)

    def varied(self, feature: int, values: Float32Array, rest: float) -> Float32Array:
        """float32[M, F]: one feature runs through M values, the rest stays."""
        made = np.full((len(values), self._width), rest, np.float32)
        made[:, feature] = values
        return made

    def owners(self) -> list[set[int]]:
        """For each column, the features that change it."""
        found: list[set[int]] = []
        for feature in range(self._width):
            for rest in (np.nan, 0.0):
                made = self.columns(self.varied(feature, np.array([rest, *PROBES], np.float32), rest))
                found = found or [set() for _ in made[0]]
                changed = ~((made == made[0]) | (np.isnan(made) & np.isnan(made[0]))).all(axis=0)
                for column in np.flatnonzero(changed).tolist():
                    found[column].add(feature)
        return found
