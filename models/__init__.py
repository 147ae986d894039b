"""Feature specs, scorers and the registry. Knows arrays, not catalogues."""

from models.adaptive import HALF_LIFE_MS, Cell, Event, State, update
from models.artefact import Manifest, Metric
from models.choose import Binder
from models.errors import ModelError
from models.fourier import Fourier, unseen
from models.learned import NOTHING, Learned, unpack
from models.online import Belief, Estimate, OnlineState
from models.pooling import Posterior, fit, optimistic
from models.registry import RESPONSE, Registry, write_whole
from models.rows import Clock, OnnxRows, RowScorer
from models.scorers import OnnxScorer, PriorScorer, Scorer
from models.spec import Feature, FeatureSpec, assemble
from models.table import Inputs, RowTable

__all__ = [
    "HALF_LIFE_MS", "NOTHING", "RESPONSE", "Belief", "Binder", "Cell", "Clock", "Estimate", "Event", "Feature",
    "FeatureSpec", "Fourier", "Inputs", "Learned", "Manifest", "Metric", "ModelError", "OnlineState", "OnnxRows",
    "OnnxScorer", "Posterior", "PriorScorer", "Registry", "RowScorer", "RowTable", "Scorer", "State", "assemble",
    "fit", "optimistic", "unpack", "unseen", "update", "write_whole",
]  # fmt: skip
