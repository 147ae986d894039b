"""How large everything between input and output becomes, known before it is made.

Small inputs make huge values: a column plus a row is a table, a concatenation with itself doubles at every node. ONNX's
own shape inference would say it, too, and ends the process on a Cast without its attribute (onnx 1.23).
"""

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, numpy_helper

from models.errors import ModelError

ROWS = 64  # the batch that sizes are reckoned for, and that warms a model up
VALUES = 1 << 20  # of all nodes together, for that batch: 16,384 a row
MULTIPLICATIONS = 1 << 24  # of all matrix products together, for that batch: 262,144 a row, 26 µs
TRUTHS = {"And", "Equal", "Greater", "GreaterOrEqual", "IsNaN", "Less", "LessOrEqual", "Not", "Or"}
Shape: TypeAlias = tuple[int, ...]
Kind: TypeAlias = tuple[int, Shape]  # element type, shape
Constants: TypeAlias = Mapping[str, TensorProto]


def check_shapes(graph: onnx.GraphProto, width: int) -> dict[str, Kind]:
    """Reckon every value's shape for a batch of 64 rows.

    Args:
        graph: its nodes are in order, and of the allowed kinds.
        width: F, the features of its input.

    Returns:
        name -> (element type, shape).

    Raises:
        ModelError: when a shape contradicts another or is too large, or the answer is not one float a row.
    """
    constants = {tensor.name: tensor for tensor in graph.initializer}
    known = {name: (tensor.data_type, tuple(tensor.dims)) for name, tensor in constants.items()}
    known[graph.input[0].name] = TensorProto.FLOAT, (ROWS, width)
    values = multiplications = 0
    for node in graph.node:
        inputs = [known[name] for name in node.input]
        shape = _shape(node, [shape for _, shape in inputs], constants)
        known[node.output[0]] = _type(node, inputs), shape
        values += math.prod(shape)
        multiplications += math.prod(shape) * inputs[0][1][1] if node.op_type == "MatMul" else 0
        if values > VALUES or multiplications > MULTIPLICATIONS:
            raise ModelError(
                f"{node.op_type} makes '{node.output[0]}' of shape {list(shape)} for {ROWS} rows; all nodes together "
                f"may make {VALUES:,} values with {MULTIPLICATIONS:,} multiplications"
            )
    if known[graph.output[0].name] != (TensorProto.FLOAT, (ROWS, 1)):
        raise ModelError(f"the answer is {known[graph.output[0].name]} for {ROWS} rows, not one float for each")
    return known


def _type(node: NodeProto, inputs: Sequence[Kind]) -> int:
    if node.op_type == "Cast":
        return int(node.attribute[0].i)
    return TensorProto.BOOL if node.op_type in TRUTHS else inputs[0 if node.op_type == "Gather" else -1][0]


def _shape(node: NodeProto, shapes: Sequence[Shape], constants: Constants) -> Shape:
    match node.op_type:
        case "MatMul":
            return _product(*shapes)
        case "Gather":
            return _columns(node, shapes[0], constants)
        case "Concat":
            return _beside(node, shapes)
        case "TreeEnsemble":
            targets = [attribute.i for attribute in node.attribute if attribute.name == "n_targets"]
            return (_table(node, shapes[0])[0], targets[0] if targets else 1)
        case _:
            return _broadcast(node, shapes)


def _product(left: Shape, right: Shape) -> Shape:
    if len(left) != 2 or len(right) != 2 or left[1] != right[0]:
        raise ModelError(f"MatMul of shapes {left} and {right} is no product of two tables")
    return left[0], right[1]


def _columns(node: NodeProto, shape: Shape, constants: Constants) -> Shape:
    """Gather takes columns, which a constant names: rows stay apart, and no place is beyond the end."""
    count, wanted = _table(node, shape)[1], constants.get(node.input[1])
    taken = numpy_helper.to_array(wanted) if wanted is not None and len(wanted.dims) == 1 else None
    if taken is None or node.attribute[0].i != 1 or not ((taken >= 0) & (taken < count)).all():
        raise ModelError(f"Gather of {node.input[1]} does not take some of the {count} columns")
    return shape[0], len(taken)


def _beside(node: NodeProto, shapes: Sequence[Shape]) -> Shape:
    tables = [_table(node, shape) for shape in shapes]
    if node.attribute[0].i != 1 or len({rows for rows, _ in tables}) != 1:
        raise ModelError(f"Concat of shapes {shapes[:8]} does not put columns beside each other")
    return tables[0][0], sum(columns for _, columns in tables)


def _table(node: NodeProto, shape: Shape) -> tuple[int, int]:
    if len(shape) != 2:
        raise ModelError(f"{node.op_type} reads a value of shape {shape}, which is no table")
    return shape[0], shape[1]


def _broadcast(node: NodeProto, shapes: Sequence[Shape]) -> Shape:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise ModelError(f"{node.op_type} of shapes {shapes} does not fit together") from error
