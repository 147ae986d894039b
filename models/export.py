"""LightGBM to ONNX, exactly: `ai.onnx.ml` 5 TreeEnsemble in double, and an explicit Sigmoid.

The usual converter rounds thresholds to float32; here they stay double and the float32 features are cast up.
onnxruntime ignores the LOGISTIC post-transform with one target, so the Sigmoid is a node of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import lightgbm
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.errors import ModelError
from models.scorers import OnnxScorer
from models.spec import Float32Array

LESS_EQUAL = 0  # nodes_modes: BRANCH_LEQ
TOLERANCE = 1e-6
TINY = float(np.float32(1e-35))  # LightGBM reads values up to its kZeroThreshold as zero


@dataclass
class _Trees:
    """The arrays of a TreeEnsemble while they are gathered."""

    roots: list[int] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    missing_true: list[int] = field(default_factory=list)
    true: list[tuple[int, bool]] = field(default_factory=list)
    false: list[tuple[int, bool]] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)

    def add(self, node: Mapping[str, object]) -> tuple[int, bool]:
        """Add a subtree; returns (index, is it a leaf)."""
        if "leaf_value" in node:
            self.weight.append(float(str(node["leaf_value"])))
            return len(self.weight) - 1, True
        index = self._split(node)
        left, right = node["left_child"], node["right_child"]
        assert isinstance(left, dict)  # noqa: S101  the dump's own shape
        assert isinstance(right, dict)  # noqa: S101  the dump's own shape
        self.true[index] = self.add(left)
        self.false[index] = self.add(right)
        return index, False

    def _split(self, node: Mapping[str, object]) -> int:
        if node["decision_type"] != "<=" or node["missing_type"] != "NaN":
            kind = f"{node['decision_type']} with missing type {node['missing_type']}"
            raise ModelError(f"a split of kind '{kind}' is not exported; train with NaN for missing and no categories")
        self.feature.append(int(str(node["split_feature"])))
        self.threshold.append(float(str(node["threshold"])))
        self.missing_true.append(int(bool(node["default_left"])))
        self.true.append((0, False))
        self.false.append((0, False))
        return len(self.feature) - 1


def export_lightgbm(booster: lightgbm.Booster) -> bytes:
    """A binary LightGBM model as ONNX.

    Args:
        booster: trained with objective `binary` and NaN for missing values.

    Returns:
        the serialised model: float32[N, F] `features` -> float32[N, 1] `propensity`.

    Raises:
        ModelError: for what cannot be exported exactly.
    """
    dump = booster.dump_model()
    if dump["objective"].split()[0] != "binary":
        raise ModelError(f"objective '{dump['objective']}' is not exported; train with 'binary'")
    trees = _Trees()
    for tree in dump["tree_info"]:
        root, leaf = trees.add(tree["tree_structure"])
        trees.roots.append(_lone(trees, root) if leaf else root)
    return bytes(_model(trees, booster.num_feature()).SerializeToString())


def _lone(trees: _Trees, leaf: int) -> int:
    """A tree that is one leaf, as a split whose both sides are that leaf."""
    trees.feature.append(0)
    trees.threshold.append(0.0)
    trees.missing_true.append(1)
    trees.true.append((leaf, True))
    trees.false.append((leaf, True))
    return len(trees.feature) - 1


def _model(trees: _Trees, width: int) -> onnx.ModelProto:
    ensemble = helper.make_node(
        "TreeEnsemble",
        ["settled"],
        ["margin"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function=1,
        post_transform=0,
        tree_roots=trees.roots,
        nodes_featureids=trees.feature,
        nodes_modes=_tensor(np.full(len(trees.feature), LESS_EQUAL, np.uint8)),
        nodes_splits=_tensor(np.array(trees.threshold, np.float64)),
        nodes_missing_value_tracks_true=trees.missing_true,
        nodes_truenodeids=[at for at, _ in trees.true],
        nodes_trueleafs=[int(leaf) for _, leaf in trees.true],
        nodes_falsenodeids=[at for at, _ in trees.false],
        nodes_falseleafs=[int(leaf) for _, leaf in trees.false],
        leaf_targetids=[0] * len(trees.weight),
        leaf_weights=_tensor(np.array(trees.weight, np.float64)),
    )
    nodes = [
        helper.make_node("Cast", ["features"], ["wide"], to=TensorProto.DOUBLE),
        helper.make_node("Abs", ["wide"], ["size"]),
        helper.make_node("LessOrEqual", ["size", "tiny"], ["is_zero"]),
        helper.make_node("Where", ["is_zero", "zero", "wide"], ["settled"]),
        ensemble,
        helper.make_node("Sigmoid", ["margin"], ["chance"]),
        helper.make_node("Cast", ["chance"], ["propensity"], to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(
        nodes,
        "lightgbm",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("propensity", TensorProto.FLOAT, [None, 1])],
        [_named("tiny", np.float64(TINY)), _named("zero", np.float64(0))],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def _tensor(values: NDArray[np.generic]) -> onnx.TensorProto:
    return onnx.numpy_helper.from_array(values)


def _named(name: str, value: np.float64) -> onnx.TensorProto:
    return onnx.numpy_helper.from_array(np.asarray(value), name)


def assert_parity(booster: lightgbm.Booster, model: bytes, samples: Float32Array) -> float:
    """Compare LightGBM with its export on and next to every threshold, on missing and on extreme values.

    Args:
        booster: the original.
        model: its export.
        samples: float32[N, F], rows to start from.

    Returns:
        the largest difference found.

    Raises:
        ModelError: when it is above 1e-6.
    """
    drawn = np.vstack([samples, *_hostile(booster, samples)])
    gap = float(np.abs(booster.predict(drawn) - OnnxScorer(model).score(drawn)).max())
    if not gap <= TOLERANCE:
        raise ModelError(f"the export differs from LightGBM by {gap:.3g}; at most {TOLERANCE:g} is allowed")
    return gap


def _hostile(booster: lightgbm.Booster, samples: Float32Array) -> list[Float32Array]:
    splits = booster.trees_to_dataframe().dropna(subset=["threshold"])
    names = booster.feature_name()
    made = []
    edges = {(str(n), float(t)) for n, t in zip(splits.split_feature, splits.threshold, strict=True)}
    # LightGBM writes 1e300 for "everything that is not missing"; features are finite, so the largest float32 is next.
    largest = float(np.finfo(np.float32).max) / 2
    for name, threshold in sorted(edges):
        edge = np.float32(min(threshold, largest))
        for value in (edge, np.nextafter(edge, np.float32(-np.inf)), np.nextafter(edge, np.float32(np.inf))):
            row = samples[:1].copy()
            row[0, names.index(name)] = value
            made.append(row)
    return [*made, *(np.full_like(samples[:1], value) for value in (np.nan, 0, 1e30, -1e30))]
