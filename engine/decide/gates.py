"""Gates: what may hold a row back. Every kind answers with verdicts, and a constant table says which row heeds which.

The verdicts of one request and the table are the whole explanation: nothing else is noted while deciding.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.decide.catalogue import BoolArray, Rows
from engine.decide.request import CustomerView, Request, Scalar

STAGES = (
    "suppression", "consent", "window", "eligibility", "applicability", "suitability", "preferences", "contact policy",
    "quiet hours",
)  # fmt: skip
STANDING = len(STAGES)  # the stage of a row that nothing holds back
WIDE = 16  # a gate with one verdict for over a sixteenth of the rows is cheaper as a mask than row by row
Stages = NDArray[np.uint8]
ALWAYS: BoolArray = np.ones(1, np.bool_)


@dataclass(frozen=True)
class Moment:
    """What every gate of one request reads; `facts` is everything known of the customer."""

    customer: CustomerView
    request: Request
    facts: Mapping[str, Scalar]


@dataclass(frozen=True)
class Gate:
    """One condition and the rows it governs.

    Args:
        name: what people call it.
        stage: one of STAGES.
        text: the reason in words, or a function that makes them of the moment.
        rows: intp[n], the rows it governs.
        verdicts: intp[n], the verdict of its block that each row heeds; intp[1] when all heed the same.
        reads: the attributes it looks at.
        change: what would lift it, in words.
    """

    name: str
    stage: str
    text: "Words"
    rows: Rows
    verdicts: Rows
    reads: frozenset[str] = frozenset()
    change: "Words" = ""


Words = str | Callable[[Moment], str]


def said(words: Words, moment: Moment) -> str:
    """Words that stand, or are made of the moment."""
    return words if isinstance(words, str) else words(moment)


class Block(Protocol):
    """Gates of one kind, evaluated together."""

    @property
    def gates(self) -> Sequence[Gate]:
        """Its gates; their verdicts count from the block's first."""
        ...

    @property
    def size(self) -> int:
        """How many verdicts it gives."""
        ...

    def evaluate(self, moment: Moment) -> BoolArray:
        """bool[size]: true where a verdict lets rows pass."""
        ...


class Gates:
    """All gates over R rows.

    Args:
        blocks: any order; the gates come out in the order of the stages, then by name.
        size: R.

    Attributes:
        gates: G gates.
    """

    def __init__(self, blocks: Sequence[Block], size: int) -> None:
        self._blocks = tuple(blocks)
        starts = np.cumsum([0, *(block.size for block in blocks)])
        self._verdicts = int(starts[-1])
        pairs = [(gate, gate.verdicts + at) for block, at in zip(blocks, starts, strict=False) for gate in block.gates]
        pairs.sort(key=lambda pair: (STAGES.index(pair[0].stage), pair[0].name))
        self.gates = tuple(gate for gate, _ in pairs)
        self._wide = [at for at, (gate, own) in enumerate(pairs) if len(own) == 1 and len(gate.rows) * WIDE > size]
        self._wide_verdict = np.array([pairs[at][1][0] for at in self._wide], np.intp)
        self._wide_stage = np.full((len(self._wide), size), STANDING, np.uint8)
        for place, at in enumerate(self._wide):
            self._wide_stage[place, pairs[at][0].rows] = STAGES.index(pairs[at][0].stage)
        self._listen(pairs, size)

    def _listen(self, pairs: Sequence[tuple[Gate, Rows]], size: int) -> None:
        """The table of what is not wide: entries sorted by row, each a verdict that the row heeds."""
        narrow = sorted(set(range(len(pairs))) - set(self._wide))
        every = np.arange(size)  # each row heeds the last verdict, which is always true: no row is without an entry
        rows = [every, *(pairs[at][0].rows for at in narrow)]
        heeded = [np.array([self._verdicts]), *(pairs[at][1] for at in narrow)]
        sources = [np.broadcast_to(own, len(governed)) for own, governed in zip(heeded, rows, strict=True)]
        gates = [np.full(len(of_gate), at) for at, of_gate in zip([-1, *narrow], rows, strict=True)]
        row = np.concatenate(rows)
        order = np.argsort(row, kind="stable")
        self._entry_row = row[order]
        self._entry_gate = np.concatenate(gates)[order]
        self._entry_verdict = np.concatenate(sources)[order]
        stage_of_gate = np.array([*(STAGES.index(gate.stage) for gate in self.gates), STANDING], np.uint8)
        self._entry_stage = stage_of_gate[self._entry_gate]
        self._row_start = np.searchsorted(self._entry_row, every)

    def evaluate(self, moment: Moment) -> BoolArray:
        """bool[V + 1]: every block's verdicts, and a last one that is always true."""
        return np.concatenate([*(block.evaluate(moment) for block in self._blocks), ALWAYS])

    def lost_at(self, passed: BoolArray) -> Stages:
        """The first stage that holds each row back.

        Args:
            passed: bool[V + 1], as `evaluate` returns it.

        Returns:
            uint8[R], an index into STAGES; STANDING where nothing does.
        """
        stage = np.where(passed[self._entry_verdict], np.uint8(STANDING), self._entry_stage)
        first: Stages = np.minimum.reduceat(stage, self._row_start) if len(self._row_start) else stage
        failed = ~passed[self._wide_verdict]
        return np.minimum(first, self._wide_stage[failed].min(axis=0)) if failed.any() else first

    def blockers(self, passed: BoolArray, asked: BoolArray) -> Iterator[tuple[int, int]]:
        """Every (row, gate) where a gate holds an asked row back, by row and then in the order of the gates.

        Args:
            passed: bool[V + 1].
            asked: bool[R].
        """
        entries = np.flatnonzero(~passed[self._entry_verdict] & asked[self._entry_row])
        pairs = list(zip(self._entry_row[entries].tolist(), self._entry_gate[entries].tolist(), strict=True))
        for place in np.flatnonzero(~passed[self._wide_verdict]):
            governed = (self._wide_stage[place] != STANDING) & asked
            pairs += [(row, self._wide[place]) for row in np.flatnonzero(governed).tolist()]
        return iter(sorted(pairs))

    def held(self, passed: BoolArray, asked: BoolArray) -> NDArray[np.intp]:
        """How many asked rows each gate holds back, be they held back by others, too.

        Args:
            passed: bool[V + 1].
            asked: bool[R].

        Returns:
            intp[G].
        """
        entries = ~passed[self._entry_verdict] & asked[self._entry_row]
        counts = np.bincount(self._entry_gate[entries], minlength=len(self.gates))
        for place in np.flatnonzero(~passed[self._wide_verdict]):
            counts[self._wide[place]] = np.count_nonzero((self._wide_stage[place] != STANDING) & asked)
        return counts
