"""Trees as they stand in an ONNX file, with what stands before and behind them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from models.errors import ModelError

Float64Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
HALF = np.array(0.5)  # an array: numpy takes half as long over a few rows as with a plain number
MEMBER = 6
COMPARE: Mapping[int, Callable[..., BoolArray]] = {
    0: np.less_equal,
    1: np.less,
    2: np.greater_equal,
    3: np.greater,
    4: np.equal,
    5: np.not_equal,
    MEMBER: np.isin,
}  # fmt: skip  nodes_modes of ai.onnx.ml 5: BRANCH_LEQ and so on


@dataclass(frozen=True)
class Node:
    """One condition; leaves are numbered from left to right, those of the true side first.

    Args:
        column: of the trees' input.
        split: float64[1], what is compared with; float64[n] for a set.
        missing_true: whether NaN counts as true.
        start, middle, end: the true side's leaves are start..middle, the false side's middle..end.
    """

    column: int
    mode: int
    split: Float64Array
    missing_true: bool
    start: int
    middle: int
    end: int

    def holds(self, values: Float64Array) -> BoolArray:
        """float64[n] -> bool[n]."""
        return COMPARE[self.mode](values, self.split) | (np.isnan(values) & self.missing_true)


@dataclass(frozen=True)
class Tree:
    """One tree: its conditions, and its leaves' values from left to right."""

    nodes: tuple[Node, ...]
    leaves: tuple[float, ...]


@dataclass(frozen=True)
class Ensemble:
    """A model of trees, whose values are summed.

    Args:
        front: an ONNX model of what stands before the trees: float32[N, F] `features` -> [N, C] `columns`.
        trees: what reads those columns.
        tail: what is done to the sum, in order: Mul and Add with a number, Sigmoid.
    """

    front: bytes
    trees: tuple[Tree, ...]
    tail: tuple[tuple[str, float], ...]

    def finish(self, margin: Float64Array) -> Float64Array:
        """float64[N], sums of leaves -> float64[N], chances."""
        for step, number in self.tail:
            if step == "Sigmoid":
                margin = np.tanh(HALF * margin) * HALF + HALF  # the logistic function, with nothing that overflows
            else:
                margin = margin * number if step == "Mul" else margin + number
        return margin


def read_ensemble(model: bytes) -> Ensemble:
    """Read the trees of an ONNX model.

    Args:
        model: one input, one `TreeEnsemble` of ai.onnx.ml 5 with one target, one output.

    Raises:
        ModelError: when it is of another shape.
    """
    try:
        graph = onnx.load_from_string(model).graph
    except Exception as error:  # the parser's own error has no public name
        raise ModelError(f"no ONNX model: {error}") from error
    found = [node for node in graph.node if node.op_type == "TreeEnsemble"]
    if len(found) != 1 or len(graph.input) != 1 or len(graph.output) != 1:
        raise ModelError(f"{len(found)} nodes TreeEnsemble, {len(graph.input)} inputs; only one of each is factorised")
    facts = _attributes(found[0])
    try:
        trees = tuple(_trees(facts))
    except (KeyError, IndexError, RecursionError) as error:
        raise ModelError(f"the TreeEnsemble's nodes make no trees: {error!r}") from error
    return Ensemble(_front(model, found[0].input[0]), trees, _tail(graph, found[0].output[0]))


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    facts = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    facts = {k: numpy_helper.to_array(v) if isinstance(v, onnx.TensorProto) else v for k, v in facts.items()}
    if facts.get("n_targets", 1) != 1 or facts.get("aggregate_function", 1) != 1 or facts.get("post_transform", 0) != 0:
        raise ModelError("the trees have several targets, or are not summed; only a plain sum is factorised")
    if not np.isfinite(facts["leaf_weights"]).all():
        raise ModelError("a leaf is not finite")
    return facts


