"""scikit-learn pipelines to ONNX: the usual transformers, linear and boosted classifiers, Platt calibration.

scikit-learn is asked in float32, as serving asks, and computes some steps in it; each is rounded here where it is
rounded there. A row that scikit-learn refuses (a missing or infinite value that nothing fills) scores NaN.
"""

from collections.abc import Callable, Sequence

import numpy as np
from onnx import TensorProto

from models.errors import ModelError
from models.export.columns import Columns, Draft
from models.export.graph import MARGIN
from models.export.transforms import Fitted, kind, transform
from models.export.trees import Tree, add_ensemble, apart, constant

Margin = Callable[[str], object]


def export_sklearn(classifier: Fitted, width: int) -> bytes:
    """A fitted binary classifier as ONNX: a pipeline, its last step alone, or a CalibratedClassifierCV around either.

    Args:
        classifier: fitted on `width` columns of numbers.
        width: F.

    Returns:
        the serialised model: float32[N, F] `features` -> float32[N, 1] `propensity`.

    Raises:
        ModelError: for what cannot be exported exactly.
    """
    draft = Draft(width)
    return draft.graph.finish(_draw(draft, classifier), width)


def edges_of(classifier: Fitted, width: int) -> list[tuple[int, float]]:
    """Every feature and value at which the score may jump: thresholds, categories and fills, traced to the features."""
    draft = Draft(width)
    _draw(draft, classifier)
    return sorted(set(draft.edges))


def _draw(draft: Draft, classifier: Fitted) -> str:
    if len(getattr(classifier, "classes_", ())) != 2:
        raise ModelError(f"{kind(classifier)} does not tell two classes apart; a propensity has two: fit it on 0 and 1")
    if classifier.n_features_in_ != draft.width:
        raise ModelError(f"{kind(classifier)} was fitted on {classifier.n_features_in_} columns, not {draft.width}")
    last, columns = _unwrapped(draft, classifier, draft.features())
    if kind(last) == "CalibratedClassifierCV":
        return _calibrated(draft, last, columns)
    return draft.graph.chance(_margin(draft, last, columns, MARGIN))


def _unwrapped(draft: Draft, classifier: Fitted, columns: Columns) -> tuple[Fitted, Columns]:
    """The classifier at the end of pipelines, and the columns that reach it."""
    while kind(classifier) in {"Pipeline", "FrozenEstimator"}:
        if kind(classifier) == "FrozenEstimator":
            classifier = classifier.estimator
            continue
        *steps, (_, classifier) = classifier.steps
        for _, step in steps:
            columns = transform(draft, step, columns)
    return classifier, columns


def _calibrated(draft: Draft, classifier: Fitted, columns: Columns) -> str:
    """Platt's sigmoid on the log-odds; the mean over the folds' classifiers where there are several."""
    if classifier.method != "sigmoid":
        raise ModelError(f"calibration '{classifier.method}' is not exported: its map bends in float32; use 'sigmoid'")
    graph, chances = draft.graph, []
    members = classifier.calibrated_classifiers_
    for at, member in enumerate(members):
        last, reached = _unwrapped(draft, member.estimator, columns)
        margin = _margin(draft, last, reached, MARGIN if len(members) == 1 else f"{MARGIN}_{at}")
        curve = member.calibrators[0]
        chances.append(graph.chance(graph.line(margin, -curve.a_, -curve.b_)))
    total = chances[0]
    for chance in chances[1:]:
        total = graph.add("Add", total, chance)
    return total if len(chances) == 1 else graph.add("Div", total, np.float64(len(chances)))


def _margin(draft: Draft, classifier: Fitted, columns: Columns, name: str) -> str:
    known = MARGINS.get(kind(classifier))
    if known is None:
        hint = "; export a LightGBM booster with export_lightgbm(model.booster_)" if "LGBM" in kind(classifier) else ""
        raise ModelError(f"{kind(classifier)} is not exported; use one of {', '.join(sorted(MARGINS))}{hint}")
    return draft.guarded(known(draft, classifier, columns), name)


