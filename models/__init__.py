"""Feature specs, scorers and the registry. Knows arrays, not catalogues."""

from models.errors import ModelError
from models.registry import RESPONSE, Manifest, Registry, write_whole
from models.scorers import OnnxScorer, PriorScorer, Scorer
from models.spec import Feature, FeatureSpec, assemble

__all__ = [
    "RESPONSE", "Feature", "FeatureSpec", "Manifest", "ModelError", "OnnxScorer", "PriorScorer", "Registry", "Scorer",
    "assemble", "write_whole",
]  # fmt: skip