def _front(model: bytes, columns: str) -> bytes:
    """What stands before the trees, as a model of its own: it is run, so that nothing need be known of it."""
    made = onnx.load_from_string(model)
    makers = {name: node for node in made.graph.node for name in node.output}
    needed, asked = [], [columns]
    while asked:
        node = makers.get(asked.pop())
        if node is not None and node not in needed:
            needed.append(node)
            asked += node.input
    kept = [node for node in made.graph.node if node in needed]
    graph = helper.make_graph(
        [*kept, helper.make_node("Identity", [columns], ["columns"])],
        "front",
        [made.graph.input[0]],
        [helper.make_empty_tensor_value_info("columns")],
        list(made.graph.initializer),
    )
    front = helper.make_model(graph, opset_imports=made.opset_import, ir_version=made.ir_version)
    return bytes(front.SerializeToString())


def _tail(graph: onnx.GraphProto, margin: str) -> tuple[tuple[str, float], ...]:
    makers = {name: node for node in graph.node for name in node.output}
    numbers = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    name, steps = graph.output[0].name, []
    while name != margin:
        node = makers.get(name)
        plain = [each for each in node.input if each not in numbers] if node else []
        known = [numbers[each] for each in node.input if each in numbers] if node else []
        if node is None or len(plain) != 1 or any(number.size != 1 for number in known):
            raise ModelError(f"'{name}' is not made of the trees' sum and of single numbers alone")
        if node.op_type in ("Mul", "Add"):
            steps.append((node.op_type, float(known[0].item())))
        elif node.op_type == "Sigmoid":
            steps.append(("Sigmoid", 0.0))
        elif node.op_type not in ("Cast", "Identity"):
            raise ModelError(f"'{node.op_type}' stands behind the trees; Mul, Add, Sigmoid and Cast are known")
        name = plain[0]
    return tuple(reversed(steps))


def _trees(facts: Mapping[str, Any]) -> Iterator[Tree]:
    sets = _sets(facts)
    for root in facts["tree_roots"]:
        grown = _Growing(facts, sets, [], [])
        grown.grow(int(root))
        yield Tree(tuple(grown.nodes), tuple(grown.leaves))


def _sets(facts: Mapping[str, Any]) -> dict[int, Float64Array]:
    """Node -> its set: sets stand one behind the other, each ended by a NaN."""
    values = np.asarray(facts.get("membership_values", ()), np.float64)
    ends = np.flatnonzero(np.isnan(values))
    sets = np.split(values, ends + 1)[: len(ends)]
    owners = np.flatnonzero(np.asarray(facts["nodes_modes"]) == MEMBER).tolist()
    return {node: own[:-1] for node, own in zip(owners, sets, strict=True)}


@dataclass
class _Growing:
    """A tree while it is read."""

    facts: Mapping[str, Any]
    sets: Mapping[int, Float64Array]
    nodes: list[Node]
    leaves: list[float]

    def grow(self, at: int) -> None:
        """Add a node and everything below it."""
        facts, start = self.facts, len(self.leaves)
        if start > len(facts["nodes_featureids"]):  # nodes that are met twice would grow without end
            raise ModelError("the TreeEnsemble's nodes make no trees: some are below several others")
        self._side("true", at)
        middle = len(self.leaves)
        self._side("false", at)
        mode = int(facts["nodes_modes"][at])
        split = self.sets[at] if mode == MEMBER else np.array([facts["nodes_splits"][at]], np.float64)
        if mode not in COMPARE or np.isnan(split).any():
            raise ModelError(f"a node of mode {mode} at {split} is none that is known")
        tracks, column = facts.get("nodes_missing_value_tracks_true"), int(facts["nodes_featureids"][at])
        missing = bool(tracks and tracks[at])
        self.nodes.append(Node(column, mode, split, missing, start, middle, len(self.leaves)))

    def _side(self, side: str, at: int) -> None:
        below = int(self.facts[f"nodes_{side}nodeids"][at])
        if self.facts[f"nodes_{side}leafs"][at]:
            self.leaves.append(float(self.facts["leaf_weights"][below]))
        else:
            self.grow(below)
