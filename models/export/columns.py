"""Columns on their way through a scikit-learn pipeline, in the type in which scikit-learn computes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from models.export.graph import FEATURES, Constant, Graph

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Origin:
    """The feature a column came from, and the way back from the column's values to the feature's."""

    feature: int
    back: Callable[[Values], Values]


@dataclass(frozen=True)
class Columns:
    """A tensor of K columns.

    Args:
        name: of the tensor.
        dtype: float32 or float64; results are rounded to it where scikit-learn does.
        origins: K of them; None for a column made of several values, such as a category's.
        exact: whether every bit is the original's; a logarithm's last one is not.
    """

    name: str
    dtype: np.dtype[np.generic]
    origins: tuple[Origin | None, ...]
    exact: bool = True

    @property
    def width(self) -> int:
        """K."""
        return len(self.origins)


@dataclass
class Draft:
    """The graph, the edges at which the answer may jump, and what the original refuses.

    Args:
        width: F.
    """

    width: int
    graph: Graph = field(default_factory=Graph)
    edges: list[tuple[int, float]] = field(default_factory=list)
    guards: list[str] = field(default_factory=list)
    finite: set[int] = field(default_factory=set)

    def features(self) -> Columns:
        """float32[N, F], where all columns come from."""
        return Columns(FEATURES, np.dtype(np.float32), tuple(Origin(at, np.copy) for at in range(self.width)))

    def take(self, columns: Columns, at: Sequence[int]) -> Columns:
        """Some of the columns."""
        if list(at) == list(range(columns.width)):
            return columns
        name = self.graph.add("Gather", columns.name, np.array(at, np.int64), axis=1)
        return replace(columns, name=name, origins=tuple(columns.origins[i] for i in at))

    def cast(self, columns: Columns, dtype: np.dtype[np.generic]) -> Columns:
        """The columns in another type."""
        if columns.dtype == dtype:
            return columns
        return replace(columns, name=self.graph.cast(columns.name, dtype), dtype=dtype)

    def join(self, parts: Sequence[Columns]) -> Columns:
        """Columns side by side, in the widest of their types."""
        if len(parts) == 1:
            return parts[0]
        dtype = np.result_type(*(part.dtype for part in parts))
        name = self.graph.add("Concat", *(self.cast(part, dtype).name for part in parts), axis=1)
        origins = tuple(origin for part in parts for origin in part.origins)
        return Columns(name, dtype, origins, all(part.exact for part in parts))

    def apply(self, operator: str, columns: Columns, by: NDArray[np.floating]) -> Columns:
        """An operation with one number a column, rounded to the columns' type as numpy does in place."""
        inverse = {"Add": np.subtract, "Sub": np.add, "Mul": np.divide, "Div": np.multiply}[operator]
        wide = self.cast(columns, np.result_type(columns.dtype, by.dtype))
        made = replace(wide, name=self.graph.add(operator, wide.name, by.astype(wide.dtype)))
        origins = (
            origin and through(origin, partial(_undone, inverse, value))
            for origin, value in zip(columns.origins, by.astype(np.float64), strict=True)
        )
        return replace(self.cast(made, columns.dtype), origins=tuple(origins))

    def mark(self, columns: Columns, at: int, values: Values) -> None:
        """Note values of a column at which the answer may jump."""
        if (origin := columns.origins[at]) is not None:
            self.edges += [(origin.feature, float(value)) for value in origin.back(values)]

    def refuse_infinite(self, columns: Columns) -> None:
        """The original raises on an infinite value of these columns' features."""
        self.finite |= {origin.feature for origin in columns.origins if origin is not None}

    def refuse_unfinished(self, columns: Columns) -> None:
        """The original raises when one of these columns is missing or infinite: such a row scores NaN."""
        # 0 x inf and 0 x NaN are NaN.
        zeros: Constant = np.zeros((columns.width, 1), columns.dtype)
        guard = self.graph.add("MatMul", columns.name, zeros)
        self.guards.append(self.graph.cast(guard, np.float64))

    def guarded(self, margin: Callable[[str], object], name: str) -> str:
        """Add a margin, NaN where the original raises.

        Args:
            margin: adds the float64[N, 1] under the name it is given.
            name: of the guarded margin.
        """
        if self.finite:
            kept = self.take(self.features(), sorted(self.finite))
            filled = self.graph.add("Where", self.graph.add("IsNaN", kept.name), np.float32(0), kept.name)
            self.refuse_unfinished(replace(kept, name=filled))
        guards, self.guards, self.finite = self.guards, [], set()
        margin(name if not guards else f"{name}_0")
        for at, guard in enumerate(guards, 1):
            self.graph.add("Add", f"{name}_{at - 1}", guard, name=name if at == len(guards) else f"{name}_{at}")
        return name


def through(origin: Origin, inverse: Callable[[Values], Values]) -> Origin:
    """The origin of what an operation made of a column; `inverse` undoes the operation."""
    return Origin(origin.feature, lambda values: origin.back(inverse(values)))


def _undone(inverse: np.ufunc, by: float, values: Values) -> Values:
    return np.asarray(inverse(values, by), np.float64)
