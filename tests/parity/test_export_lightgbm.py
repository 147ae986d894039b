"""An exported LightGBM model scores as LightGBM does, on and next to every threshold, or is refused with the reason."""

import re
import subprocess
import sys

import lightgbm
import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import ModelError
from models.export import OPERATORS, assert_parity, export_lightgbm, platt
from models.export.lightgbm import edges_of
from models.export.parity import hostile
from models.scorers import OnnxScorer

QUIET = {"objective": "binary", "verbosity": -1, "min_data_in_leaf": 5, "num_threads": 1}
CATEGORIES = {"cat_smooth": 0, "cat_l2": 0, "min_data_per_group": 1, "max_cat_to_onehot": 2}


def trained(scale=1.0, rounds=30, categorical=(), zeros=0.0, **parameters):
    """Four columns, a tenth missing; categorical ones hold codes below 50."""
    rng = np.random.default_rng(7)
    features = (rng.normal(size=(600, 4)) * scale).astype(np.float32)
    for column in categorical:
        features[:, column] = rng.integers(0, 50, 600)
    signal = features[:, 0] / scale + np.where(features[:, 3] % 3 < 1, 1, -1) + rng.normal(size=600) / 3
    features[rng.random(features.shape) < 0.1] = np.nan
    features[rng.random(features.shape) < zeros] = 0
    data = lightgbm.Dataset(features, (signal > 0).astype(int), categorical_feature=list(categorical))
    return lightgbm.train({**QUIET, **CATEGORIES, **parameters}, data, rounds), features


def decisions(booster):
    lines = [line for line in booster.model_to_string().splitlines() if line.startswith("decision_type=")]
    return {int(value) for line in lines for value in line.partition("=")[2].split()}


@pytest.mark.parametrize("scale", [1.0, 1e9, 1e8, 1e-8, 1e-34])
def test_the_export_equals_lightgbm_on_and_beside_every_threshold(scale):
    booster, features = trained(scale)

    assert assert_parity(booster, export_lightgbm(booster), features) <= 1e-6


@pytest.mark.parametrize(
    ("parameters", "missing_type"),
    [({"use_missing": False}, 0), ({"zero_as_missing": True, "zeros": 0.3}, 1), ({}, 2)],
)
def test_each_missing_type_is_exported(parameters, missing_type):
    booster, features = trained(**parameters)

    assert missing_type in {decision >> 2 for decision in decisions(booster)}
    assert assert_parity(booster, export_lightgbm(booster), features) <= 1e-6


def test_zero_goes_the_default_way_even_where_that_is_not_its_own():
    booster, features = trained(zero_as_missing=True, zeros=0.3)
    model = export_lightgbm(booster)

    assert "zero_features" in {constant.name for constant in onnx.load_from_string(model).graph.initializer}
    assert assert_parity(booster, model, features) <= 1e-6


@pytest.mark.parametrize("threshold", ["-1e-35", "-1e-36", "-0", "0", "1e-36", "1e-35"])
def test_what_lightgbm_counts_as_zero_is_zero_beside_any_threshold(threshold):
    grown, features = trained(rounds=1, num_leaves=2)
    text = re.sub("\nthreshold=.*", f"\nthreshold={threshold}", grown.model_to_string())
    booster = lightgbm.Booster(model_str=re.sub("\ntree_sizes=.*", "", text))

    assert edges_of(booster)[0][1] == pytest.approx(float(threshold), abs=2e-35)
    assert assert_parity(booster, export_lightgbm(booster), features) <= 1e-6


def test_fractional_negative_and_unseen_categories_go_where_lightgbm_sends_them():
    booster, features = trained(categorical=[3])
    model = export_lightgbm(booster)
    rows = np.repeat(features[:1], 9, axis=0)
    rows[:, 3] = [2, 2.5, 2.999, -0.5, -1, 49.5, 50, 1e9, np.nan]

    assert any(decision & 1 for decision in decisions(booster))
    np.testing.assert_allclose(OnnxScorer(model).score(rows), booster.predict(rows), atol=1e-6)
    assert assert_parity(booster, model, features) <= 1e-6


