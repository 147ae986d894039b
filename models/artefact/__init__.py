"""The artefact: `model.onnx` and `manifest.json` in one directory, and the checks that stand before its use."""

from models.artefact.graph import ALLOWED
from models.artefact.load import MANIFEST, MODEL, admit, read_artefact
from models.artefact.manifest import Manifest, Metric, from_json, to_json

__all__ = ["ALLOWED", "MANIFEST", "MODEL", "Manifest", "Metric", "admit", "from_json", "read_artefact", "to_json"]
