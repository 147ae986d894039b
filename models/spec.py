"""What a model reads, and the one function that builds it for training, for serving and for batches."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError

Float32Array = NDArray[np.float32]
Places = NDArray[np.intp]
Now = int | NDArray[np.int64]

SHARED = ("customer", "request")  # sides that are the same for every row of a request
ROW = "action"
KEYS = ("group", "objective", "channel")  # what a customer x key feature is kept by: `with_group.x`, ...
PAIR = "with_action"  # customer x row: sparse, since most customers have history with few actions
SIDES = (*SHARED, ROW, *(f"with_{key}" for key in KEYS), PAIR)
KINDS = ("numeric", "boolean", "categorical", "age", "embedding")
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Feature:
    """One thing a model reads; `name` is qualified by its side: `customer.recency_days`, `with_group.clicks_30d`.

    Args:
        kind: one of KINDS; an `age` is a moment (epoch milliseconds) read as days before the decision's own.
        categories: the known texts of a categorical one; its value is the index.
        width: columns of an embedding; every other kind has one.

    Raises:
        ModelError: when side, kind, categories and width do not go together.
    """

    name: str
    kind: str = "numeric"
    categories: tuple[str, ...] = ()
    width: int = 1

    def __post_init__(self) -> None:
        if self.side not in SIDES or not self.name.removeprefix(f"{self.side}."):
            raise ModelError(
                f"feature '{self.name}' has no side; begin its name with one of {', '.join(SIDES)} and a dot"
            )
        if self.kind not in KINDS:
            raise ModelError(f"feature '{self.name}' is of unknown kind '{self.kind}'; known: {', '.join(KINDS)}")
        if self.categories and self.kind != "categorical":
            raise ModelError(f"feature '{self.name}' is {self.kind} and has categories; leave them out")
        if self.width < 1 or (self.width > 1 and self.kind != "embedding"):
            raise ModelError(f"feature '{self.name}' is {self.kind} with width {self.width}; only an embedding is wide")

    @property
    def side(self) -> str:
        """What it is of: one of SIDES."""
        return self.name.partition(".")[0]

    @cached_property
    def codes(self) -> dict[object, float]:
        """Category -> its number."""
        return {category: float(at) for at, category in enumerate(self.categories)}


@dataclass(frozen=True)
class FeatureSpec:
    """Features in order, together F columns wide.

    Raises:
        ModelError: when a feature is declared twice.
    """

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        names = Counter(feature.name for feature in self.features)
        twice = sorted(name for name, times in names.items() if times > 1)
        if twice:
            raise ModelError(f"declared twice: {', '.join(twice)}; a feature has one place")

    @cached_property
    def width(self) -> int:
        """F, the number of columns."""
        return sum(feature.width for feature in self.features)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of everything declared: names, order, kinds, categories and widths."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @cached_property
    def place(self) -> dict[str, slice]:
        """Feature name -> its columns."""
        ends = np.cumsum([feature.width for feature in self.features]).tolist()
        return {f.name: slice(end - f.width, end) for f, end in zip(self.features, ends, strict=True)}

    @cached_property
    def by_kind(self) -> dict[str, tuple[Feature, ...]]:
        """Kind -> its features; plain numbers, boolean or not, stand under `numeric`."""
        plain = {"boolean": "numeric"}
        return {kind: tuple(f for f in self.features if plain.get(f.kind, f.kind) == kind) for kind in KINDS}

    @cached_property
    def numeric(self) -> tuple[tuple[str, ...], Places]:
        """Names and columns of plain numbers."""
        names = tuple(feature.name for feature in self.by_kind["numeric"])
        return names, self.columns(names)

    def columns(self, names: Iterable[str]) -> Places:
        """intp[n]: the columns of some features, in the order asked."""
        every = np.arange(self.width)
        return np.concatenate([every[:0], *(every[self.place[name]] for name in names)])

    def of(self, *sides: str) -> "FeatureSpec":
        """The features of some sides, in order."""
        return FeatureSpec(tuple(feature for feature in self.features if feature.side in sides))

    def to_json(self) -> str:
        """Canonical JSON."""
        return json.dumps([[f.name, f.kind, list(f.categories), f.width] for f in self.features])

    @staticmethod
    def from_json(text: str) -> "FeatureSpec":
        """The spec that `to_json` wrote."""
        return FeatureSpec(tuple(Feature(name, kind, tuple(known), w) for name, kind, known, w in json.loads(text)))


def assemble(spec: FeatureSpec, columns: Mapping[str, object], size: int, *, now_ms: Now) -> Float32Array:
    """Build features as they stand at one moment, or at each row's own: what is later than it must not be in `columns`.

    Args:
        spec: F columns.
        columns: qualified name -> array[N], or one value that holds for every row: a number, a text, a list of floats
            for an embedding; an embedding's column is float[N, width], or object[N] of lists.
        size: N.
        now_ms: the moment ages are counted to, epoch milliseconds; int64[N] when rows have their own.

    Returns:
        float32[N, F]; what is missing, unseen or an embedding of another width is NaN.
    """
    own = {name for name, value in columns.items() if isinstance(value, np.ndarray) and name in spec.place}
    if isinstance(now_ms, np.ndarray):
        own |= {feature.name for feature in spec.by_kind["age"] if columns.get(feature.name) is not None}
    held = {name: value for name, value in columns.items() if name not in own} if own else columns
    made = np.repeat(_constant(spec, held, now_ms).astype(np.float32)[np.newaxis], size, axis=0)
    for feature in spec.features if own else ():
        if feature.name in own:
            column = _column(feature, np.asarray(columns[feature.name]), now_ms)
            made[:, spec.place[feature.name]] = column if feature.kind == "embedding" else column[..., np.newaxis]
    return made


def _constant(spec: FeatureSpec, values: Mapping[str, object], now_ms: Now) -> NDArray[np.float64]:
    """float64[F]: one value of each feature; in lists and one array, which takes a tenth of a column at a time."""
    made = np.full(spec.width, np.nan)
    names, places = spec.numeric
    made[places] = list(map(values.get, names))  # None becomes NaN
    for feature in spec.by_kind["categorical"]:
        made[spec.place[feature.name]] = feature.codes.get(values.get(feature.name), np.nan)
    for feature in spec.by_kind["age"]:
        moment = values.get(feature.name)
        if moment is not None:
            made[spec.place[feature.name]] = (now_ms - moment) / DAY_MS  # type: ignore[operator]
    for feature in spec.by_kind["embedding"]:
        made[spec.place[feature.name]] = _vector(values.get(feature.name), feature.width)
    return made


def _vector(value: object, width: int) -> list[float] | float:
    return value if isinstance(value, (list, tuple)) and len(value) == width else np.nan  # type: ignore[return-value]


def _column(feature: Feature, values: NDArray[np.generic], now_ms: Now) -> NDArray[np.float64]:
    """float64[N], or [] for one value; float64[N, width] for an embedding."""
    if feature.kind == "embedding":
        return _vectors(values, feature.width)
    if feature.kind == "categorical":
        found = [feature.codes.get(value, np.nan) for value in np.atleast_1d(values).tolist()]
        return np.array(found, np.float64).reshape(values.shape)
    numbers = values.astype(np.float64)
    return (now_ms - numbers) / DAY_MS if feature.kind == "age" else numbers


def _vectors(values: NDArray[np.generic], width: int) -> NDArray[np.float64]:
    if values.dtype == object:
        made = np.full((len(values), width), np.nan)
        for at, value in enumerate(values.tolist()):
            made[at] = _vector(value, width)
        return made
    fits = values.ndim == 2 and values.shape[1] == width
    return values.astype(np.float64) if fits else np.full((len(values), width), np.nan)
