"""Factorised trees score as ONNX Runtime does, and what cannot be is refused."""

import itertools

import lightgbm
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from models import Binder, Feature, FeatureSpec, ModelError, OnnxRows, OnnxScorer, RowTable
from models.choose import kernel, plan_of
from models.ensemble import read_ensemble
from models.export import export_lightgbm
from models.factorised import FactorisedRows
from models.kernels import NUMPY

DAY_MS = 86_400_000
NOW_MS = 1_700_000_000_000
GROUPS, CHANNELS = ("cards", "loans", "homes"), ("web", "app")
SPEC = FeatureSpec((
    Feature("customer.age"),
    Feature("with_group.clicks"),
    Feature("action.margin"),
    Feature("customer.vector", "embedding", width=2),
    Feature("request.device", "categorical", ("phone", "desk")),
    Feature("action.group", "categorical", GROUPS),
    Feature("with_channel.last_at", "age"),
    Feature("with_action.clicks"),
    Feature("action.launched_at", "age"),
))  # fmt: skip
KERNELS = ["numpy", "compiled"]


def kernel_of(name):
    return NUMPY if name == "numpy" else pytest.importorskip("models.fast").FAST


def factorise(model, table, kernel=NUMPY):
    return FactorisedRows(plan_of(model, table, kernel), table, kernel)


def table_of(size, seed=0):
    rng = np.random.default_rng(seed)
    group, channel = rng.choice(GROUPS, size).astype(object), rng.choice(CHANNELS, size).astype(object)
    margin = rng.normal(size=size).round(1)
    margin[rng.random(size) < 0.2] = np.nan
    columns = {
        "action.margin": margin,
        "action.group": group,
        "action.launched_at": NOW_MS - rng.integers(0, 4, size) * DAY_MS,
    }
    keys = {"group": group, "channel": channel, "objective": group, "action": np.arange(size).astype(object)}
    return RowTable(SPEC, columns, keys, size)


def inputs_of(table, seed=0):
    rng = np.random.default_rng(seed)
    known = {
        "customer.age": float(rng.normal()),
        "customer.vector": rng.normal(size=2).tolist(),
        "request.device": "desk",
    }
    dealings = {
        "group": {"loans": {"clicks": float(rng.normal())}},
        "channel": {"web": {"last_at": NOW_MS - int(rng.integers(0, 3 * DAY_MS))}},
        "action": {int(at): {"clicks": float(rng.normal())} for at in rng.integers(0, table.size + 2, 3)},
    }
    facts = {name: value for name, value in known.items() if rng.random() < 0.8}
    return table.inputs(facts, {kind: d for kind, d in dealings.items() if rng.random() < 0.8}, NOW_MS)


CATEGORIES = SPEC.columns(["request.device", "action.group"]).tolist()
KINDS = {
    "numbers": {},
    "categories": {"categories": CATEGORIES, "min_data_per_group": 5, "cat_smooth": 1.0, "cat_l2": 0.0},
    "zero is missing": {"zero_as_missing": True},
    "nothing is missing": {"use_missing": False},
    "forest": {"boosting": "rf", "bagging_fraction": 0.7, "bagging_freq": 1},
}


def trained(seed=0, scale=1.0, rounds=5, categories="auto", **parameters):
    """Trees over every feature, with values missing in all of them."""
    rng = np.random.default_rng(seed)
    features = (rng.normal(size=(800, SPEC.width)) * scale).astype(np.float32)
    features[rng.random(features.shape) < 0.2] = np.nan
    features[rng.random(features.shape) < 0.1] = 0
    features[:, CATEGORIES] = rng.integers(0, 3, (800, 2))
    features[0] = np.nan
    labels = (np.nan_to_num(features).sum(axis=1) + rng.normal(size=800) * scale > 0).astype(int)
    options = {"objective": "binary", "verbosity": -1, "min_data_in_leaf": 2, "num_threads": 1, "seed": seed}
    return export_lightgbm(
        lightgbm.train(
            {**options, **parameters}, lightgbm.Dataset(features, labels, categorical_feature=categories), rounds
        )
    )


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1000),
    size=st.integers(1, 40),
    leaves=st.sampled_from([2, 7, 63, 64, 65, 150]),
    scale=st.sampled_from([1.0, 1e8, 1e-8]),
    gain=st.sampled_from([0.0, 0.0, 1.0, 1e9]),
    used=st.sampled_from([1.0, 0.3]),
    kind=st.sampled_from(sorted(KINDS)),
)
def test_factorised_trees_score_as_onnx_runtime_does(kernel, seed, size, leaves, scale, gain, used, kind):
    options = {"num_leaves": leaves, "min_gain_to_split": gain, "feature_fraction": used}
    model = trained(seed, scale, **options, **KINDS[kind])
    table, rows = table_of(size, seed), np.random.default_rng(seed).integers(0, size, size * 2)
    plan, onnx_rows = factorise(model, table, kernel_of(kernel)), OnnxRows(table, OnnxScorer(model))

    for inputs in (inputs_of(table, seed), table.inputs({}, {}, NOW_MS)):
        np.testing.assert_allclose(plan.score(inputs, rows), onnx_rows.score(inputs, rows), rtol=0, atol=1e-6)


