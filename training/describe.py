"""What was trained, on what, with what: the facts of a manifest."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import pandas as pd

from models import FeatureSpec, Manifest, Metric
from models.spec import Float32Array

LIBRARIES = ("lightgbm", "numpy", "onnx", "onnxruntime")
OUTCOME = "redemption"


@dataclass(frozen=True)
class Rows:
    """The rows that a model is trained on.

    Args:
        spec: F columns.
        features: float32[N, F].
        contacts: N rows of customer_id, start_ms, end_ms and label.
    """

    spec: FeatureSpec
    features: Float32Array
    contacts: pd.DataFrame


def describe(name: str, model: bytes, rows: Rows, metrics: Mapping[str, Metric]) -> Manifest:
    """The manifest of a model that has no parent yet.

    Args:
        name: under which it is registered.
        model: the exported model.
        rows: what it was trained on.
        metrics: how good it is on other rows.
    """
    digest = hashlib.sha256(model).hexdigest()
    labels = rows.contacts.label.to_numpy(np.int64)
    return Manifest(
        name=name,
        version=digest[:12],
        digest=digest,
        spec=rows.spec,
        fingerprint=rows.spec.fingerprint,
        ranges=_ranges(rows),
        outcome=OUTCOME,
        window=(int(rows.contacts.start_ms.min()), int(rows.contacts.end_ms.max())),
        base_rate=float(labels.mean()),
        data_digest=hashlib.sha256(rows.features.tobytes() + labels.tobytes()).hexdigest(),
        libraries={name: version(name) for name in LIBRARIES},
        metrics=metrics,
        calibration="none",
        parent=None,
    )


def _ranges(rows: Rows) -> dict[str, tuple[float, float]]:
    """Lowest and highest of each number, ages in days, that is ever known."""
    numbers = (feature.name for feature in rows.spec.features if feature.kind in ("numeric", "age"))
    columns = ((name, rows.features[:, rows.spec.place[name]]) for name in numbers)
    known = ((name, column[~np.isnan(column)]) for name, column in columns)
    return {name: (float(values.min()), float(values.max())) for name, values in known if len(values)}
