"""What a model reads, and the one function that builds it for training, for serving and for batches."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

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
PLAIN = ("numeric", "boolean")
KINDS = (*PLAIN, "categorical", "age", "embedding")
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Feature:
    """One thing a model reads; `name` is qualified by its side: `customer.rfm.recency_days`, `with_group.clicks_30d`.

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
        if len(self.codes) < len(self.categories):
            raise ModelError(f"feature '{self.name}' names a category twice; each has one number")
        if self.width < 1 or (self.width > 1 and self.kind != "embedding"):
            raise ModelError(f"feature '{self.name}' is {self.kind} with width {self.width}; only an embedding is wide")

    @property
    def side(self) -> str:
        """What it is of: one of SIDES."""
        return self.name.partition(".")[0]

    @cached_property
    def fact(self) -> str:
        """Its name without the side."""
        return self.name.partition(".")[2]

    @cached_property
    def codes(self) -> dict[object, float]:
        """Category -> its number."""
        return {category: float(at) for at, category in enumerate(self.categories)}

    def read(self, value: object, now_ms: Now) -> object:
        """One value of a feature that is no plain number -> what stands in its columns."""
        if self.kind == "categorical":
            return self.codes.get(value, np.nan)
        if self.kind == "age":
            return np.nan if value is None else (now_ms - value) / DAY_MS  # type: ignore[operator]
        return value if isinstance(value, (list, tuple)) and len(value) == self.width else [np.nan] * self.width


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
    def feature(self) -> dict[str, Feature]:
        """Name -> feature."""
        return {feature.name: feature for feature in self.features}

    @cached_property
    def place(self) -> dict[str, slice]:
        """Feature name -> its columns."""
        ends = np.cumsum([feature.width for feature in self.features]).tolist()
        return {f.name: slice(end - f.width, end) for f, end in zip(self.features, ends, strict=True)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def facts(self) -> tuple[str, ...]:
        """Names without their side, in order."""
        return tuple(feature.fact for feature in self.features)

    @cached_property
    def others(self) -> tuple[tuple[int, Feature], ...]:
        """The features that are no plain numbers, and their places among the features."""
        return tuple((at, feature) for at, feature in enumerate(self.features) if feature.kind not in PLAIN)

    @cached_property
    def wide(self) -> bool:
        """Whether some feature is an embedding."""
        return any(feature.kind == "embedding" for feature in self.features)

    @cached_property
    def ages(self) -> frozenset[str]:
        """Names of the features that move with the clock."""
        return frozenset(feature.name for feature in self.features if feature.kind == "age")

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
        own |= {name for name in spec.ages if columns.get(name) is not None}
    held = {name: value for name, value in columns.items() if name not in own} if own else columns
    made = np.repeat(gather(spec, [held], now_ms), size, axis=0)
    for name in own:
        column = _column(spec.feature[name], np.asarray(columns[name]), now_ms)
        made[:, spec.place[name]] = column if column.ndim == 2 else column[..., np.newaxis]
    return made


def gather(
    spec: FeatureSpec, holders: Sequence[Mapping[str, object]], now_ms: Now, *, bare: bool = False
) -> Float32Array:
    """Build features of single values: in lists and then one array, which takes a tenth of column by column.

    Args:
        spec: F columns.
        holders: M times name -> value; what is absent or None is missing.
        now_ms: the moment ages are counted to.
        bare: whether names stand there without their side.

    Returns:
        float32[M, F].
    """
    rows = [list(map(holder.get, spec.facts if bare else spec.names)) for holder in holders]
    for at, feature in spec.others:
        for row in rows:
            row[at] = feature.read(row[at], now_ms)
    if spec.wide:
        rows = [list(chain.from_iterable(v if isinstance(v, (list, tuple)) else (v,) for v in row)) for row in rows]
    return np.array(rows, np.float64).astype(np.float32)  # None becomes NaN


def _column(feature: Feature, values: NDArray[np.generic], now_ms: Now) -> NDArray[np.float64]:
    """float64[N], or [] for one value; float64[N, width] for an embedding."""
    if feature.kind == "embedding":
        return _vectors(feature, values)
    if feature.kind == "categorical":
        found = [feature.codes.get(value, np.nan) for value in values.tolist()]
        return np.array(found, np.float64)
    numbers = values.astype(np.float64)
    return (now_ms - numbers) / DAY_MS if feature.kind == "age" else numbers


def _vectors(feature: Feature, values: NDArray[np.generic]) -> NDArray[np.float64]:
    if values.dtype != object and values.shape[1:] == (feature.width,):
        return values.astype(np.float64)
    made = np.full((len(values), feature.width), np.nan)
    for at, value in enumerate(values.tolist()):
        made[at] = feature.read(value, 0)
    return made
