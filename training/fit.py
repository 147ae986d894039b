"""Fitting: the model, and the plain baseline it must not fall behind."""

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.spec import Float32Array

# Conservative, for a few thousand rows at a base rate of about one in eight; not searched on the test campaigns.
PARAMETERS = {
    "objective": "binary", "num_leaves": 8, "learning_rate": 0.05, "min_data_in_leaf": 40, "lambda_l2": 5.0,
    "bagging_fraction": 0.8, "bagging_freq": 1, "feature_fraction": 0.6, "max_bin": 63, "verbosity": -1,
    "deterministic": True, "force_row_wise": True, "num_threads": 2, "use_missing": True,
}  # fmt: skip
ROUNDS = 150


def fit(features: Float32Array, labels: NDArray[np.int64], seed: int = 0) -> lightgbm.Booster:
    """Fit trees.

    Args:
        features: float32[N, F].
        labels: int64[N], 0 or 1.
        seed: fixes the model to the byte.
    """
    # One all-missing row, of no weight, makes LightGBM give every split the missing type NaN.
    padded = np.vstack([features, np.full((1, features.shape[1]), np.nan, np.float32)])
    weights = np.append(np.ones(len(labels)), 0.0)
    data = lightgbm.Dataset(padded, np.append(labels, 0), weight=weights)
    return lightgbm.train({**PARAMETERS, "seed": seed}, data, ROUNDS)


def logistic_baseline(
    train: Float32Array, labels: NDArray[np.int64], test: Float32Array
) -> NDArray[np.float64]:
    """Scores of a plain logistic regression: float64[len(test)]."""
    model = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=-1, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(max_iter=2_000),
    )
    return np.asarray(model.fit(train, labels).predict_proba(test)[:, 1], np.float64)


def auc(labels: NDArray[np.int64], scores: NDArray[np.float64] | Float32Array) -> float:
    """Area under the ROC curve."""
    return float(roc_auc_score(labels, scores))
