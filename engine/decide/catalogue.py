"""The compiled catalogue: one row for each action and channel, as columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.decide.actions import Action
from engine.decide.request import Ask, Scalar
from rules import Columns, Node, Texts, objects, texts_of

BoolArray = NDArray[np.bool_]
Rows = NDArray[np.intp]
NO_ROWS: Rows = np.zeros(0, np.intp)
KEPT = {
    "objective": "objective",
    "group": "group",
    "action": "action_key",
    "channel": "channel",
    "placement": "placement",
}


@dataclass(frozen=True)
class Catalogue:
    """Rows as columns, sorted by action and channel.

    Args:
        plain: action attribute -> object[R], None where missing.
        kinds: action attribute -> type.
        start_ms, end_ms: int64[R], the action's window.
        value: float64[R], less the cost.
        lever: float64[R], the action's own; its group's stands in `Worth`, so that it can change alone.
        message: str[R], reference to the words and assets.
        purposes: the purposes each row needs.
        tags: the tags of each row's action.
    """

    plain: Mapping[str, NDArray[np.object_]]
    kinds: Mapping[str, str]
    start_ms: NDArray[np.int64]
    end_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    lever: NDArray[np.float64]
    message: tuple[str, ...]
    purposes: tuple[tuple[str, ...], ...]
    tags: tuple[tuple[str, ...], ...]

    @property
    def size(self) -> int:
        """R, the number of rows."""
        return len(self.message)

    @cached_property
    def code(self) -> dict[tuple[str, str], int]:
        """(channel, placement) -> number."""
        return {place: at for at, place in enumerate(sorted(set(self._places())))}

    @cached_property
    def channels(self) -> frozenset[str]:
        """Every channel that has a row."""
        return frozenset(map(str, self.names("channel")))

    @cached_property
    def place(self) -> NDArray[np.int16]:
        """int16[R]: each row's channel and placement, as `code` numbers them."""
        return np.array([self.code[place] for place in self._places()], np.int16)

    def _places(self) -> Iterator[tuple[str, str]]:
        return zip(self.names("channel"), self.names("placement"), strict=True)

    @cached_property
    def objectives(self) -> dict[str, int]:
        """Objective -> number."""
        return {name: at for at, name in enumerate(sorted(set(self.names("objective"))))}

    @cached_property
    def objective(self) -> Rows:
        """intp[R]: each row's objective, as `objectives` numbers them."""
        return np.array([self.objectives[name] for name in self.names("objective")], np.intp)

    def place_of(self, ask: Ask) -> int:
        """Where an ask looks: its placement's own rows, or the channel's; -1 when there are none."""
        return self.code.get((ask.channel, ask.placement), self.code.get((ask.channel, ""), -1))

    @cached_property
    def _span(self) -> dict[str, slice]:
        """Action -> its rows, which lie together."""
        keys = self.names("action")
        starts = [at for at in range(self.size) if not at or keys[at] != keys[at - 1]]
        return {keys[at]: slice(at, end) for at, end in zip(starts, [*starts[1:], self.size], strict=True)}

    def asked_by(self, asks: Iterable[Ask]) -> BoolArray:
        """bool[R]: the rows that some asks look at."""
        wanted = np.zeros(len(self.code) + 1, np.bool_)
        wanted[[self.place_of(ask) for ask in asks]] = True
        return wanted[self.place]

    def of_actions(self, keys: Iterable[str]) -> BoolArray:
        """bool[R]: the rows of some actions."""
        rows = np.zeros(self.size, np.bool_)
        for key in keys:
            if key in self._span:
                rows[self._span[key]] = True
        return rows

    def names(self, scope: str) -> NDArray[np.object_]:
        """object[R]: each row's objective, group, action or channel."""
        return self.plain[KEPT[scope]]

    @cached_property
    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Action attribute -> array[R] for features: numbers as float64 with NaN for missing, texts as objects."""
        return {name: _feature(values, self.kinds[name]) for name, values in self.plain.items()}

    def columns_for(self, trees: Iterable[Node]) -> Columns:
        """The attributes as conditions read them.

        Args:
            trees: the conditions; their texts join the columns' in one table.
        """
        held = [values for name, values in self.plain.items() if self.kinds[name] == "string"]
        known = {value for values in held for value in values if value is not None}
        return Columns(self.plain, self.kinds, Texts(known | texts_of(trees)), self.size)

    @cached_property
    def _rows_of(self) -> dict[str, dict[str, Rows]]:
        """Scope kind -> name -> its rows, in order."""
        found: dict[str, dict[str, list[int]]] = {kind: {} for kind in (*KEPT, "tag")}
        for kind in KEPT:
            for row, name in enumerate(self.names(kind).tolist()):
                found[kind].setdefault(name, []).append(row)
        for row, tags in enumerate(self.tags):
            for tag in tags:
                found["tag"].setdefault(tag, []).append(row)
        return {kind: {name: np.array(rows) for name, rows in names.items()} for kind, names in found.items()}

    def governed(self, scope: Mapping[str, str]) -> Rows:
        """The rows inside a scope; an empty one holds every row.

        Args:
            scope: kind -> name; `role` is about the customer and no matter here.

        Returns:
            intp[n], rising.
        """
        rows: Rows = np.arange(self.size)
        for place, (kind, name) in enumerate((kind, name) for kind, name in scope.items() if kind in self._rows_of):
            own = self._rows_of[kind].get(name, NO_ROWS)
            rows = np.intersect1d(rows, own, assume_unique=True) if place else own
        return rows


Placements = Mapping[str, tuple[str, ...]]
NOWHERE: Placements = {}


def build_catalogue(
    actions: Sequence[Action],
    kinds: Mapping[str, str],
    placements: Placements = NOWHERE,
) -> Catalogue:
    """Compile actions to rows.

    Args:
        actions: any order; the rows come out sorted by key and channel.
        kinds: action attribute -> type.
        placements: channel -> placements that get rows of their own; only where some rule tells them apart.
    """
    rows = sorted(
        (
            (action, channel, placement)
            for action in actions
            for channel in action.channels
            for placement in ("", *placements.get(channel, ()))
        ),
        key=lambda row: (row[0].key, row[1], row[2]),
    )
    facts = [_facts(*row) for row in rows]
    return Catalogue(
        plain={name: objects([fact.get(name) for fact in facts]) for name in kinds},
        kinds=kinds,
        start_ms=np.array([action.start_ms for action, *_ in rows], np.int64),
        end_ms=np.array([action.end_ms for action, *_ in rows], np.int64),
        value=np.array([action.value - action.cost for action, *_ in rows], np.float64),
        lever=np.array([action.lever for action, *_ in rows], np.float64),
        message=tuple(action.messages.get(channel, "") for action, channel, _ in rows),
        purposes=tuple(action.purposes for action, *_ in rows),
        tags=tuple(action.tags for action, *_ in rows),
    )


def _facts(action: Action, channel: str, placement: str) -> dict[str, Scalar]:
    built_in: dict[str, Scalar] = {
        "action_key": action.key,
        "objective": action.objective,
        "group": action.group,
        "channel": channel,
        "placement": placement,
        "value": action.value,
        "cost": action.cost,
    }
    return {**action.attributes, **built_in}


def _feature(values: NDArray[np.object_], kind: str) -> NDArray[np.generic]:
    if kind == "string" or "(" in kind:  # a list or a map
        return values
    return np.array([np.nan if value is None else value for value in values], np.float64)
