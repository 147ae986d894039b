"""A feature spec over the rows of one catalogue: what is fixed is built once, what one request brings is small."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from models.spec import KEYS, PAIR, ROW, SHARED, FeatureSpec, Float32Array, Places, assemble, gather

Facts = Mapping[str, object]
Dealings = Mapping[str, Mapping[str, Facts]]  # kind of key (or `action`) -> name -> fact -> value
Columns = Mapping[str, NDArray[np.generic]]
NO_ROWS: Places = np.zeros(0, np.intp)


class Keyed(NamedTuple):
    """What one request knows by one kind of key.

    Args:
        dealt: intp[D], the keys of which something is known.
        values: float32[D, F_k], that.
    """

    dealt: Places
    values: Float32Array

    def of_every(self, size: int) -> Float32Array:
        """float32[K, F_k]: of every key, missing where nothing is known."""
        made = np.full((size, self.values.shape[1]), np.nan, np.float32)
        made[self.dealt] = self.values
        return made


class Inputs(NamedTuple):
    """What one request brings to the rows.

    Args:
        shared: float32[1, F_s], the customer's and the request's own.
        keyed: kind of key -> what is known by it.
        pair_rows: intp[P], rising: the rows with history of their own.
        pairs: float32[P, F_p], that history.
    """

    shared: Float32Array
    keyed: Mapping[str, Keyed]
    pair_rows: Places
    pairs: Float32Array


class Key(Protocol):
    """Rows that share a key share what a request knows by it.

    `columns` intp[F_k] are its places among F, `codes` intp[R] each row's key, `size` is K.
    """

    columns: Places
    codes: Places
    size: int

    def keyed(self, dealings: Dealings, now_ms: int) -> Keyed:
        """What a request knows by this key."""
        ...


class RowTable:
    """R rows under a spec.

    Args:
        spec: F columns.
        columns: `action.*` -> array[R].
        keys: `group`, `objective`, `channel` and `action` -> array[R] of names.
        size: R.
    """

    def __init__(self, spec: FeatureSpec, columns: Columns, keys: Columns, size: int) -> None:
        self.spec, self.names, self.size = spec, keys, size
        own = spec.of(ROW)
        ages = own.ages
        fixed = {name: values for name, values in columns.items() if name in own.place and name not in ages}
        self.fixed = assemble(spec, fixed, size, now_ms=0)
        named = {kind: _Names(spec, kind, keys[kind]) for kind in KEYS if spec.of(f"with_{kind}").features}
        moments = {name: _Moments(spec, name, columns[name]) for name in sorted(ages & columns.keys())}
        self.keys: dict[str, Key] = {**named, **moments}
        self._of_request = spec.of(*SHARED)
        self.shared = _columns(spec, *SHARED)
        self.paired = _columns(spec, PAIR)
        self.own = spec.columns(name for name in own.place if name not in ages)
        self._pair = spec.of(PAIR)
        self._rows_of = _rows_of(keys["action"]) if self._pair.features else {}

    def inputs(self, facts: Facts, dealings: Dealings, now_ms: int) -> Inputs:
        """What one request brings.

        Args:
            facts: `customer.*` and `request.*` -> value; anything else is not looked at.
            dealings: this customer's history by group, objective, channel and action; may be empty.
            now_ms: the moment, epoch milliseconds.
        """
        shared = gather(self._of_request, [facts], now_ms)
        keyed = {kind: key.keyed(dealings, now_ms) for kind, key in self.keys.items()}
        return Inputs(shared, keyed, *self._pairs(dealings.get("action", {}), now_ms))

    def matrix(self, inputs: Inputs, rows: Places) -> Float32Array:
        """Every feature of some rows, as `assemble` makes them of whole columns.

        Args:
            inputs: of the request.
            rows: intp[N].

        Returns:
            float32[N, F].
        """
        made = self.fixed[rows]
        made[:, self.shared] = inputs.shared
        for kind, key in self.keys.items():
            made[:, key.columns] = inputs.keyed[kind].of_every(key.size)[key.codes[rows]]
        lone, pairs = pairs_among(inputs, rows)
        made[lone[:, np.newaxis], self.paired] = inputs.pairs[pairs]
        return made

    def _pairs(self, by_action: Mapping[str, Facts], now_ms: int) -> tuple[Places, Float32Array]:
        known = [(self._rows_of[name], facts) for name, facts in by_action.items() if name in self._rows_of]
        if not known:
            return NO_ROWS, np.zeros((0, len(self.paired)), np.float32)
        rows = np.concatenate([own for own, _ in known])
        values = gather(self._pair, [facts for _, facts in known], now_ms, bare=True)
        order = np.argsort(rows)
        return rows[order], np.repeat(values, [len(own) for own, _ in known], axis=0)[order]


def pairs_among(inputs: Inputs, rows: Places) -> tuple[Places, Places]:
    """Places in `rows` that have history of their own, and where in `pairs` it stands."""
    if not len(inputs.pair_rows):
        return NO_ROWS, NO_ROWS
    at = np.minimum(np.searchsorted(inputs.pair_rows, rows), len(inputs.pair_rows) - 1)
    lone = np.flatnonzero(inputs.pair_rows[at] == rows)
    return lone, at[lone]


class _Names:
    """Customer x key: affinity to, or recency with, the row's group, objective or channel."""

    def __init__(self, spec: FeatureSpec, kind: str, names: NDArray[np.generic]) -> None:
        known = dict.fromkeys(names.tolist())
        self._code_of = {name: code for code, name in enumerate(known)}
        self._kind, self._spec, self.size = kind, spec.of(f"with_{kind}"), len(known)
        self.columns = _columns(spec, f"with_{kind}")
        self.codes = np.array([self._code_of[name] for name in names.tolist()], np.intp)
        self._nothing = Keyed(NO_ROWS, np.zeros((0, len(self.columns)), np.float32))

    def keyed(self, dealings: Dealings, now_ms: int) -> Keyed:
        """What the customer's dealings say."""
        by_name = dealings.get(self._kind, {})
        known = [(self._code_of[name], facts) for name, facts in by_name.items() if name in self._code_of]
        if not known:
            return self._nothing
        dealt = np.array([code for code, _ in known], np.intp)
        return Keyed(dealt, gather(self._spec, [facts for _, facts in known], now_ms, bare=True))


class _Moments:
    """The age of an action's own moment moves with the clock: rows of one moment share it."""

    def __init__(self, spec: FeatureSpec, name: str, moments: NDArray[np.generic]) -> None:
        self._name, self._spec = name, FeatureSpec(tuple(f for f in spec.features if f.name == name))
        self._moments, self.codes = np.unique(moments.astype(np.float64), return_inverse=True)
        self.size, self.columns = len(self._moments), spec.columns([name])

    def keyed(self, dealings: Dealings, now_ms: int) -> Keyed:  # noqa: ARG002  one of the two kinds of key
        """Days since each moment."""
        values = assemble(self._spec, {self._name: self._moments}, self.size, now_ms=now_ms)
        return Keyed(np.arange(self.size), values)


def _columns(spec: FeatureSpec, *sides: str) -> Places:
    return spec.columns(feature.name for feature in spec.of(*sides).features)


def _rows_of(names: NDArray[np.generic]) -> dict[object, Places]:
    found: dict[object, list[int]] = {}
    for row, name in enumerate(names.tolist()):
        found.setdefault(name, []).append(row)
    return {name: np.array(rows, np.intp) for name, rows in found.items()}