@pytest.mark.parametrize(
    "parameters",
    [{"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1}, {"boosting": "dart"}, {"sigmoid": 0.4},
     {"min_data_in_leaf": 600}, {"is_unbalance": True}],
)  # fmt: skip
def test_averaged_dropped_rescaled_and_lone_leaves_are_exported(parameters):
    booster, features = trained(**parameters)

    assert assert_parity(booster, export_lightgbm(booster), features) <= 1e-6


def test_the_best_iteration_is_the_one_exported():
    booster, features = trained()
    booster.best_iteration = 3

    assert export_lightgbm(booster) == export_lightgbm(trained(rounds=3)[0])
    assert assert_parity(booster, export_lightgbm(booster), features) <= 1e-6


@st.composite
def boosters(draw):
    """A booster of any shape and its features: scales 1e-8 to 1e9, all missing types, up to 5,000 categories."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows, width = draw(st.integers(30, 400)), draw(st.integers(1, 5))
    features = (rng.normal(size=(rows, width)) * 10.0 ** draw(st.integers(-8, 9))).astype(np.float32)
    categorical = [column for column in range(width) if draw(st.booleans())]
    for column in categorical:
        features[:, column] = rng.integers(0, draw(st.sampled_from([3, 33, 65, 300, 5_000])), rows)
    features[rng.random(features.shape) < draw(st.sampled_from([0, 0.3]))] = 0
    features[rng.random(features.shape) < draw(st.sampled_from([0, 0.1]))] = np.nan
    labels = (np.nan_to_num(features).argsort(axis=0).argsort(axis=0).sum(axis=1) % rows > rows / 2).astype(int)
    parameters = {
        "zero_as_missing": draw(st.booleans()),
        "use_missing": draw(st.booleans()),
        "min_data_in_leaf": draw(st.integers(1, 20)),
        "num_leaves": draw(st.integers(2, 40)),
        "max_cat_to_onehot": draw(st.sampled_from([2, 1_000])),
        "sigmoid": draw(st.sampled_from([0.5, 1.0, 2.0])),
    }
    data = lightgbm.Dataset(features, labels, categorical_feature=categorical)
    return lightgbm.train({**QUIET, **CATEGORIES, **parameters}, data, draw(st.integers(1, 20))), features


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=boosters(), slope=st.floats(-3, 3), intercept=st.floats(-3, 3))
def test_any_booster_scores_alike_with_and_without_calibration(drawn, slope, intercept):
    booster, features = drawn
    model = export_lightgbm(booster)

    assert assert_parity(booster, model, features[:50]) <= 1e-6
    assert assert_parity(booster, platt(model, slope, intercept), features[:50], (slope, intercept)) <= 1e-6


def test_the_drawn_rows_sit_on_and_on_both_sides_of_every_threshold():
    booster, features = trained()
    edges = edges_of(booster)
    rows = hostile(edges, features[:5])

    assert {feature for feature, _ in edges} == {0, 1, 2, 3}
    for feature, value in edges:
        at = np.float32(min(value, 1e38))
        wanted = {at, np.nextafter(at, np.float32(-np.inf)), np.nextafter(at, np.float32(np.inf))}
        assert wanted <= set(rows[:, feature])


def with_splits_as_float32(model):
    loaded = onnx.load_from_string(model)
    trees = next(node for node in loaded.graph.node if node.op_type == "TreeEnsemble")
    splits = next(attribute for attribute in trees.attribute if attribute.name == "nodes_splits")
    rounded = onnx.numpy_helper.to_array(splits.t).astype(np.float32).astype(np.float64)
    splits.t.CopyFrom(onnx.numpy_helper.from_array(rounded))
    return loaded.SerializeToString()


@pytest.mark.parametrize("scale", [1.0, 1e8])
def test_thresholds_rounded_to_float32_do_not_pass_for_exact(scale):
    booster, features = trained(scale)

    with pytest.raises(ModelError, match="differs from the original"):
        assert_parity(booster, with_splits_as_float32(export_lightgbm(booster)), features)


def test_no_rows_give_no_scores():
    booster, features = trained()

    assert OnnxScorer(export_lightgbm(booster)).score(features[:0]).shape == (0,)


def test_the_graph_holds_known_operators_and_names_only():
    booster, _ = trained(categorical=[3], zero_as_missing=True, zeros=0.3)
    graph = onnx.load_from_string(platt(export_lightgbm(booster), 0.9, 0.1)).graph

    assert {node.op_type for node in graph.node} <= set(OPERATORS)
    assert [node.output[0] for node in graph.node if node.op_type == "TreeEnsemble"] == ["margin"]
    assert (graph.input[0].name, graph.output[0].name) == ("features", "propensity")


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"objective": "regression"}, "objective 'regression' is not exported; train with 'binary'"),
        ({"objective": "cross_entropy"}, "objective 'cross_entropy'"),
        ({"objective": "multiclass", "num_class": 2}, "objective 'multiclass"),
        ({"objective": lambda _, data: (data.get_label() - 0.5, np.ones(600))}, "objective 'of your own'"),
        ({"linear_tree": True}, "linear trees"),
    ],
)
def test_what_is_not_exact_is_refused_with_the_reason(parameters, reason):
    booster, _ = trained(**parameters)

    with pytest.raises(ModelError, match=reason):
        export_lightgbm(booster)


def test_a_model_without_trees_is_refused():
    data = lightgbm.Dataset(np.zeros((10, 2)), [0, 1] * 5)

    with pytest.raises(ModelError, match="no trees; train at least one round"):
        export_lightgbm(lightgbm.Booster(QUIET, data))


def test_calibration_is_put_in_once_and_must_be_finite():
    model = export_lightgbm(trained()[0])

    with pytest.raises(ModelError, match="not one Sigmoid over `margin`"):
        platt(platt(model, 0.9, 0.1), 0.9, 0.1)
    with pytest.raises(ModelError, match="must be finite"):
        platt(model, np.nan, 0.1)


@pytest.mark.parametrize("heavy", ["lightgbm", "sklearn"])
def test_reading_the_operators_loads_no_training_library(heavy):
    script = f"import sys, models.export.graph; sys.exit({heavy!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
