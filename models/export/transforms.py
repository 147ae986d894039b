"""What a scikit-learn pipeline does before its classifier, operation by operation, in the same type and order."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from models.errors import ModelError
from models.export.columns import Columns, Draft, through

Fitted = Any  # scikit-learn ships no types
Transform = Callable[[Draft, Fitted, Columns], Columns]


def kind(estimator: Fitted) -> str:
    """The class's name; with its module before it when it is not scikit-learn's own: a subclass may do anything."""
    made = type(estimator)
    return made.__name__ if made.__module__.startswith("sklearn.") else f"{made.__module__}.{made.__name__}"


def transform(draft: Draft, fitted: Fitted, columns: Columns) -> Columns:
    """Add a fitted transformer.

    Raises:
        ModelError: for one that is not exported.
    """
    if isinstance(fitted, str) and fitted == "passthrough":
        return columns
    known = TRANSFORMS.get(kind(fitted))
    if known is None:
        names = ", ".join(sorted(TRANSFORMS))
        raise ModelError(f"transformer {kind(fitted)} is not exported; use one of {names}, or prepare it as a feature")
    return known(draft, fitted, columns)


def _pipeline(draft: Draft, fitted: Fitted, columns: Columns) -> Columns:
    for _, step in fitted.steps:
        columns = transform(draft, step, columns)
    return columns


def _side_by_side(draft: Draft, fitted: Fitted, columns: Columns) -> Columns:
    if fitted.transformer_weights:
        raise ModelError("transformer_weights of a ColumnTransformer are not exported; scale the columns instead")
    made = []
    for name, step, wanted in fitted.transformers_:
        if isinstance(step, str) and step == "drop":
            continue
        if np.asarray(wanted).dtype.kind in "UO" and not isinstance(wanted, slice):
            raise ModelError(f"the columns of '{name}' are named; features have positions: name them by number")
        at = np.atleast_1d(np.arange(columns.width)[wanted])
        if len(at):
            made.append(transform(draft, step, draft.take(columns, at.tolist())))
    return draft.join(made)


def _standard(draft: Draft, fitted: Fitted, columns: Columns) -> Columns:
    draft.refuse_infinite(columns)
    if fitted.with_mean:
        columns = draft.apply("Sub", columns, fitted.mean_.astype(columns.dtype))
    return draft.apply("Div", columns, fitted.scale_.astype(columns.dtype)) if fitted.with_std else columns


def _min_max(draft: Draft, fitted: Fitted, columns: Columns) -> Columns:
    _refuse_clip(fitted)
    draft.refuse_infinite(columns)
    return draft.apply("Add", draft.apply("Mul", columns, fitted.scale_), fitted.min_)


def _max_abs(draft: Draft, fitted: Fitted, columns: Columns) -> Columns:
    _refuse_clip(fitted)
    draft.refuse_infinite(columns)
    return draft.apply("Div", columns, fitted.scale_)


def _refuse_clip(fitted: Fitted) -> None:
    if getattr(fitted, "clip", False):
        raise ModelError(f"{kind(fitted)} with clip=True is not exported; fit it with clip=False")


def _robust(draft: Draft, fitted: Fitted, columns: Columns) -> Columns:
    draft.refuse_infinite(columns)
    if fitted.with_centering:
        columns = draft.apply("Sub", columns, fitted.center_)
    return draft.apply("Div", columns, fitted.scale_) if fitted.with_scaling else columns


def _imputer(draft: Draft, fitted: Fitted, columns: Columns) -> Columns:
    if not (isinstance(fitted.missing_values, float) and np.isnan(fitted.missing_values)):
        raise ModelError(f"SimpleImputer for missing_values={fitted.missing_values!r} is not exported; use NaN")
    draft.refuse_infinite(columns)
    graph, fill = draft.graph, np.asarray(fitted.statistics_, np.float64)
    # A column that was always missing has no statistic and is left out, unless it is kept.
    kept = draft.take(columns, np.flatnonzero(fitted.keep_empty_features | ~np.isnan(fill)).tolist())
    values = fill[fitted.keep_empty_features | ~np.isnan(fill)].astype(columns.dtype)
    for at, value in enumerate(values):
        draft.mark(kept, at, np.array([value], np.float64))
    filled = replace(kept, name=graph.add("Where", graph.add("IsNaN", kept.name), values, kept.name))
    if not fitted.add_indicator:
        return filled
    watched = draft.take(columns, fitted.indicator_.features_.tolist())
    missing = Columns(graph.add("IsNaN", watched.name), np.dtype(np.bool_), (None,) * watched.width)
    return draft.join([filled, draft.cast(missing, columns.dtype)]) if watched.width else filled


def _one_hot(draft: Draft, fitted: Fitted, columns: Columns) -> Columns:
    if fitted.handle_unknown == "error":
        raise ModelError("OneHotEncoder(handle_unknown='error') raises on an unseen category; set 'ignore'")
    if fitted.min_frequency is not None or fitted.max_categories is not None:
        raise ModelError("infrequent categories of a OneHotEncoder are not exported; group them in the feature itself")
    dropped = [None] * columns.width if fitted.drop_idx_ is None else fitted.drop_idx_
    at, codes = [], []
    for column, (known, drop) in enumerate(zip(fitted.categories_, dropped, strict=True)):
        if known.dtype.kind not in "biuf":
            raise ModelError(f"OneHotEncoder over {known.dtype} is not exported; features are numbers: encode codes")
        kept = known if drop is None else np.delete(known, drop)
        at += [column] * len(kept)
        codes.append(kept.astype(np.float64))
        draft.mark(columns, column, known.astype(np.float64))
    draft.refuse_infinite(columns)
    return _equal(draft, draft.cast(draft.take(columns, at), np.dtype(np.float64)), np.concatenate(codes), fitted.dtype)


def _equal(draft: Draft, spread: Columns, codes: np.ndarray[Any, np.dtype[np.float64]], dtype: type) -> Columns:
    graph = draft.graph
    same = graph.add("Equal", spread.name, codes)
    if (missing := np.isnan(codes)).any():  # scikit-learn counts NaN as a category of its own
        same = graph.add("Or", same, graph.add("And", graph.add("IsNaN", spread.name), missing))
    return draft.cast(Columns(same, np.dtype(np.bool_), (None,) * len(codes)), np.dtype(dtype))


def _function(draft: Draft, fitted: Fitted, columns: Columns) -> Columns:
    if fitted.func is None:
        return columns
    if fitted.func is not np.log1p or fitted.kw_args:
        name = getattr(fitted.func, "__name__", repr(fitted.func))
        raise ModelError(f"function '{name}' is not exported; use np.log1p, or compute it where features are built")
    return _log1p(draft, columns)


def _log1p(draft: Draft, columns: Columns) -> Columns:
    """log(1 + x) without losing small x: log(u) x / (u - 1), u being 1 + x as rounded.

    Source: HP-15C Advanced Functions Handbook, 1982; D. Goldberg, What every computer scientist should know about
    floating-point arithmetic, 1991, theorem 4.
    """
    graph = draft.graph
    wide = draft.cast(columns, np.dtype(np.float64)).name
    raised = graph.add("Add", wide, np.float64(1))
    step = graph.add("Sub", raised, np.float64(1))
    none = graph.add("Equal", step, np.float64(0))
    ratio = graph.add("Div", wide, graph.add("Where", none, np.float64(1), step))
    product = graph.add("Mul", graph.add("Log", raised), ratio)
    origins = tuple(origin and through(origin, np.expm1) for origin in columns.origins)
    made = Columns(graph.add("Where", none, wide, product), np.dtype(np.float64), origins, exact=False)
    return draft.cast(made, columns.dtype)


TRANSFORMS: dict[str, Transform] = {
    "ColumnTransformer": _side_by_side,
    "FunctionTransformer": _function,
    "MaxAbsScaler": _max_abs,
    "MinMaxScaler": _min_max,
    "OneHotEncoder": _one_hot,
    "Pipeline": _pipeline,
    "RobustScaler": _robust,
    "SimpleImputer": _imputer,
    "StandardScaler": _standard,
}