@pytest.mark.parametrize("leaves", [31, 150])
def test_compiled_loops_give_what_numpy_gives(leaves):
    model, table = trained(num_leaves=leaves), table_of(300)
    plain, compiled = (factorise(model, table, kernel_of(name)) for name in KERNELS)

    for seed in range(10):
        inputs, rows = inputs_of(table, seed), np.arange(300)
        np.testing.assert_allclose(compiled.score(inputs, rows), plain.score(inputs, rows), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_row_scores_alone_as_it_does_among_others_to_the_bit(kernel):
    table = table_of(300)
    plan, inputs = factorise(trained(num_leaves=31, rounds=101), table, kernel_of(kernel)), inputs_of(table)

    alone = [plan.score(inputs, np.array([row]))[0] for row in range(300)]

    assert plan.score(inputs, np.arange(300)).tolist() == alone


def test_rows_that_nothing_tells_apart_are_scored_once():
    spec = FeatureSpec((Feature("customer.age"), Feature("action.group", "categorical", GROUPS)))
    group = np.array(GROUPS * 50, object)
    table = RowTable(spec, {"action.group": group}, {}, len(group))
    model = trained_on(spec)
    plan, inputs = factorise(model, table), table.inputs({"customer.age": 0.3}, {}, NOW_MS)

    made = plan.score(inputs, np.arange(150))

    assert len(np.unique(made)) <= len(GROUPS)
    np.testing.assert_allclose(made, OnnxScorer(model).score(table.matrix(inputs, np.arange(150))), atol=1e-6)


def trained_on(spec):
    rng = np.random.default_rng(0)
    features = rng.integers(0, 3, (400, spec.width)).astype(np.float32)
    features[0] = np.nan
    labels = (features[:, -1] + rng.normal(size=400) > 1).astype(int)
    options = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 2}
    return export_lightgbm(lightgbm.train(options, lightgbm.Dataset(features, labels), 5))


def no_clock():
    raise AssertionError("there is nothing to measure")


def test_trees_of_up_to_64_leaves_are_factorised_unmeasured():
    assert isinstance(Binder(OnnxScorer(trained(num_leaves=64)), no_clock)(table_of(20)), FactorisedRows)


@pytest.mark.parametrize(("first", "later", "chosen"), [(1, 9, FactorisedRows), (9, 1, OnnxRows)])
def test_larger_trees_are_scored_by_what_is_measured_faster(first, later, chosen):
    times = itertools.chain([1, first] * 10, itertools.cycle([1, later]))
    ticks = itertools.accumulate(times)

    scorer = Binder(OnnxScorer(trained(num_leaves=150)), lambda: next(ticks))(table_of(20))

    assert type(scorer) is chosen


def a_tree(mode=0, split=1.5, weights=(0.3, -0.2), front=(), tail=(), **facts):
    """One condition on the first of two features."""
    tensors = {"nodes_splits": np.full(np.size(mode), split), "leaf_weights": np.array(weights)}
    tensors |= {"nodes_modes": np.array(mode, np.uint8).reshape(-1)}
    given = {
        "n_targets": 1, "aggregate_function": 1, "post_transform": 0, "tree_roots": [0], "nodes_featureids": [0],
        "nodes_truenodeids": [0], "nodes_trueleafs": [1], "nodes_falsenodeids": [1], "nodes_falseleafs": [1],
        "leaf_targetids": [0] * len(weights), **facts,
    }  # fmt: skip
    tensors |= {name: given.pop(name) for name in ("membership_values",) if name in given}
    packed = {name: numpy_helper.from_array(value) for name, value in tensors.items()}
    nodes = [
        helper.make_node("Cast", ["features"], ["wide"], to=TensorProto.DOUBLE),
        *(front or [helper.make_node("Identity", ["wide"], ["read"])]),
        helper.make_node("TreeEnsemble", ["read"], ["margin"], domain="ai.onnx.ml", **given, **packed),
        *(tail or [helper.make_node("Sigmoid", ["margin"], ["chance"])]),
        helper.make_node("Cast", ["chance"], ["propensity"], to=TensorProto.FLOAT),
    ]
    return packed_model(nodes)


def packed_model(nodes):
    numbers = {
        "two": np.array(2.0), "tenth": np.array([0.1]), "mix": np.ones((2, 1)), "wide_two": np.array([2.0, 3.0]),
        "slope": np.ones((2, 1), np.float32),
    }  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "hand",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("propensity", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(value, name) for name, value in numbers.items()],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


