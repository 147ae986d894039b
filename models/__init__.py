"""Feature specs, scorers and the registry. Knows arrays, not catalogues."""

from models.errors import ModelError
from models.registry import RESPONSE, Manifest, Registry, write_whole
from models.rows import Clock, OnnxRows, RowScorer, row_scorer
from models.scorers import OnnxScorer, PriorScorer, Scorer
from models.spec import Feature, FeatureSpec, assemble
from models.table import Inputs, RowTable

__all__ = [
    "RESPONSE", "Clock", "Feature", "FeatureSpec", "Inputs", "Manifest", "ModelError", "OnnxRows", "OnnxScorer",
    "PriorScorer", "Registry", "RowScorer", "RowTable", "Scorer", "assemble", "row_scorer", "write_whole",
]  # fmt: skip
