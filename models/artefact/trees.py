"""The trees of a TreeEnsemble, checked as arrays: a runtime follows their numbers without looking.

onnxruntime 1.32 reads foreign memory for a feature out of range, and ends the process on a chain of 20,000 nodes.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, NodeProto, TensorProto, numpy_helper

from models.errors import ModelError

DEPTH = 1_024  # the runtime builds trees by recursion
TARGETS = 64
MODES, MEMBER = 7, 6  # BRANCH_LEQ to BRANCH_MEMBER
AGGREGATES, TRANSFORMS = 4, 5
OF_NODES = ("nodes_featureids", "nodes_truenodeids", "nodes_trueleafs", "nodes_falsenodeids", "nodes_falseleafs")
LISTS = (*OF_NODES, "tree_roots", "leaf_targetids")
Ints = NDArray[np.int64]


def check_trees(node: NodeProto, kind: int, shape: tuple[int, ...]) -> None:
    """Check one TreeEnsemble (ai.onnx.ml 5).

    Args:
        node: the operator; its attributes are of the types that the operator gives them.
        kind: element type of its input.
        shape: of its input, [N, features].

    Raises:
        ModelError: when lengths differ, a number is out of range, or the nodes do not form trees.
    """
    lists = {a.name: np.array(a.ints, np.int64) for a in node.attribute if a.type == AttributeProto.INTS}
    tensors = {a.name: a.t for a in node.attribute if a.type == AttributeProto.TENSOR}
    numbers = {a.name: a.i for a in node.attribute if a.type == AttributeProto.INT}
    _complete(lists, tensors, kind)
    _lengths(lists, tensors)
    lists["nodes_modes"] = numpy_helper.to_array(tensors["nodes_modes"]).ravel().astype(np.int64)
    _choices(numbers)
    _ranges(lists, shape[-1], numbers.get("n_targets", 1))
    _members(lists["nodes_modes"], tensors)
    _forest(lists["tree_roots"], _children(lists))


def _complete(lists: Mapping[str, Ints], tensors: Mapping[str, TensorProto], kind: int) -> None:
    types = {"nodes_modes": TensorProto.UINT8, "nodes_splits": kind, "leaf_weights": kind}
    found = {name: tensors[name].data_type for name in types if name in tensors}
    if not set(LISTS) <= set(lists) or found != types:
        raise ModelError("TreeEnsemble lacks one of its lists, or holds thresholds of another type than its input")


def _lengths(lists: Mapping[str, Ints], tensors: Mapping[str, TensorProto]) -> None:
    sizes = {name: len(values) for name, values in lists.items()}
    sizes |= {name: math.prod(tensor.dims) for name, tensor in tensors.items()}
    count, leaves = sizes["nodes_featureids"], sizes["leaf_targetids"]
    wrong = {name: size for name, size in sizes.items() if name.startswith("nodes_") and size != count}
    if wrong or sizes["leaf_weights"] != leaves:
        raise ModelError(f"TreeEnsemble has {count:,} nodes and {leaves:,} leaves, but lists of other lengths: {sizes}")


def _choices(numbers: Mapping[str, int]) -> None:
    for name, least, most in (
        ("n_targets", 1, TARGETS),
        ("aggregate_function", 0, AGGREGATES - 1),
        ("post_transform", 0, TRANSFORMS - 1),
    ):
        if not least <= numbers.get(name, least) <= most:
            raise ModelError(f"{name} of TreeEnsemble is {numbers[name]}, not {least} to {most}")


def _ranges(lists: Mapping[str, Ints], columns: int, targets: int) -> None:
    count, leaves = len(lists["nodes_featureids"]), len(lists["leaf_targetids"])
    below: dict[str, int | Ints] = {
        "tree_roots": count, "nodes_featureids": columns, "nodes_modes": MODES, "nodes_trueleafs": 2,
        "nodes_falseleafs": 2, "leaf_targetids": targets,
        "nodes_truenodeids": np.where(lists["nodes_trueleafs"], leaves, count),
        "nodes_falsenodeids": np.where(lists["nodes_falseleafs"], leaves, count),
    }  # fmt: skip
    for name, limit in below.items():
        wrong = (lists[name] < 0) | (lists[name] >= limit)
        if wrong.any():
            raise ModelError(f"{name} of TreeEnsemble points nowhere: {lists[name][wrong][0]}")


def _members(modes: Ints, tensors: Mapping[str, TensorProto]) -> None:
    """Each node that asks for membership has its set, ended by NaN."""
    asked = int((modes == MEMBER).sum())
    stored = tensors.get("membership_values")
    ends = int(np.isnan(numpy_helper.to_array(stored)).sum()) if stored is not None else 0
    if asked != ends:
        raise ModelError(f"{asked} nodes of TreeEnsemble ask for membership, and {ends} sets are there")


def _children(lists: Mapping[str, Ints]) -> Ints:
    """int64[n, 2], the nodes below each node; -1 for a leaf."""
    sides = (("nodes_truenodeids", "nodes_trueleafs"), ("nodes_falsenodeids", "nodes_falseleafs"))
    return np.column_stack([np.where(lists[leaf], -1, lists[at]) for at, leaf in sides])


def _forest(roots: Ints, children: Ints) -> None:
    """Every node hangs on exactly one root or parent, and a root reaches it.

    Nodes that are met once cannot form a circle below a root; a circle beside the roots is never reached.
    """
    met = np.bincount(np.concatenate([roots, children[children >= 0]]), minlength=len(children))
    if (met > 1).any():
        raise ModelError("a node of TreeEnsemble is reached twice: its trees share nodes, or go round in a circle")
    level, reached = roots, 0
    for _ in range(DEPTH):
        reached += len(level)
        below = children[level].ravel()
        level = below[below >= 0]
    if reached != len(children):
        missed = len(children) - reached
        raise ModelError(f"{missed:,} nodes of TreeEnsemble are not reached within {DEPTH:,} levels of a root")
