"""Intervals of figures, and what a manifest says of a training."""

import numpy as np
import pandas as pd
import pytest

from models import RESPONSE, Feature, FeatureSpec, Metric
from tests.unit.artefacts import a_model
from training.describe import Rows, describe
from training.fit import auc
from training.intervals import with_interval


def mean_of(values):
    return lambda weights: float(np.average(values, weights=weights))


def customers(count, rows_each):
    return np.repeat([f"c{index}" for index in range(count)], rows_each).astype(object)


def test_an_interval_holds_the_figure_and_is_the_same_every_time():
    values = np.random.default_rng(0).normal(size=400)

    first, again = (with_interval(mean_of(values), customers(400, 1)) for _ in range(2))

    assert first == again
    assert first.low < first.value < first.high


def test_an_interval_is_as_wide_as_the_textbook_says_for_a_mean():
    values = np.random.default_rng(1).normal(size=2_000)

    metric = with_interval(mean_of(values), customers(2_000, 1))

    # 1.96 standard errors either side; 200 draws know a percentile to about a tenth of that.
    assert metric.high - metric.low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(2_000), rel=0.2)


def test_rows_of_one_customer_are_drawn_together():
    values = np.random.default_rng(2).normal(size=100)

    once = with_interval(mean_of(values), customers(100, 1))
    repeated = with_interval(mean_of(np.repeat(values, 9)), customers(100, 9))

    assert (repeated.low, repeated.high) == pytest.approx((once.low, once.high))


def test_too_few_rows_have_no_interval():
    labels = np.array([0, 1])

    metric = with_interval(lambda weights: auc(labels, np.array([0.1, 0.9]), weights), customers(2, 1))

    assert metric == Metric(1.0, None, None)


def test_a_manifest_says_what_it_was_trained_on():
    spec = FeatureSpec((Feature("customer.age"), Feature("customer.unknown"), Feature("action.group", "categorical")))
    features = np.array([[18, np.nan, 0], [99, np.nan, 1], [np.nan, np.nan, 1]], np.float32)
    contacts = pd.DataFrame({"start_ms": [5, 3, 4], "end_ms": [6, 9, 7], "label": [0, 1, 1]})

    manifest = describe(RESPONSE, a_model().SerializeToString(), Rows(spec, features, contacts), {})
    other = describe(RESPONSE, a_model().SerializeToString(), Rows(spec, features, contacts.assign(label=0)), {})

    assert manifest.ranges == {"customer.age": (18.0, 99.0)}
    assert manifest.window == (3, 9)
    assert manifest.base_rate == pytest.approx(2 / 3)
    assert set(manifest.libraries) == {"lightgbm", "numpy", "onnx", "onnxruntime"}
    assert manifest.data_digest != other.data_digest
