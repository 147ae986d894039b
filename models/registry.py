"""Models on disk: a directory a version, each with what it is and how good it was."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from models.errors import ModelError
from models.scorers import OnnxScorer
from models.spec import FeatureSpec

RESPONSE = "response"  # the name under which the model of the wished response is registered


@dataclass(frozen=True)
class Manifest:
    """What a model is.

    Args:
        digest: sha256 of `model.onnx`.
        spec: its features.
        metrics: name -> figure on later data.
        window: start and end of the training data, epoch milliseconds.
        base_rate: share of positives in the training data.
    """

    name: str
    digest: str
    spec: FeatureSpec
    metrics: Mapping[str, float]
    window: tuple[int, int]
    base_rate: float

    @property
    def version(self) -> str:
        """The first 12 hex digits of the digest."""
        return self.digest[:12]


class Registry:
    """Models under `<directory>/<name>/<version>`, and `<name>/latest` naming the one in force."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def save(self, model: bytes, manifest: Manifest) -> str:
        """Write a model aside and put it in force; returns its version."""
        home = self.directory / manifest.name
        place = home / manifest.version
        place.mkdir(parents=True, exist_ok=True)
        facts = {**asdict(manifest), "spec": manifest.spec.to_json(), "fingerprint": manifest.spec.fingerprint}
        write_whole(place / "model.onnx", model)
        write_whole(place / "manifest.json", json.dumps(facts, indent=1).encode())
        write_whole(home / "latest", manifest.version.encode())
        return manifest.version

    def load(self, name: str) -> tuple[Manifest, OnnxScorer]:
        """The model in force under a name.

        Raises:
            ModelError: when it is missing, damaged, or its features are not the ones it was trained with.
        """
        home = self.directory / name
        try:
            place = home / (home / "latest").read_text().strip()
            model, facts = (place / "model.onnx").read_bytes(), json.loads((place / "manifest.json").read_text())
            spec = FeatureSpec.from_json(facts.pop("spec"))
            fingerprint = facts.pop("fingerprint")
            manifest = Manifest(**{**facts, "spec": spec, "window": tuple(facts["window"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{home}: no readable model: {error}; train one with `nba train`") from error
        if hashlib.sha256(model).hexdigest() != manifest.digest or spec.fingerprint != fingerprint:
            raise ModelError(f"{place}: digest or features are not what the manifest says; train again")
        return manifest, OnnxScorer(model)


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file whole: a reader meets the old one or the new one."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as aside:
        aside.write(data)
        aside.flush()
        os.fsync(aside.fileno())
    Path(aside.name).replace(path)
