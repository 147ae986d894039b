"""Exports beside their originals: the largest difference in probability, by converter and case, on hostile rows.

Each case is asked on and next to every threshold, on missing, unseen and extreme values (`models.export.parity`); rows
that the original refuses are left out.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import onnxmltools
import onnxruntime
from numpy.typing import NDArray
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.report import Figure
from models.errors import ModelError
from models.export import export_lightgbm, export_sklearn
from models.export.parity import TOLERANCE, edges_of, hostile
from models.spec import Float32Array

ROWS, WIDTH, CODES = 2_000, 5, 40
Answers = NDArray[np.float64]
Convert = Callable[[Any], bytes]


@dataclass(frozen=True)
class Case:
    """A fitted model, and the rows to ask it.

    Args:
        model: a booster or a classifier.
        rows: float32[N, F], all of which it answers.
    """

    name: str
    model: Any
    rows: Float32Array

    def expected(self) -> Answers:
        """float64[N], the model's own answers."""
        if isinstance(self.model, lightgbm.Booster):
            return np.asarray(self.model.predict(self.rows), np.float64)
        return np.asarray(self.model.predict_proba(self.rows)[:, 1], np.float64)


def measure() -> Iterator[Figure]:
    """The largest difference of every converter in every case; a refusal is a figure of its own."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):  # scikit-learn warns of what is hostile
        warnings.simplefilter("ignore")
        for case in _boosters():
            yield from _compared(case, {"ours": export_lightgbm, "onnxmltools": _onnxmltools})
        for case in _classifiers():
            yield from _compared(case, {"ours": _ours, "skl2onnx": _skl2onnx})


def _compared(case: Case, converters: Mapping[str, Convert]) -> Iterator[Figure]:
    expected = case.expected()
    for name, convert in converters.items():
        try:
            found = _answers(convert(case.model), case.rows)
        except (ValueError, TypeError, RuntimeError):  # ours says why; the others break on some of these
            yield Figure("export", case.name, f"{name}_refuses", 1.0, "yes")
            continue
        gap = float(np.nan_to_num(np.abs(found - expected), nan=1.0).max())  # no answer is as wrong as can be
        yield Figure("export", case.name, f"{name}_difference", gap, "chance", TOLERANCE if name == "ours" else None)


def _answers(model: bytes, rows: Float32Array) -> Answers:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # onnxmltools declares a wrong shape for its labels: a warning on every call
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: rows})[-1][:, -1], np.float64)


def _ours(model: Any) -> bytes:
    return export_sklearn(model, WIDTH)


def _onnxmltools(model: Any) -> bytes:
    types = [("features", FloatTensorType([None, WIDTH]))]
    return bytes(onnxmltools.convert_lightgbm(model, initial_types=types, zipmap=False).SerializeToString())


def _skl2onnx(model: Any) -> bytes:
    asked = np.zeros((1, WIDTH), np.float32)
    return bytes(to_onnx(model, asked, options={"zipmap": False}).SerializeToString())


def _drawn(scale: float, shift: float = 0.0) -> tuple[Float32Array, NDArray[np.int64]]:
    """Three numbers and two codes, a tenth missing and a fifth zero; a label that depends on all of them."""
    rng = np.random.default_rng(0)
    unit = rng.normal(size=(ROWS, WIDTH))
    unit[:, 3:] = rng.integers(0, CODES, (ROWS, 2))
    label = unit[:, :3].sum(axis=1) + np.where(unit[:, 3] % 3 < 1, 1, -1) + np.where(unit[:, 4] % 2 < 1, 1, -1) > 0
    features = unit.astype(np.float32)
    features[:, :3] = unit[:, :3] * scale + shift
    features[rng.random(features.shape) < 0.2] = 0
    features[rng.random(features.shape) < 0.1] = np.nan
    return features, label.astype(np.int64)


def _boosters() -> Iterator[Case]:
    yield _booster("numbers near 1", _drawn(1.0))
    yield _booster("ids of 1e8", _drawn(1e8))
    yield _booster("epoch seconds", _drawn(1e6, 1.7e9))
    yield _booster("numbers of 1e-8", _drawn(1e-8))
    yield _booster("zero as missing", _drawn(1.0), zero_as_missing=True)
    yield _booster("missing as zero", _drawn(1.0), use_missing=False)
    yield _booster("category sets", _drawn(1.0), categorical_feature=[3, 4], whole=True)
    yield _booster("category sets, fractional codes", _drawn(1.0), categorical_feature=[3, 4])


def _booster(
    name: str, drawn: tuple[Float32Array, NDArray[np.int64]], *, whole: bool = False, **parameters: object
) -> Case:
    features, labels = drawn
    fixed = {"objective": "binary", "verbosity": -1, "num_threads": 1, "seed": 0, "min_data_per_group": 5}
    model = lightgbm.train({**fixed, **parameters}, lightgbm.Dataset(features, labels), 50)
    rows = hostile(edges_of(model, WIDTH), features[:100])
    return Case(f"LightGBM, {name}", model, _whole(rows) if whole else rows)


def _whole(rows: Float32Array) -> Float32Array:
    """The rows with codes that a careful caller could send: whole, some of them unseen."""
    codes = np.round(np.clip(rows[:, 3:], -1, 2 * CODES))
    return np.hstack([rows[:, :3], codes])


def _classifiers() -> Iterator[Case]:
    features, labels = _drawn(1.0)
    large, _ = _drawn(1e8)
    logistic = LogisticRegression(max_iter=1_000)
    boosted = GradientBoostingClassifier(n_estimators=50, random_state=0)
    histogram = HistGradientBoostingClassifier(max_iter=50, random_state=0)
    yield _classifier("logistic regression", logistic, features, labels)
    yield _classifier("logistic regression, fractional codes", logistic, features, labels, whole=False)
    yield _classifier("gradient boosting", boosted, features, labels)
    yield _classifier("gradient boosting, ids of 1e8", boosted, large, labels)
    yield _classifier("histogram boosting", histogram, features, labels)
    for method in ("sigmoid", "isotonic"):
        calibrated = CalibratedClassifierCV(logistic, method=method, cv=3)
        yield _classifier(f"logistic regression, {method}", calibrated, features, labels)


def _fitted(final: Any, features: Float32Array, labels: NDArray[np.int64]) -> Any:
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    codes = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=-1), OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    )
    parts = [("numbers", numbers, [0, 1, 2]), ("codes", codes, [3, 4])]
    return make_pipeline(ColumnTransformer(parts), final).fit(features, labels)


def _classifier(
    name: str, final: Any, features: Float32Array, labels: NDArray[np.int64], *, whole: bool = True
) -> Case:
    model = _fitted(final, features, labels)
    try:
        edges = edges_of(model, WIDTH)
    except ModelError:  # refused by ours; the others are asked beside the values it was fitted on
        edges = [(at, float(value)) for at in range(WIDTH) for value in np.unique(features[:100, at])]
    rows = hostile(edges, features[:100])
    answered = rows[~(np.abs(rows) > 1e30).any(axis=1)]
    return Case(f"scikit-learn, {name}", model, _whole(answered) if whole else answered)
