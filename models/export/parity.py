"""Parity: an export is compared with its original where converters go wrong, before anything is written."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.export import lightgbm, sklearn
from models.scorers import OnnxScorer
from models.spec import Float32Array

Ask = Callable[[Float32Array], NDArray[np.float64]]

TOLERANCE = 1e-6
MIXED = 2_000  # rows whose every feature sits on or beside an edge of its own
ODD = 100  # rows of which a tenth is missing or extreme

LARGEST = np.finfo(np.float32).max
TINY = np.float32(1e-35)  # LightGBM's zero ends here
AROUND = np.nextafter(TINY, np.array([0, 1], np.float32))
SPECIAL = np.array(
    [np.nan, np.inf, -np.inf, LARGEST, -LARGEST, 1e30, -1e30, 2**31, 2**32 + 2, 16_777_217, 0, -0.0, 1, -1, 0.5, -0.5,
     TINY, -TINY, *AROUND, *-AROUND, 1e-45, -1e-45],
    np.float32,
)  # fmt: skip


def assert_parity(
    original: Any,  # a LightGBM booster or a scikit-learn classifier: neither ships types
    model: bytes,
    samples: Float32Array,
    calibration: tuple[float, float] | None = None,
) -> float:
    """Compare a model with its export on and next to every threshold, on missing, unseen and extreme values.

    Args:
        original: the LightGBM booster or fitted scikit-learn classifier.
        model: its export.
        samples: float32[N, F], at least one row to start from.
        calibration: slope and intercept when a booster's export was given to `platt`.

    Returns:
        the largest difference found. A row that the original refuses must score NaN.

    Raises:
        ModelError: when it is above 1e-6.
    """
    rows = hostile(edges_of(original, samples.shape[1]), samples)
    ask = _asked(original, calibration)
    found = OnnxScorer(model).score(rows).astype(np.float64)
    scored = ~np.isnan(found)
    # One by one: scikit-learn refuses a whole batch for one row.
    wrong = sum(not np.isnan(ask(row[None])).all() for row in rows[~scored])
    if wrong or not scored.any():
        raise ModelError(f"the export answers nothing for {wrong or 'all'} of the drawn rows, unlike the original")
    gap = float(np.abs(ask(rows[scored]) - found[scored]).max())
    if np.isnan(gap):
        raise ModelError("the export scores a row that the original refuses")
    if gap > TOLERANCE:
        raise ModelError(f"the export differs from the original by {gap:.3g}; at most {TOLERANCE:g} is allowed")
    return gap


def _asked(original: Any, calibration: tuple[float, float] | None) -> Ask:
    if not hasattr(original, "predict_proba"):
        return lambda rows: lightgbm.chances(original, rows, calibration)

    def ask(rows: Float32Array) -> NDArray[np.float64]:
        try:
            return np.asarray(original.predict_proba(rows)[:, 1], np.float64)
        except ValueError:  # a value that it refuses
            return np.full(len(rows), np.nan)

    return ask


def edges_of(original: Any, width: int) -> list[tuple[int, float]]:
    """Features and values at which the original's score may jump."""
    return sklearn.edges_of(original, width) if hasattr(original, "predict_proba") else lightgbm.edges_of(original)


def hostile(edges: Sequence[tuple[int, float]], samples: Float32Array) -> Float32Array:
    """Rows that sit on and next to every edge, alone and together, and rows of missing and extreme values.

    Args:
        edges: feature and value.
        samples: float32[N, F], where the other values come from.

    Returns:
        float32[M, F], the same for the same arguments.
    """
    rng = np.random.default_rng(0)  # a fixed draw: the same model is always asked the same questions
    width = samples.shape[1]
    values = [_beside(np.array([value for at, value in edges if at == f] or [0.0])) for f in range(width)]
    alone = [_with(samples, f, found) for f, found in enumerate(values)]
    special = [_with(samples, f, SPECIAL) for f in range(width)]
    mixed = np.stack([rng.choice(found, MIXED) for found in values], axis=1)
    odd = np.where(rng.random((ODD, width)) < 0.1, rng.choice(SPECIAL, (ODD, width)), mixed[:ODD])
    full = np.repeat(SPECIAL[:, None], width, axis=1)
    return np.vstack([samples, *alone, mixed, *special, odd, full]).astype(np.float32)


def _with(samples: Float32Array, feature: int, values: Float32Array) -> Float32Array:
    """A row for each value, the others from the samples in turn."""
    rows = samples[np.arange(len(values)) % len(samples)]
    rows[:, feature] = values
    return rows


def _beside(edges: NDArray[np.float64]) -> Float32Array:
    """Each edge as float32, its two neighbours on either side, and halfway to the next whole number."""
    # LightGBM writes 1e300 for "everything that is not missing"; the largest float32 stands for it.
    at = np.clip(edges, -LARGEST, LARGEST).astype(np.float32)
    made = [at, (at + np.float32(0.5)).astype(np.float32), -at]
    with np.errstate(over="ignore"):  # infinity stands next to the largest
        for way in (np.float32(-np.inf), np.float32(np.inf)):
            made += [once := np.nextafter(at, way), np.nextafter(once, way)]
    return np.unique(np.concatenate(made))
