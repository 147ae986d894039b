"""Feature specs, scorers and the registry. Knows arrays, not catalogues."""

from models.artefact import Manifest, Metric
from models.choose import row_scorer
from models.errors import ModelError
from models.registry import RESPONSE, Registry, write_whole
from models.rows import Clock, OnnxRows, RowScorer
from models.scorers import OnnxScorer, PriorScorer, Scorer
from models.spec import Feature, FeatureSpec, assemble
from models.table import Inputs, RowTable

__all__ = [
    "RESPONSE", "Clock", "Feature", "FeatureSpec", "Inputs", "Manifest", "Metric", "ModelError", "OnnxRows",
    "OnnxScorer", "PriorScorer", "Registry", "RowScorer", "RowTable", "Scorer", "assemble", "row_scorer", "write_whole",
]  # fmt: skip
