"""Models to ONNX, exactly: what is written scores as the original does, or is refused with the reason."""

from models.export.graph import OPERATORS, platt
from models.export.lightgbm import export_lightgbm
from models.export.parity import assert_parity
from models.export.sklearn import export_sklearn

__all__ = ["OPERATORS", "assert_parity", "export_lightgbm", "export_sklearn", "platt"]
