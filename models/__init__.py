"""Feature specs, scorers and the registry. Knows arrays, not catalogues."""

from models.adaptive import HALF_LIFE_MS, NOTHING, Cell, Event, Learned, State, unpack, update
from models.artefact import Manifest, Metric
from models.choose import row_scorer
from models.errors import ModelError
from models.pooling import Posterior, fit, optimistic
from models.registry import RESPONSE, Registry, write_whole
from models.rows import Clock, OnnxRows, RowScorer
from models.scorers import OnnxScorer, PriorScorer, Scorer
from models.spec import Feature, FeatureSpec, assemble
from models.table import Inputs, RowTable

__all__ = [
    "HALF_LIFE_MS", "NOTHING", "RESPONSE", "Cell", "Clock", "Event", "Feature", "FeatureSpec", "Inputs", "Learned",
    "Manifest", "Metric", "ModelError", "OnnxRows", "OnnxScorer", "Posterior", "PriorScorer", "Registry", "RowScorer",
    "RowTable", "Scorer", "State", "assemble", "fit", "optimistic", "row_scorer", "unpack", "update", "write_whole",
]  # fmt: skip
