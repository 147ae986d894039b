"""LightGBM to ONNX: every numeric and categorical split, all three missing types, thresholds in double.

What LightGBM does with a value (`Tree::NumericalDecision`, `Tree::CategoricalDecision`) is said with columns beside the
features and with each split's own way for NaN, so that no split needs more than one comparison:

- a value within 1e-35 of zero counts as zero: a threshold in that band moves to its edge;
- missing type None reads NaN as zero: NaN goes the way of zero;
- missing type Zero sends zero and NaN the default way: where that is not zero's own way, the split reads a column in
  which zero is NaN;
- a category is the value cut to a whole number; NaN and what is negative is no category.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from models.errors import ModelError
from models.export.graph import FEATURES, MARGIN, Graph
from models.export.trees import Floats, Ints, Tree, add_ensemble, constant
from models.spec import Float32Array

if TYPE_CHECKING:
    import lightgbm

TINY = float(np.float32(1e-35))  # kZeroThreshold, which LightGBM writes as a float
CATEGORICAL, DEFAULT_LEFT = 1, 2  # bits of decision_type; the missing type stands above them
NONE, ZERO = 0, 1  # missing types; 2 is NaN
ZERO_FEATURES, CODE_FEATURES = "zero_features", "code_features"

Fields = dict[str, str]


def export_lightgbm(booster: "lightgbm.Booster") -> bytes:
    """A binary LightGBM model as ONNX.

    The trees read the F features, then the features of `zero_features` with zero as NaN, then those of
    `code_features` as category codes; both are constants of the graph and absent when no split needs them.

    Args:
        booster: trained with objective `binary`; to its best iteration where it has one.

    Returns:
        the serialised model: float32[N, F] `features` -> float32[N, 1] `propensity`.

    Raises:
        ModelError: for what cannot be exported exactly.
    """
    header, parts = _parts(booster)
    scale, width = _scale(header, parts), booster.num_feature()
    trees = [_tree(part, scale, width) for part in parts]
    graph = Graph()
    source, place = _columns(graph, trees, width)
    add_ensemble(graph, [replace(tree, column=place[tree.column]) for tree in trees], source, MARGIN)
    return graph.finish(graph.chance(MARGIN), width)


def edges_of(booster: "lightgbm.Booster") -> list[tuple[int, float]]:
    """Every feature and value at which the score may jump: thresholds and categories."""
    found: set[tuple[int, float]] = set()
    width = booster.num_feature()
    for tree in (_tree(part, 1.0, width) for part in _parts(booster)[1]):
        for at, column in enumerate(tree.column):
            edges = tree.members.get(at, tree.threshold[at : at + 1])
            found |= {(int(column) % width, float(edge)) for edge in edges}
    return sorted(found)


def _parts(booster: "lightgbm.Booster") -> tuple[Fields, list[Fields]]:
    """Header and trees of the model's text, which writes numbers with the 17 digits that give them back exactly."""
    header, *trees = booster.model_to_string().partition("\nend of trees")[0].split("\nTree=")
    return _fields(header), [_fields(tree) for tree in trees]


def _fields(part: str) -> Fields:
    return {key: value for key, _, value in (line.partition("=") for line in part.splitlines())}


def _scale(header: Fields, trees: list[Fields]) -> float:
    """What the sum of the leaves is multiplied by to be the log-odds; refuses what is not exported."""
    objective, _, sigmoid = header.get("objective", "of your own").partition(" sigmoid:")
    if objective != "binary":
        raise ModelError(f"objective '{objective}' is not exported; train with 'binary'")
    if any(tree["is_linear"] == "1" for tree in trees):
        raise ModelError("linear trees are not exported: a leaf is a constant in ONNX; train with linear_tree=False")
    if not trees:
        raise ModelError("the model has no trees; train at least one round")
    return float(sigmoid.split()[0]) / (len(trees) if "average_output" in header else 1)


