"""An exported scikit-learn classifier scores as scikit-learn does in float32, or is refused with the reason."""

import warnings

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

from models.errors import ModelError
from models.export import OPERATORS, assert_parity, export_sklearn, platt
from models.scorers import OnnxScorer

SCALERS = (StandardScaler(), MinMaxScaler(), MaxAbsScaler(), RobustScaler())
FINALS = (
    LogisticRegression(max_iter=1_000),
    GradientBoostingClassifier(n_estimators=20, random_state=0),
    HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=5, random_state=0),
)
NUMBERS, CODES = [0, 1, 2], [3, 4]


def drawn(seed=0, scale=1.0, missing=0.1):
    """Features, of which 3 and 4 are codes, and labels."""
    rng = np.random.default_rng(seed)
    features = (rng.normal(size=(300, 5)) * scale).astype(np.float32)
    features[:, 3], features[:, 4] = rng.integers(0, 6, 300), rng.choice([0.1, 7, 16_777_216], 300)
    signal = features[:, :2].sum(axis=1) / scale + 2 * (features[:, 3] == 2) + rng.normal(size=300) / 2
    features[rng.random(features.shape) < missing] = np.nan
    return features, (signal > 0.3).astype(int)


def columns(scaler=SCALERS[0], encoder=None, filled=True, between=()):
    """Numbers filled, their gaps marked, and scaled; codes one column each."""
    number = [SimpleImputer(strategy="median", add_indicator=True)] if filled else []
    code = [SimpleImputer(strategy="constant", fill_value=-1)] if filled else []
    encoder = encoder or OneHotEncoder(handle_unknown="ignore")
    parts = [
        ("numbers", make_pipeline(*number, *between, scaler), NUMBERS),
        ("codes", make_pipeline(*code, encoder), CODES),
    ]
    return ColumnTransformer(parts, sparse_threshold=0)


def gap(model, features):
    return assert_parity(model, export_sklearn(model, features.shape[1]), features[:100])


@pytest.fixture(autouse=True)
def quiet():
    # scikit-learn warns of overflow and of unseen codes; the answers are what is compared.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("final", FINALS, ids=lambda final: type(final).__name__)
@pytest.mark.parametrize("scaler", SCALERS, ids=lambda scaler: type(scaler).__name__)
def test_a_pipeline_of_scaling_and_one_hot_scores_alike(scaler, final):
    features, labels = drawn()

    assert gap(make_pipeline(columns(scaler), final).fit(features, labels), features) <= 1e-6


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    power=st.integers(-8, 9),
    missing=st.sampled_from([0, 0.1, 0.5]),
    scaler=st.sampled_from(SCALERS),
    final=st.sampled_from(FINALS),
    wide=st.booleans(),
)
def test_any_pipeline_scores_alike(seed, power, missing, scaler, final, wide):
    features, labels = drawn(seed, 10.0**power, missing)
    model = make_pipeline(columns(scaler), final).fit(features.astype(np.float64) if wide else features, labels)

    assert gap(model, features) <= 1e-6


@pytest.mark.parametrize("final", FINALS, ids=lambda final: type(final).__name__)
@pytest.mark.parametrize("place", ["around a frozen pipeline", "over folds", "at the end of a pipeline"])
def test_platt_calibration_is_inside_the_graph(place, final):
    features, labels = drawn()
    if place == "around a frozen pipeline":
        fitted = make_pipeline(columns(), final).fit(features, labels)
        model = CalibratedClassifierCV(FrozenEstimator(fitted), method="sigmoid").fit(features, labels)
    elif place == "over folds":
        model = CalibratedClassifierCV(make_pipeline(columns(), final), method="sigmoid", cv=3).fit(features, labels)
    else:
        model = make_pipeline(columns(), CalibratedClassifierCV(final, cv=3)).fit(features, labels)

    assert gap(model, features) <= 1e-6


