"""The compiled catalogue: one row for each action and channel, as columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.decide.actions import Action
from engine.decide.request import Scalar

BoolArray = NDArray[np.bool_]
KEPT = {"objective": "objective", "group": "group", "action": "action_key", "channel": "channel"}


@dataclass(frozen=True)
class Catalogue:
    """Rows as columns, sorted by action and channel.

    Args:
        columns: action attribute -> array[R]; numbers as float64 with NaN for missing, texts as objects.
        start_ms, end_ms: int64[R], the action's window.
        value, lever: float64[R].
        message: str[R], reference to the words and assets.
        purposes: the purposes each row needs.
    """

    columns: Mapping[str, NDArray[np.generic]]
    start_ms: NDArray[np.int64]
    end_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    lever: NDArray[np.float64]
    message: tuple[str, ...]
    purposes: tuple[tuple[str, ...], ...]

    @property
    def size(self) -> int:
        """R, the number of rows."""
        return len(self.message)

    def names(self, scope: str) -> NDArray[np.generic]:
        """object[R]: each row's objective, group, action or channel."""
        return self.columns[KEPT[scope]]

    def governed(self, scope: Mapping[str, str]) -> BoolArray:
        """bool[R]: the rows inside a scope; an empty scope holds every row."""
        inside = np.ones(self.size, bool)
        for kind, name in scope.items():
            inside &= self.names(kind) == name
        return inside


def build_catalogue(
    actions: Sequence[Action], kinds: Mapping[str, str], levers: Mapping[str, float]
) -> Catalogue:
    """Compile actions to rows.

    Args:
        actions: any order; the rows come out sorted by key and channel.
        kinds: action attribute -> type.
        levers: group -> weight, on top of the action's own.
    """
    rows = sorted(
        ((action, channel) for action in actions for channel in action.channels),
        key=lambda row: (row[0].key, row[1]),
    )
    facts = [_facts(action, channel) for action, channel in rows]
    return Catalogue(
        columns={name: _column([fact.get(name) for fact in facts], kind) for name, kind in kinds.items()},
        start_ms=np.array([action.start_ms for action, _ in rows], np.int64),
        end_ms=np.array([action.end_ms for action, _ in rows], np.int64),
        value=np.array([action.value for action, _ in rows], np.float64),
        lever=np.array([action.lever * levers.get(action.group, 1.0) for action, _ in rows], np.float64),
        message=tuple(action.messages.get(channel, "") for action, channel in rows),
        purposes=tuple(action.purposes for action, _ in rows),
    )


def _facts(action: Action, channel: str) -> dict[str, Scalar]:
    built_in: dict[str, Scalar] = {
        "action_key": action.key,
        "objective": action.objective,
        "group": action.group,
        "channel": channel,
        "value": action.value,
    }
    return {**action.attributes, **built_in}


def _column(values: list[Scalar | None], kind: str) -> NDArray[np.generic]:
    if kind == "double":
        return np.array([np.nan if value is None else value for value in values], np.float64)
    if kind in ("int", "bool") and None not in values:
        return np.array(values, np.int64 if kind == "int" else np.bool_)
    made = np.empty(len(values), object)
    made[:] = values
    return made