HAND = FeatureSpec((Feature("customer.age"), Feature("action.margin")))


def hand_table():
    return RowTable(HAND, {"action.margin": np.array([0.0, 1.0, 2.0, 1.5, np.nan])}, {}, 5)


@pytest.mark.parametrize("missing_true", [0, 1])
@pytest.mark.parametrize("feature", [0, 1])
@pytest.mark.parametrize("mode", range(7))
def test_every_kind_of_condition_is_read(mode, feature, missing_true):
    sets = {"membership_values": np.array([1.0, 1.5, np.nan])} if mode == 6 else {}
    facts = {"nodes_featureids": [feature], "nodes_missing_value_tracks_true": [missing_true], **sets}
    model, table = a_tree(mode, **facts), hand_table()

    plan = factorise(model, table)

    for age in (None, 0.0, 1.0, 1.5, 2.0, float(np.nextafter(np.float32(1.5), np.float32(2)))):
        inputs, rows = table.inputs({"customer.age": age}, {}, NOW_MS), np.arange(5)
        np.testing.assert_allclose(
            plan.score(inputs, rows), OnnxScorer(model).score(table.matrix(inputs, rows)), atol=1e-7
        )


@pytest.mark.parametrize(
    "facts",
    [
        {"nodes_truenodeids": [0], "nodes_trueleafs": [0]},
        {"nodes_falsenodeids": [7]},
        {
            "nodes_featureids": [0] * 99, "nodes_truenodeids": [*range(1, 99), 0],
            "nodes_trueleafs": [*[0] * 98, 1], "nodes_falsenodeids": [*range(1, 99), 0],
            "nodes_falseleafs": [*[0] * 98, 1],
        },
    ],
)  # fmt: skip
def test_nodes_that_make_no_trees_are_refused(facts):
    with pytest.raises(ModelError, match="make no trees"):
        read_ensemble(a_tree(mode=[0] * len(facts.get("nodes_featureids", [0])), split=1.5, **facts))


def test_what_stands_behind_the_trees_is_done_in_its_order():
    tail = [
        helper.make_node("Mul", ["margin", "two"], ["scaled"]),
        helper.make_node("Add", ["tenth", "scaled"], ["moved"]),
        helper.make_node("Sigmoid", ["moved"], ["chance"]),
    ]

    assert isinstance(Binder(OnnxScorer(a_tree(tail=tail)), no_clock)(hand_table()), FactorisedRows)


LINEAR = packed_model([
    helper.make_node("MatMul", ["features", "slope"], ["margin"]),
    helper.make_node("Sigmoid", ["margin"], ["propensity"]),
])  # fmt: skip


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (LINEAR, "0 nodes TreeEnsemble"),
        (a_tree(aggregate_function=2), "not summed"),
        (a_tree(front=[helper.make_node("MatMul", ["wide", "mix"], ["read"])]), "made of 2 features"),
        (a_tree(front=[helper.make_node("Floor", ["wide"], ["read"])]), "differ from ONNX Runtime's"),
        (a_tree(tail=[helper.make_node("Tanh", ["margin"], ["chance"])]), "'Tanh' stands behind the trees"),
        (a_tree(tail=[helper.make_node("Mul", ["margin", "margin"], ["chance"])]), "single numbers alone"),
        (a_tree(split=np.nan), "is none that is known"),
    ],
)
def test_what_cannot_be_factorised_is_scored_by_onnx_runtime_with_the_reason(model, said):
    table = hand_table()
    inputs, rows = table.inputs({"customer.age": 1.0}, {}, NOW_MS), np.arange(5)

    scorer = Binder(OnnxScorer(model), no_clock)(table)

    assert isinstance(scorer, OnnxRows)
    assert said in scorer.reason
    np.testing.assert_array_equal(scorer.score(inputs, rows), OnnxScorer(model).score(table.matrix(inputs, rows)))


def test_no_rows_give_no_scores():
    scorer = Binder(OnnxScorer(trained()), no_clock)(table_of(3))

    assert scorer.score(inputs_of(table_of(3)), np.zeros(0, np.intp)).shape == (0,)


def test_without_the_extra_the_loops_are_numpy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert kernel() is NUMPY


def test_a_table_too_large_for_memory_is_refused_with_the_reason():
    table = table_of(2)
    table.size = 1 << 30

    with pytest.raises(ModelError, match="take more than 256 MB"):
        factorise(trained(), table)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_split_is_factorised(kind):
    assert isinstance(Binder(OnnxScorer(trained(num_leaves=31, **KINDS[kind])), no_clock)(table_of(50)), FactorisedRows)


def test_an_infinite_threshold_is_read():
    assert isinstance(Binder(OnnxScorer(a_tree(split=np.inf)), no_clock)(hand_table()), FactorisedRows)