def test_an_export_without_calibration_takes_one_afterwards():
    features, labels = drawn()
    model = make_pipeline(columns(), FINALS[0]).fit(features, labels)
    chance = model.predict_proba(features)[:, 1]

    found = OnnxScorer(platt(export_sklearn(model, 5), 0.5, -1)).score(features)

    np.testing.assert_allclose(found, 1 / (1 + np.exp(1 - 0.5 * np.log(chance / (1 - chance)))), atol=1e-6)


def test_logarithms_of_small_and_large_numbers_score_alike():
    features, labels = drawn()
    features = np.abs(features)
    features[:, 0] *= 1e-12
    features[:, 1] *= 1e12
    model = make_pipeline(columns(between=[FunctionTransformer(np.log1p)]), FINALS[0]).fit(features, labels)

    assert gap(model, features) <= 1e-6


@pytest.mark.parametrize(
    "encoder",
    [OneHotEncoder(handle_unknown="ignore", drop="first"), OneHotEncoder(handle_unknown="ignore", drop="if_binary"),
     OneHotEncoder(handle_unknown="infrequent_if_exist"), OneHotEncoder(handle_unknown="ignore", dtype=np.float32)],
)  # fmt: skip
def test_an_encoder_s_own_ways_are_kept(encoder):
    features, labels = drawn()
    features[:, 4] = np.where(features[:, 4] > 1, 1, 0)

    assert gap(make_pipeline(columns(encoder=encoder), FINALS[0]).fit(features, labels), features) <= 1e-6


def test_a_missing_code_that_was_seen_is_a_category():
    features, labels = drawn()
    steps = [("codes", OneHotEncoder(handle_unknown="ignore"), CODES)]
    model = make_pipeline(ColumnTransformer(steps), FINALS[0]).fit(features, labels)

    assert np.isnan(model[0].transformers_[0][1].categories_[0]).any()
    assert gap(model, features) <= 1e-6


@pytest.mark.parametrize("final", FINALS[:2], ids=lambda final: type(final).__name__)
def test_a_row_that_the_original_refuses_scores_nothing(final):
    features, labels = drawn(missing=0)
    model = make_pipeline(columns(filled=False), final).fit(features, labels)
    rows = features[:4].copy()
    rows[0, 0], rows[1, 1], rows[2, 3] = np.nan, np.inf, np.inf

    assert np.isnan(OnnxScorer(export_sklearn(model, 5)).score(rows)).tolist() == [True, True, True, False]
    assert gap(model, features) <= 1e-6


@pytest.mark.parametrize("final", [*FINALS, GradientBoostingClassifier(init="zero", n_estimators=5)])
def test_a_classifier_alone_is_exported(final):
    features, labels = drawn(missing=0)

    assert gap(final.fit(features / features.max(axis=0), labels), features / features.max(axis=0)) <= 1e-6


def test_columns_are_taken_by_number_slice_mask_and_remainder():
    features, labels = drawn(missing=0)
    parts = [
        ("a", StandardScaler(), slice(1, 3)),
        ("b", "drop", [4]),
        ("c", MinMaxScaler(), [False] * 3 + [True, False]),
    ]
    for remainder in ("drop", "passthrough", MaxAbsScaler()):
        model = make_pipeline(ColumnTransformer(parts, remainder=remainder), "passthrough", FINALS[1])

        assert gap(model.fit(features, labels), features) <= 1e-6


def test_trees_read_as_float32_what_was_computed_in_double():
    features, labels = drawn()
    model = make_pipeline(columns(), StandardScaler(), FINALS[1]).fit(features, labels)

    assert model[1].transform(model[0].transform(features)).dtype == np.float64
    assert gap(model, features) <= 1e-6


def test_the_graph_holds_known_operators_and_names_only():
    features, labels = drawn()
    graph = onnx.load_from_string(export_sklearn(make_pipeline(columns(), FINALS[1]).fit(features, labels), 5)).graph

    assert {node.op_type for node in graph.node} <= set(OPERATORS)
    assert [node.input[0] for node in graph.node if node.op_type == "Sigmoid"] == ["margin"]
    assert (graph.input[0].name, graph.output[0].name) == ("features", "propensity")