def _logistic(draft: Draft, model: Fitted, columns: Columns) -> Margin:
    draft.refuse_unfinished(columns)
    graph, dtype = draft.graph, np.result_type(columns.dtype, model.coef_.dtype)
    product = graph.add("MatMul", draft.cast(columns, dtype).name, model.coef_.T.astype(dtype))
    summed = graph.add("Add", product, np.asarray(model.intercept_, dtype))
    return lambda name: graph.add("Cast", summed, name=name, to=TensorProto.DOUBLE)


def _boosted(draft: Draft, model: Fitted, columns: Columns) -> Margin:
    if model.loss != "log_loss":
        raise ModelError(f"GradientBoostingClassifier with loss '{model.loss}' is not exported; use 'log_loss'")
    narrow = draft.cast(columns, np.dtype(np.float32))  # which is what scikit-learn's trees compare
    draft.refuse_unfinished(narrow)
    trees = [_tree(stage.tree_, model.learning_rate) for stage in model.estimators_[:, 0]]
    return _ensemble(draft, [constant(_prior(model)), *trees], narrow)


def _prior(model: Fitted) -> float:
    """The log-odds that GradientBoostingClassifier starts from."""
    if isinstance(model.init_, str):  # 'zero'
        return 0.0
    if kind(model.init_) != "DummyClassifier" or model.init_.strategy != "prior":
        raise ModelError(f"GradientBoostingClassifier started from {kind(model.init_)} is not exported; leave out init")
    edge = np.finfo(np.float64).eps
    chance = np.clip(model.init_.class_prior_[1], edge, 1 - edge)
    return float(np.log(chance / (1 - chance)))


def _tree(tree: Fitted, rate: float) -> Tree:
    never_missing = np.zeros(tree.node_count, np.bool_)
    nodes = Tree(
        tree.feature, tree.threshold, never_missing, tree.children_left, tree.children_right, rate * tree.value[:, 0, 0]
    )
    return apart(nodes, tree.children_left < 0)


def _histogram(draft: Draft, model: Fitted, columns: Columns) -> Margin:
    if model.is_categorical_ is not None and model.is_categorical_.any():
        raise ModelError("categorical_features are not exported; one-hot encode them in the pipeline or use LightGBM")
    grown = [predictor.nodes for (predictor,) in model._predictors]  # noqa: SLF001  there is no public way to them
    start = float(np.ravel(model._baseline_prediction)[0])  # noqa: SLF001
    return _ensemble(draft, [constant(start), *map(_histogram_tree, grown)], columns)


def _histogram_tree(nodes: Fitted) -> Tree:
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    missing_left = nodes["missing_go_to_left"].astype(np.bool_)
    tree = Tree(
        nodes["feature_idx"].astype(np.int64), nodes["num_threshold"], missing_left, left, right, nodes["value"]
    )
    return apart(tree, nodes["is_leaf"].astype(np.bool_))


def _ensemble(draft: Draft, trees: Sequence[Tree], columns: Columns) -> Margin:
    if not columns.exact:
        raise ModelError(
            "trees over np.log1p are not exported: its last bit would jump a threshold; trees need no logarithm"
        )
    read = np.concatenate([tree.column for tree in trees])
    thresholds = np.concatenate([tree.threshold for tree in trees])
    for column in np.unique(read):
        draft.mark(columns, int(column), np.unique(thresholds[read == column]))
    source = draft.cast(columns, np.dtype(np.float64)).name
    return lambda name: add_ensemble(draft.graph, trees, source, name)


MARGINS: dict[str, Callable[[Draft, Fitted, Columns], Margin]] = {
    "GradientBoostingClassifier": _boosted,
    "HistGradientBoostingClassifier": _histogram,
    "LogisticRegression": _logistic,
}
