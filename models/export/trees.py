"""Trees as arrays, whoever grew them, and the one TreeEnsemble node they become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray

from models.export.graph import Graph

LESS_EQUAL, MEMBER = 0, 6  # nodes_modes: BRANCH_LEQ, BRANCH_MEMBER
SUM, NO_TRANSFORM = 1, 0

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Tree:
    """One tree of S splits and L leaves; the root is split 0, or leaf 0 when there is no split.

    Args:
        column: int64[S], what each split reads.
        threshold: float64[S]; at most it goes left.
        missing_left: bool[S], whether NaN goes left.
        left, right: int64[S], the next split, or ~leaf.
        weight: float64[L].
        members: split -> codes; instead of a threshold, a code among them goes left.
    """

    column: Ints
    threshold: Floats
    missing_left: Bools
    left: Ints
    right: Ints
    weight: Floats
    members: Mapping[int, Ints] = field(default_factory=dict)


def constant(weight: float) -> Tree:
    """A tree that is one leaf."""
    none = np.zeros(0, np.int64)
    return Tree(none, none.astype(np.float64), none.astype(np.bool_), none, none, np.array([weight]))


def apart(nodes: Tree, leaf: Bools) -> Tree:
    """A tree whose splits and leaves are numbered apart, from one in which they are numbered together.

    Args:
        nodes: all its arrays have an entry for each node; left and right are nodes.
        leaf: bool[nodes], which are leaves.
    """
    split = ~leaf
    number = np.where(leaf, -np.cumsum(leaf, dtype=np.int64), np.cumsum(split) - 1)
    return Tree(
        nodes.column[split],
        nodes.threshold[split],
        nodes.missing_left[split],
        number[nodes.left[split]],
        number[nodes.right[split]],
        nodes.weight[leaf],
    )


def add_ensemble(graph: Graph, trees: Sequence[Tree], source: str, name: str) -> str:
    """Add the sum of the trees.

    Args:
        graph: gets one TreeEnsemble of `ai.onnx.ml` 5, in double.
        trees: at least one.
        source: float64[N, columns].
        name: of the output, float64[N, 1].

    Returns:
        name.
    """
    # The operator has no tree without a split: a lone leaf becomes a split whose sides are both that leaf.
    trees = [tree if len(tree.column) else _split_alike(tree) for tree in trees]
    roots = np.cumsum([0, *(len(tree.column) for tree in trees)])
    leaves = np.cumsum([0, *(len(tree.weight) for tree in trees)])
    members = [codes for tree in trees for _, codes in sorted(tree.members.items())]
    # NaN ends each set.
    sets = {"membership_values": _tensor(np.concatenate([[*codes, np.nan] for codes in members]))} if members else {}
    modes = [np.where(np.isin(np.arange(len(tree.column)), list(tree.members)), MEMBER, LESS_EQUAL) for tree in trees]
    return graph.add(
        "TreeEnsemble",
        source,
        name=name,
        n_targets=1,
        aggregate_function=SUM,
        post_transform=NO_TRANSFORM,
        tree_roots=roots[:-1].tolist(),
        nodes_featureids=_joined([tree.column for tree in trees]),
        nodes_modes=_tensor(np.concatenate(modes).astype(np.uint8)),
        nodes_splits=_tensor(np.concatenate([tree.threshold for tree in trees])),
        nodes_missing_value_tracks_true=_joined([tree.missing_left for tree in trees]),
        **_children("true", [tree.left for tree in trees], roots, leaves),
        **_children("false", [tree.right for tree in trees], roots, leaves),
        leaf_targetids=[0] * int(leaves[-1]),
        leaf_weights=_tensor(np.concatenate([tree.weight for tree in trees])),
        **sets,
    )


def _split_alike(tree: Tree) -> Tree:
    zero, leaf = np.zeros(1, np.int64), np.full(1, ~0)
    return Tree(zero, np.zeros(1), np.ones(1, np.bool_), leaf, leaf, tree.weight)


def _children(side: str, ends: Sequence[Ints], roots: Ints, leaves: Ints) -> dict[str, list[int]]:
    places = zip(ends, roots, leaves, strict=False)  # the last of roots and leaves is their total
    ids = _joined([np.where(end < 0, ~end + leaf, end + root) for end, root, leaf in places])
    return {f"nodes_{side}nodeids": ids, f"nodes_{side}leafs": _joined([end < 0 for end in ends])}


def _joined(arrays: Sequence[Ints] | Sequence[Bools]) -> list[int]:
    return [int(value) for value in np.concatenate(arrays)]


def _tensor(values: NDArray[np.generic]) -> onnx.TensorProto:
    return onnx.numpy_helper.from_array(values)