def _tree(part: Fields, scale: float, width: int) -> Tree:
    """One tree; column f + width reads feature f with zero as NaN, f + 2 x width its category code."""
    if part["num_leaves"] == "1":
        return constant(scale * float(part["leaf_value"]))
    feature, decision, threshold = (
        _ints(part, "split_feature"),
        _ints(part, "decision_type"),
        _floats(part, "threshold"),
    )
    categorical, default, kind = (decision & CATEGORICAL) > 0, (decision & DEFAULT_LEFT) > 0, decision >> 2
    zero_left = threshold >= 0
    own_way = ~categorical & (kind == ZERO) & (default != zero_left)
    return Tree(
        feature + width * (own_way + 2 * categorical),
        _out_of_zero(np.where(categorical, 0.0, threshold)),
        np.where(kind == NONE, zero_left, default) & ~categorical,
        _ints(part, "left_child"),
        _ints(part, "right_child"),
        scale * _floats(part, "leaf_value"),
        _members(part, np.flatnonzero(categorical), threshold),
    )


def _out_of_zero(threshold: Floats) -> Floats:
    """Thresholds inside the band that counts as zero, moved to its edge on their side."""
    moved = np.where((threshold >= 0) & (threshold < TINY), TINY, threshold)
    return np.where((threshold < 0) & (threshold >= -TINY), np.nextafter(-TINY, -np.inf), moved)


def _members(part: Fields, splits: Ints, threshold: Floats) -> dict[int, Ints]:
    """Of each categorical split, the codes that go left: a bit each, from cat_boundaries in words of 32."""
    if not len(splits):
        return {}
    ends, words = _ints(part, "cat_boundaries"), _ints(part, "cat_threshold").astype("<u4")
    sets = [words[ends[int(at)] : ends[int(at) + 1]] for at in threshold[splits]]
    codes = [np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little")) for bits in sets]
    return dict(zip(splits.tolist(), codes, strict=True))


def _columns(graph: Graph, trees: list[Tree], width: int) -> tuple[str, Ints]:
    """Add the columns that the trees read; returns them and, of each column's number in a Tree, its place there."""
    read = np.unique(np.concatenate([tree.column for tree in trees]))
    zeroed, coded = (read[read // width == block] for block in (1, 2))
    place = np.arange(3 * width)
    place[zeroed] = width + np.arange(len(zeroed))
    place[coded] = width + len(zeroed) + np.arange(len(coded))
    columns = [graph.cast(FEATURES, np.float64)]
    if len(zeroed):
        columns.append(_zero_as_missing(graph, columns[0], zeroed % width))
    if len(coded):
        columns.append(_codes(graph, columns[0], coded % width))
    return (columns[0] if len(columns) == 1 else graph.add("Concat", *columns, axis=1)), place


def _zero_as_missing(graph: Graph, source: str, features: Ints) -> str:
    taken = graph.add("Gather", source, graph.constant(features, ZERO_FEATURES), axis=1)
    is_zero = graph.add("LessOrEqual", graph.add("Abs", taken), np.float64(TINY))
    return graph.add("Where", is_zero, np.float64(np.nan), taken)


def _codes(graph: Graph, source: str, features: Ints) -> str:
    taken = graph.add("Gather", source, graph.constant(features, CODE_FEATURES), axis=1)
    # Above -1 the cast to an integer cuts towards zero; NaN is not above -1.
    is_code = graph.add("Greater", taken, np.float64(-1))
    return graph.add("Where", is_code, graph.add("Floor", graph.add("Abs", taken)), np.float64(-1))


def _ints(part: Fields, key: str) -> Ints:
    return np.array(part[key].split(), np.int64)


def _floats(part: Fields, key: str) -> Floats:
    return np.array(part[key].split(), np.float64)


def chances(booster: "lightgbm.Booster", rows: Float32Array, calibration: tuple[float, float] | None) -> Floats:
    """float64[N], what LightGBM answers, calibrated where slope and intercept are given."""
    if calibration is None:
        return np.asarray(booster.predict(rows), np.float64)
    slope, intercept = calibration
    margin = slope * _scale(*_parts(booster)) * booster.predict(rows, raw_score=True) + intercept
    return np.asarray(1 / (1 + np.exp(-margin)), np.float64)
