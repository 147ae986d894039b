"""What a graph may contain, checked on the parsed message before any runtime sees it.

Everything is a list of what may be there: fields of messages, operators, their attributes, types. The rest is refused.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np
import onnx
from google.protobuf.message import Message
from numpy.typing import NDArray
from onnx import AttributeProto, NodeProto, TensorProto, numpy_helper

from models.artefact.shapes import check_shapes
from models.artefact.trees import check_trees
from models.errors import ModelError

# Arithmetic on rows and constants, with the inputs each takes: what the exporters write, and the activations of small
# networks. No loop, branch, chance, text or file, and nothing whose size the data decides.
INPUTS = {
    **dict.fromkeys(("Abs", "Cast", "Exp", "Floor", "Identity", "IsNaN", "Log", "Neg", "Not"), 1),
    **dict.fromkeys(("Relu", "Sigmoid", "Sqrt", "Tanh", "TreeEnsemble"), 1),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "MatMul", "Gather", "And", "Or"), 2),
    **dict.fromkeys(("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"), 2),
    "Where": 3,
    "Concat": 0,  # any number
}
ALLOWED = frozenset(INPUTS)
OPSETS = {"": range(13, 22), "ai.onnx.ml": range(5, 6)}  # before 13 the same names meant other things
IR_VERSIONS = range(7, 11)  # 10 goes with opset 21
NODES = 256
ELEMENTS = 1 << 22  # of one weight: 16 MB of float32, as much as a file may hold
INPUT = "features"
Fits: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.bool_]]
FIELDS = {
    "ModelProto": {"ir_version", "opset_import", "producer_name", "producer_version", "domain", "model_version",
                   "doc_string", "graph", "metadata_props"},
    "GraphProto": {"node", "name", "initializer", "doc_string", "input", "output"},
    "NodeProto": {"input", "output", "name", "op_type", "domain", "attribute", "doc_string"},
    "TensorProto": {"dims", "data_type", "name", "doc_string", "raw_data"},
}  # fmt: skip
ATTRIBUTES = {
    "Cast": {"to": "i"},
    "Concat": {"axis": "i"},
    "Gather": {"axis": "i"},
    "TreeEnsemble": {
        **dict.fromkeys(("n_targets", "aggregate_function", "post_transform"), "i"),
        **dict.fromkeys(("nodes_modes", "nodes_splits", "nodes_hitrates", "leaf_weights", "membership_values"), "t"),
        **dict.fromkeys(
            ("tree_roots", "nodes_featureids", "leaf_targetids", "nodes_missing_value_tracks_true"), "ints"
        ),
        **dict.fromkeys(("nodes_truenodeids", "nodes_trueleafs", "nodes_falsenodeids", "nodes_falseleafs"), "ints"),
    },
}
TYPES = {"i": AttributeProto.INT, "t": AttributeProto.TENSOR, "ints": AttributeProto.INTS}
TENSORS = {
    TensorProto.FLOAT: 4, TensorProto.DOUBLE: 8, TensorProto.INT64: 8, TensorProto.INT32: 4, TensorProto.UINT8: 1,
    TensorProto.BOOL: 1,
}  # fmt: skip  # bytes of an element


def check_graph(model: onnx.ModelProto, width: int) -> None:
    """Check a model without running any of it.

    Args:
        model: the parsed message.
        width: F, the features of its manifest.

    Raises:
        ModelError: naming the first thing that may not be there.
    """
    _envelope(model)
    for node in model.graph.node:
        _node(node)
    marks = _marks(model.graph.node)
    for tensor in model.graph.initializer:
        _tensor(tensor, f"weight '{tensor.name}'", _no_infinity if tensor.name in marks else np.isfinite)
    _interface(model.graph, width)
    _names(model.graph)
    shapes = check_shapes(model.graph, width)
    for node in model.graph.node:
        if node.op_type == "TreeEnsemble":
            check_trees(node, *shapes[node.input[0]])


def _only(message: Message, place: str, more: Iterable[str] = ()) -> None:
    """Refuse a message with any field that is not listed: external data, functions, sparse weights, hidden graphs."""
    name = message.DESCRIPTOR.name
    if extra := {field.name for field, _ in message.ListFields()} - FIELDS.get(name, set()) - {*more}:
        raise ModelError(f"{place} holds '{min(extra)}', which a model that serves does not need")


def _envelope(model: onnx.ModelProto) -> None:
    _only(model, "the model")
    _only(model.graph, "the graph")
    if model.ir_version not in IR_VERSIONS:
        raise ModelError(f"IR version {model.ir_version} is not among {IR_VERSIONS.start} to {IR_VERSIONS.stop - 1}")
    domains = [opset.domain for opset in model.opset_import]
    if len(domains) != len(set(domains)):
        raise ModelError("an operator set is named twice")
    for opset in model.opset_import:
        if opset.version not in OPSETS.get(opset.domain, ()):
            known = "; ".join(f"'{name}' {some.start} to {some.stop - 1}" for name, some in OPSETS.items())
            raise ModelError(f"operator set '{opset.domain}' {opset.version} is not among {known}")
    if len(model.graph.node) > NODES:
        raise ModelError(f"the graph has {len(model.graph.node):,} nodes; at most {NODES} may be")


def _node(node: NodeProto) -> None:
    domain = "ai.onnx.ml" if node.op_type == "TreeEnsemble" else ""
    if node.op_type not in ALLOWED or node.domain != domain:
        raise ModelError(f"operator '{node.domain or 'ai.onnx'}.{node.op_type}' is not among those that may run here")
    _only(node, node.op_type)
    expected = INPUTS[node.op_type] or max(1, len(node.input))
    if len(node.input) != expected or len(node.output) != 1 or not all((*node.input, *node.output)):
        raise ModelError(f"{node.op_type} has {len(node.input)} inputs and {len(node.output)} outputs")
    kinds = ATTRIBUTES.get(node.op_type, {})
    names = [attribute.name for attribute in node.attribute]
    # The runtime's and this library's own shape inference follow a missing attribute into nowhere: all or nothing.
    if len(names) != len(set(names)) or (node.op_type != "TreeEnsemble" and set(names) != set(kinds)):
        raise ModelError(f"{node.op_type} has attributes {names[:9]}, not {sorted(kinds)}")
    for attribute in node.attribute:
        _attribute(attribute, kinds.get(attribute.name, ""), f"attribute '{attribute.name}' of {node.op_type}")


def _attribute(attribute: AttributeProto, kind: str, place: str) -> None:
    if TYPES.get(kind) != attribute.type:
        raise ModelError(f"{place} is not known, or of another type")
    _only(attribute, place, {"name", "type", "doc_string", kind})
    if kind == "t":
        _tensor(attribute.t, place, FITTING.get(attribute.name, np.isfinite))


def _marks(nodes: Iterable[NodeProto]) -> set[str]:
    """Names that nothing reckons with: Where puts them in, as "missing", or Equal asks for them, which NaN never is."""
    reads = [(node.op_type in ("Where", "Equal"), set(node.input)) for node in nodes]
    marks = set().union(*(names for is_mark, names in reads if is_mark))
    return marks.difference(*(names for is_mark, names in reads if not is_mark))


def _no_infinity(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return ~np.isinf(values)


def _no_nan(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return ~np.isnan(values)


FITTING: dict[str, Fits] = {
    "membership_values": _no_infinity,  # sets stand one after the other with NaN between them: ai.onnx.ml 5
    "nodes_splits": _no_nan,  # LightGBM's random forests write infinity for "whatever is known"
}


def _tensor(tensor: TensorProto, place: str, fits: Fits) -> None:
    if tensor.external_data or tensor.data_location == TensorProto.EXTERNAL:
        raise ModelError(f"{place} keeps its data in another file; export it whole")
    if tensor.data_type not in TENSORS:
        raise ModelError(f"{place} is of type {tensor.data_type}; float, double, int64, int32, uint8 and bool may be")
    _only(tensor, place)
    size = math.prod(tensor.dims)
    if any(dim < 0 for dim in tensor.dims) or len(tensor.dims) > 2 or size > ELEMENTS:
        raise ModelError(
            f"{place} says it has shape {list(tensor.dims)[:8]}; two axes and {ELEMENTS:,} elements may be"
        )
    if len(tensor.raw_data) != size * TENSORS[tensor.data_type]:
        raise ModelError(f"{place} does not hold the {size:,} elements that it says")
    values = numpy_helper.to_array(tensor)
    if wrong := int((~fits(values)).sum()):
        raise ModelError(f"{place} holds {wrong:,} values that are not finite; train again")


def _interface(graph: onnx.GraphProto, width: int) -> None:
    for values, columns, what in ((graph.input, width, "input"), (graph.output, 1, "output")):
        found = [_declared(value) for value in values]
        if found != [(TensorProto.FLOAT, (0, columns))]:
            raise ModelError(f"a model has one {what} of type float and shape [N, {columns}]; this one has {found[:4]}")
    if graph.input[0].name != INPUT:
        raise ModelError(f"the input is called '{graph.input[0].name}', not '{INPUT}'")


def _declared(value: onnx.ValueInfoProto) -> tuple[int, tuple[int, ...]]:
    """Element type and shape; 0 where any size goes."""
    kind = value.type.tensor_type
    return kind.elem_type, tuple(dim.dim_value for dim in kind.shape.dim)


def _names(graph: onnx.GraphProto) -> None:
    """Every name is made once, and before it is used: so there is no way back."""
    made = [
        INPUT,
        *(tensor.name for tensor in graph.initializer),
        *(name for node in graph.node for name in node.output),
    ]
    if twice := [name for name, times in Counter(made).items() if times > 1]:
        raise ModelError(f"'{twice[0]}' is made twice in the graph")
    known = set(made[: len(made) - len(graph.node)])
    for node in graph.node:
        if missing := set(node.input) - known:
            raise ModelError(f"{node.op_type} reads '{min(missing)}' before it is made")
        known.update(node.output)
    if graph.output[0].name not in known:
        raise ModelError(f"the output '{graph.output[0].name}' is never made")
