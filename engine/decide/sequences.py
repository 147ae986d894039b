"""Sequences of messages: a step is held back until its turn, in whatever channel the ones before it were shown."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial

import numpy as np

from engine.decide.catalogue import BoolArray, Catalogue
from engine.decide.derived import Sequence as Messages
from engine.decide.gates import Gate, Moment
from engine.decide.request import Turn


class SequenceBlock:
    """One verdict for each step.

    Args:
        sequences: of the bundle.
        catalogue: the rows.
    """

    def __init__(self, sequences: Iterable[Messages], catalogue: Catalogue) -> None:
        self._steps = [(sequence.name, step.action) for sequence in sequences for step in sequence.steps]
        self.size = len(self._steps)
        self.gates: Sequence[Gate] = [
            Gate(
                f"sequence {name}: {action}",
                "applicability",
                partial(_words, name),
                catalogue.governed({"action": action}),
                np.array([at]),
                change=partial(_change, name),
            )
            for at, (name, action) in enumerate(self._steps)
        ]

    def evaluate(self, moment: Moment) -> BoolArray:
        """bool[size]; where nothing is known of a sequence, its steps are held back."""
        turns, now_ms = moment.customer.turns, moment.request.now_ms
        passed = [(turn := turns.get(name, NOBODYS)).action == action and now_ms >= turn.due_ms
                  for name, action in self._steps]  # fmt: skip
        return np.array(passed, np.bool_)


NOBODYS = Turn("", 0)


def _words(name: str, moment: Moment) -> str:
    turn = moment.customer.turns.get(name, NOBODYS)
    if not turn.action:
        return f"the sequence '{name}' is over"
    if moment.request.now_ms < turn.due_ms:
        return f"the next message of '{name}' is '{turn.action}', from {_day(turn.due_ms)} on"
    return f"it is the turn of '{turn.action}' in '{name}'"


def _change(name: str, moment: Moment) -> str:
    turn = moment.customer.turns.get(name, NOBODYS)
    if not turn.action:
        return "nothing; it has ended"
    return f"after {_day(turn.due_ms)}" if moment.request.now_ms < turn.due_ms else f"show '{turn.action}' first"


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%a %d %b %Y %H:%M} UTC"
