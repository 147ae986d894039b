"""What a model reads, and the one function that builds it for training and for serving."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]


@dataclass(frozen=True)
class Feature:
    """One column; `name` is qualified: `customer.recency_days`, `action.group`, `request.device`.

    Args:
        kind: "numeric" or "categorical".
        categories: the known texts of a categorical one; its value is the index.
    """

    name: str
    kind: str = "numeric"
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeatureSpec:
    """F features in order."""

    features: tuple[Feature, ...]

    @cached_property
    def fingerprint(self) -> str:
        """Digest of names, order, kinds and categories."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Canonical JSON."""
        return json.dumps([[f.name, f.kind, list(f.categories)] for f in self.features])

    @staticmethod
    def from_json(text: str) -> "FeatureSpec":
        """The spec that `to_json` wrote."""
        return FeatureSpec(tuple(Feature(name, kind, tuple(known)) for name, kind, known in json.loads(text)))


def assemble(spec: FeatureSpec, columns: Mapping[str, object], size: int) -> Float32Array:
    """Build features.

    Args:
        spec: F features.
        columns: qualified name -> scalar, array[N] or nothing; scalars hold for every row.
        size: N.

    Returns:
        float32[N, F]; missing and unseen values are NaN.
    """
    made = np.full((size, len(spec.features)), np.nan, np.float32)
    for index, feature in enumerate(spec.features):
        value = columns.get(feature.name)
        if value is not None:
            made[:, index] = _numbers(feature, np.asarray(value))
    return made


def _numbers(feature: Feature, values: NDArray[np.generic]) -> NDArray[np.float64]:
    if feature.kind == "numeric":
        return values.astype(np.float64)
    index = {name: float(at) for at, name in enumerate(feature.categories)}
    flat = [index.get(value, np.nan) for value in np.atleast_1d(values).tolist()]
    return np.array(flat, np.float64).reshape(values.shape)
