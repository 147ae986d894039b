"""`nba replay`: decide again what was decided, on every core, and compare byte for byte."""

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from engine.journal.parts import Part, parts
from engine.serve.past.redecide import NotReplayableError, Past, Recorded

SAMPLES = 10
SHARES = 3  # a core: each reads its whole part, 10 µs a decision


class Share(NamedTuple):
    """Every n-th decision of a part, from the k-th: what one process does of it.

    Args:
        since_ms: only what was decided then or later.
    """

    state: Path
    journal: tuple[Part, ...]
    part: Part
    since_ms: int
    k: int = 0
    n: int = 1

    @property
    def past(self) -> Past:
        """What deciding again needs; made once in a process."""
        return _past(self.state, self.journal)

    def recorded(self) -> Iterator[Recorded | NotReplayableError]:
        """Each decision with all that was known, or why that is not there any more."""
        past = self.past
        for number, (entry, records) in enumerate(past.decisions(self.part)):
            if number % self.n == self.k and entry.day_ms >= self.since_ms:
                try:
                    yield past.recorded(entry, records)
                except NotReplayableError as error:
                    yield error


@cache
def _past(state: Path, journal: tuple[Part, ...]) -> Past:
    return Past(state, journal)


@dataclass
class Comparison:
    """How many decisions came out the same.

    Args:
        differing: ids of the first that did not.
        not_replayable: reason -> how many.
    """

    same: int = 0
    different: int = 0
    differing: list[str] = field(default_factory=list)
    not_replayable: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Comparison") -> None:
        """Add what another process found."""
        self.same += other.same
        self.different += other.different
        self.differing = [*self.differing, *other.differing][:SAMPLES]
        self.not_replayable += other.not_replayable


def compare(share: Share) -> Comparison:
    """Decide a share again and compare."""
    found = Comparison()
    for recorded in share.recorded():
        try:
            if isinstance(recorded, NotReplayableError):
                raise recorded
            _, reply = recorded.again(share.past.decider(recorded))
        except NotReplayableError as error:
            found.not_replayable[str(error)] += 1
            continue
        if recorded.came_out_as(reply):
            found.same += 1
        else:
            found.different += 1
            found.differing = [*found.differing, reply.decision_id][:SAMPLES]
    return found


def shares(state: Path, since_ms: int = 0) -> list[Share]:
    """The whole journal in shares of about one size, some for each core, so that no core waits long for another."""
    journal = tuple(parts(state / "journal"))
    usual = max(sum(part.size for part in journal) // (SHARES * cores()), 1)
    every = ((part, max(round(part.size / usual), 1)) for part in journal)
    return [Share(state, journal, part, since_ms, k, n) for part, n in every for k in range(n)]


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def replay(state: Path, since_ms: int = 0) -> dict[str, Any]:
    """Decide again what the journal holds, and say what came of it."""
    start, found = time.perf_counter(), Comparison()
    with multiprocessing.get_context("spawn").Pool(cores()) as pool:
        for one in pool.imap_unordered(compare, shares(state, since_ms)):
            found.add(one)
    seconds, decisions = time.perf_counter() - start, found.same + found.different
    return {
        "decisions": decisions + found.not_replayable.total(),
        "same": found.same,
        "different": found.different,
        "differing": found.differing,
        "not_replayable": dict(found.not_replayable.most_common(SAMPLES)),
        "decisions_per_s": round(decisions / seconds),
    }