def test_a_scaler_off_by_the_last_bit_does_not_pass_for_exact_under_trees():
    features, labels = drawn()
    model = make_pipeline(columns(), FINALS[1]).fit(features.astype(np.float64), labels)
    exported = onnx.load_from_string(export_sklearn(model, 5))
    scaled = next(node for node in exported.graph.node if node.op_type == "Sub")
    shift = next(constant for constant in exported.graph.initializer if constant.name == scaled.input[1])
    moved = np.nextafter(onnx.numpy_helper.to_array(shift), np.float32(np.inf))
    shift.CopyFrom(onnx.numpy_helper.from_array(moved, shift.name))

    with pytest.raises(ModelError, match="differs from the original"):
        assert_parity(model, exported.SerializeToString(), features)


class Doubled(StandardScaler):
    """A subclass may do anything."""


REFUSED = {
    "isotonic": (lambda: CalibratedClassifierCV(FINALS[0], method="isotonic"), "'isotonic' is not exported"),
    "temperature": (lambda: CalibratedClassifierCV(FINALS[0], method="temperature"), "'temperature' is not exported"),
    "forest": (lambda: RandomForestClassifier(5), "RandomForestClassifier is not exported; use one of Gradient"),
    "LightGBM": (lambda: LGBMClassifier(n_estimators=2, verbosity=-1), "export_lightgbm"),
    "calibrated twice": (
        lambda: CalibratedClassifierCV(CalibratedClassifierCV(FINALS[0])), "CalibratedClassifierCV is not exported"
    ),
    "exponential": (lambda: GradientBoostingClassifier(loss="exponential"), "loss 'exponential'"),
    "another start": (lambda: GradientBoostingClassifier(init=LogisticRegression()), "started from LogisticRegression"),
    "native categories": (lambda: HistGradientBoostingClassifier(categorical_features=[3]), "one-hot encode them"),
    "polynomials": (lambda: make_pipeline(PolynomialFeatures(), FINALS[0]), "PolynomialFeatures is not"),
    "subclass": (lambda: make_pipeline(Doubled(), FINALS[0]), "Doubled is not exported"),
    "clip": (lambda: make_pipeline(MinMaxScaler(clip=True), FINALS[0]), "clip=False"),
    "another missing": (lambda: make_pipeline(SimpleImputer(missing_values=-1.0), FINALS[0]), "missing_values=-1.0"),
    "unseen raises": (lambda: make_pipeline(columns(encoder=OneHotEncoder()), FINALS[0]), "set 'ignore'"),
    "infrequent": (
        lambda: make_pipeline(columns(encoder=OneHotEncoder(handle_unknown="ignore", max_categories=2)), FINALS[0]),
        "infrequent categories",
    ),
    "another function": (lambda: make_pipeline(FunctionTransformer(np.tanh), FINALS[0]), "function 'tanh'"),
    "logarithms under trees": (
        lambda: make_pipeline(FunctionTransformer(np.log1p), FINALS[1]), "trees need no logarithm"
    ),
    "weights": (
        lambda: make_pipeline(ColumnTransformer([("a", SCALERS[0], [0])], transformer_weights={"a": 2}), FINALS[0]),
        "transformer_weights",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_exact_is_refused_with_the_reason(case):
    features, labels = drawn(missing=0)
    make, reason = REFUSED[case]

    with pytest.raises(ModelError, match=reason):
        export_sklearn(make().fit(np.abs(features), labels), 5)


def test_more_classes_another_width_and_named_columns_are_refused():
    features, labels = drawn(missing=0)
    frame = pytest.importorskip("pandas").DataFrame(features, columns=list("abcde"))
    named = make_pipeline(ColumnTransformer([("a", StandardScaler(), ["a"])]), LogisticRegression()).fit(frame, labels)

    with pytest.raises(ModelError, match="two classes"):
        export_sklearn(LogisticRegression().fit(features[:, :3], labels + features[:, 3].astype(int)), 3)
    with pytest.raises(ModelError, match="fitted on 5 columns, not 4"):
        export_sklearn(LogisticRegression().fit(features, labels), 4)
    with pytest.raises(ModelError, match="name them by number"):
        export_sklearn(named, 5)
