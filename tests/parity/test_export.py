"""The exported model scores as LightGBM does."""

import lightgbm
import numpy as np
import pytest

from models.errors import ModelError
from models.export import assert_parity, export_lightgbm
from models.scorers import OnnxScorer

QUIET = {"objective": "binary", "verbosity": -1, "min_data_in_leaf": 5, "num_threads": 1}


def trained(scale=1.0, **parameters):
    rng = np.random.default_rng(7)
    features = (rng.normal(size=(600, 4)) * scale).astype(np.float32)
    features[rng.random(features.shape) < 0.1] = np.nan
    features[0] = np.nan
    labels = (np.nan_to_num(features[:, 0]) + rng.normal(size=600) * scale > 0).astype(int)
    return lightgbm.train({**QUIET, **parameters}, lightgbm.Dataset(features, labels), 30), features


@pytest.mark.parametrize("scale", [1.0, 1e8, 1e-8])
def test_the_export_equals_lightgbm_on_and_beside_every_threshold(scale):
    booster, features = trained(scale)

    assert assert_parity(booster, export_lightgbm(booster), features) <= 1e-6


def test_zero_as_missing_is_refused_with_the_reason():
    booster, _ = trained(zero_as_missing=True)

    with pytest.raises(ModelError, match="missing type"):
        export_lightgbm(booster)


def test_no_rows_give_no_scores():
    booster, features = trained()

    assert OnnxScorer(export_lightgbm(booster)).score(features[:0]).shape == (0,)
