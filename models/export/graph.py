"""The ONNX graph while it is put together: float32[N, F] `features` -> `margin` -> float32[N, 1] `propensity`.

`margin` is the log-odds, float64[N, 1]. Everything between is double, because float32 moves thresholds.
"""

from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import DTypeLike, NDArray
from onnx import TensorProto, helper

from models.errors import ModelError

FEATURES, MARGIN, PROPENSITY = "features", "margin", "propensity"
OPSETS = {"": 21, "ai.onnx.ml": 5}
IR_VERSION = 10  # the first with opset 21

# Every operator that an exported graph can hold.
OPERATORS = (
    "Abs", "Add", "And", "Cast", "Concat", "Div", "Equal", "Floor", "Gather", "Greater", "IsNaN", "LessOrEqual", "Log",
    "MatMul", "Mul", "Or", "Sigmoid", "Sub", "TreeEnsemble", "Where",
)  # fmt: skip

Constant = NDArray[np.generic] | np.generic


@dataclass
class Graph:
    """Nodes and constants in the order they were added."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operator: str, *inputs: str | Constant, name: str = "", **attributes: object) -> str:
        """Add a node.

        Args:
            operator: one of OPERATORS.
            inputs: names of tensors, or constants.
            name: of the output; numbered when empty.
            attributes: of the node.

        Returns:
            the output's name.
        """
        assert operator in OPERATORS, operator  # noqa: S101  the loader admits no other
        name = name or f"{operator.lower()}_{len(self.nodes)}"
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        domain = "ai.onnx.ml" if operator == "TreeEnsemble" else ""
        self.nodes.append(helper.make_node(operator, names, [name], domain=domain, **attributes))
        return name

    def constant(self, value: Constant, name: str = "") -> str:
        """Add a constant; returns its name."""
        name = name or f"constant_{len(self.constants)}"
        self.constants.append(onnx.numpy_helper.from_array(np.asarray(value), name))
        return name

    def cast(self, source: str, dtype: DTypeLike) -> str:
        """The tensor in another type."""
        return self.add("Cast", source, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def line(self, margin: str, slope: float, intercept: float) -> str:
        """slope x margin + intercept."""
        scaled = self.add("Mul", margin, self.constant(np.float64(slope), f"{margin}_slope"), name=f"{margin}_scaled")
        added = self.constant(np.float64(intercept), f"{margin}_intercept")
        return self.add("Add", scaled, added, name=f"{margin}_calibrated")

    def chance(self, margin: str) -> str:
        """Log-odds as a chance. A node of its own: onnxruntime ignores a TreeEnsemble's LOGISTIC with one target."""
        return self.add("Sigmoid", margin)

    def finish(self, chance: str, width: int) -> bytes:
        """The serialised model.

        Args:
            chance: name of the float64[N, 1] that is the answer.
            width: F.
        """
        self.add("Cast", chance, name=PROPENSITY, to=TensorProto.FLOAT)
        source = helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, [None, width])
        answer = helper.make_tensor_value_info(PROPENSITY, TensorProto.FLOAT, [None, 1])
        graph = helper.make_graph(self.nodes, PROPENSITY, [source], [answer], self.constants)
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString())


def platt(model: bytes, slope: float, intercept: float) -> bytes:
    """Sigmoid calibration inside the graph: the chance becomes 1 / (1 + exp(-(slope x margin + intercept))).

    Args:
        model: an exported model with one `margin`.
        slope, intercept: fitted on log-odds.

    Returns:
        the model with the calibration between `margin` and the Sigmoid.

    Raises:
        ModelError: when the log-odds cannot be told, or slope or intercept is no finite number.

    Source: J. Platt, Probabilistic outputs for support vector machines, 1999.
    """
    if not np.isfinite([slope, intercept]).all():
        raise ModelError(f"slope {slope} and intercept {intercept} must be finite; calibrate on more contacts")
    loaded = onnx.load_model_from_string(model)
    sigmoids = [node for node in loaded.graph.node if node.op_type == "Sigmoid"]
    if [list(node.input) for node in sigmoids] != [[MARGIN]]:
        raise ModelError("there is not one Sigmoid over `margin` in this graph; calibrate an uncalibrated export")
    added = Graph()
    calibrated = added.line(MARGIN, slope, intercept)
    at = list(loaded.graph.node).index(sigmoids[0])
    sigmoids[0].input[0] = calibrated
    nodes = [*loaded.graph.node[:at], *added.nodes, *loaded.graph.node[at:]]
    del loaded.graph.node[:]
    loaded.graph.node.extend(nodes)
    loaded.graph.initializer.extend(added.constants)
    return bytes(loaded.SerializeToString())
