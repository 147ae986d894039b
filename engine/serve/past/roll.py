"""`nba journal roll`: segments that nobody writes any more, and the store's interactions, to Parquet, each once."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from engine.journal.entries import CustomerRecord, Decision, Entry, Published, ShadowScores
from engine.journal.parts import SegmentPart, places, unrolled
from engine.journal.reading import SEGMENTS
from engine.journal.rolled import Rolled, Writing, day_of
from engine.journal.segments import finished
from engine.serve.past.columns import Row, change_row, decision_rows, shadow_rows
from engine.store.open import has_store, open_store

T = TypeVar("T")
STRETCH = 100_000  # interactions of one manifest
log = structlog.get_logger()


def roll(state: Path) -> dict[str, int]:
    """Roll everything that can be; returns how many entries of each kind."""
    journal = state / "journal"
    rolled, counts = Rolled(journal), dict[str, int]()
    for place in places(journal):
        for segment in place.glob(SEGMENTS):
            if rolled.holds(segment.stem):  # the last roll was killed before it could delete it
                segment.unlink()
    for segment in unrolled(journal):
        if finished(segment):
            _add(counts, _Rolling(rolled, SegmentPart(segment)).run())
            segment.unlink()
    if has_store(state):
        store = open_store(state)
        counts["interactions"] = _numbered(rolled, "interactions", store.tail, msgspec.structs.asdict)
        counts["changes"] = _numbered(rolled, "changes", store.changes, change_row)
        store.close()
    return counts


def _add(counts: dict[str, int], more: dict[str, int]) -> None:
    for kind, count in more.items():
        counts[kind] = counts.get(kind, 0) + count


class _Rolling:
    """One segment on its way.

    Args:
        rolled: where it goes.
        part: the segment.
    """

    def __init__(self, rolled: Rolled, part: SegmentPart) -> None:
        self._rolled, self._part = rolled, part
        self._counts: dict[str, int] = {}

    def run(self) -> dict[str, int]:
        """Write all of it; how many entries of each kind."""
        # What decisions need stays as long as the last of them: it lies under the segment's last day.
        last = max((entry.day_ms for entry in self._part.entries() if isinstance(entry, Decision)), default=0)
        day = day_of(last or self._part.segment.stat().st_mtime_ns // 1_000_000)
        with Writing(self._rolled, self._part.name) as writing:
            for entry in self._part.entries():
                self._write(writing, entry, day)
        return self._counts

    def _write(self, writing: Writing, entry: Entry, day: str) -> None:
        match entry:
            case Decision():
                self._decision(writing, entry)
            case CustomerRecord():
                self._row(writing, "records", day, entry)
            case Published():
                self._row(writing, "adaptive", day, entry)
            case ShadowScores():
                writing.add("shadows", day, shadow_rows(entry))
                self._count("shadows")

    def _decision(self, writing: Writing, entry: Decision) -> None:
        try:
            own, rankings = decision_rows(entry)
        except ValueError as error:
            log.error("a decision cannot be read and is left out", segment=self._part.name, fault=str(error))
            return
        day = day_of(entry.day_ms)
        writing.add("decisions", day, [own])
        writing.add("rankings", day, rankings)
        self._count("decisions")

    def _row(self, writing: Writing, kind: str, day: str, entry: Entry) -> None:
        writing.add(kind, day, [msgspec.structs.asdict(entry)])
        self._count(kind)

    def _count(self, kind: str) -> None:
        self._counts[kind] = self._counts.get(kind, 0) + 1


def _numbered(
    rolled: Rolled, kind: str, tail: Callable[[int, int], list[tuple[int, T]]], row: Callable[[T], Row]
) -> int:
    """What was counted since the last roll; the numbers of a stretch stand in its name."""
    ends = [int(name.rpartition("-")[2]) for name in rolled.names() if name.startswith(f"{kind}-")]
    after, count = max(ends, default=0), 0
    while found := tail(after, STRETCH):
        first, last = found[0][0], found[-1][0]
        with Writing(rolled, f"{kind}-{first:012d}-{last:012d}") as writing:
            for number, each in found:
                columns = row(each)
                writing.add(kind, day_of(columns[MOMENT_OF[kind]]), [{"number": number, **columns}])
        after, count = last, count + len(found)
    return count


MOMENT_OF = {"interactions": "at_ms", "changes": "recorded_ms"}  # whose day a row lies under
