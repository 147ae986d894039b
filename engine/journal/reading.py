"""Reading segments, while they grow or when nobody writes them any more."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import structlog

from engine.journal.entries import kind_of, plain
from engine.journal.frames import entries
from engine.journal.front import Front
from engine.journal.rolled import Rolled

log = structlog.get_logger()
SEGMENTS = "*.seg"
SPILLED = "spilled"  # beside the segments: every directory that was ever spilled to, so that none is forgotten
ROLLED_READ = 16  # segments, about a million decisions: more than anybody joins outcomes with


def read(directory: Path) -> Iterator[dict[str, Any]]:
    """Every whole entry of every segment; a torn tail ends its segment."""
    return Tail(directory).new()


def places(directory: Path) -> list[Path]:
    """Where segments lie: the journal's directory, and those that it was ever spilled to."""
    spilled = directory / SPILLED
    return [directory, *map(Path, spilled.read_text().splitlines() if spilled.is_file() else ())]


def stream(segment: Path, start: int = 0) -> bytes:
    """All that a segment holds from a place on, also what waits in memory for the disk."""
    front = Front.of(segment)  # first: when its writer finishes meanwhile, the file has it all
    while True:
        with segment.open("rb") as file:
            file.seek(start)
            data = file.read()
        if front is None:
            return data
        there, end = start + len(data), front.end
        waiting = front.copy(there, end) if 0 < end - there <= front.capacity else b""
        if segment.stat().st_size == there:  # else it may be gone from memory meanwhile, and is in the file
            front.close()
            return data + waiting


class Tail:
    """Follows segments while they grow.

    Args:
        directory: the journal's; spilled ones are followed, too.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[Path, int] = {}
        self._seen: dict[Path, int] = {}
        self._given: Counter[str] = Counter()
        self._rolled = Rolled(directory)
        self._done: set[str] = set()
        self._looked_ns = 0

    def new(self) -> Iterator[dict[str, Any]]:
        """Every whole entry since the last call, segment by segment.

        One that is not whole yet waits for the next call; a damaged one with others behind it is left out, and logged.
        Of what was rolled to Parquet before it was read, the decisions of the newest segments are given.
        """
        yield from self._from_parquet()
        for segment in (each for place in places(self._directory) for each in sorted(place.glob(SEGMENTS))):
            start = self._read.get(segment, 0)
            try:
                data = stream(segment, start)
            except FileNotFoundError:  # rolled meanwhile
                continue
            if len(data) == self._seen.get(segment, 0):  # a torn tail is not read again and again
                continue
            end = 0
            for end, packed in entries(data, str(segment)):
                self._read[segment] = start + end
                self._given[segment.stem] += kind_of(packed) == "decision"
                yield from _plain(packed, segment)
            self._seen[segment] = len(data) - end

    def _from_parquet(self) -> Iterator[dict[str, Any]]:
        if self._rolled.changed_ns == self._looked_ns:
            return
        self._looked_ns = self._rolled.changed_ns
        for name in self._rolled.newest("decisions", ROLLED_READ):
            if name not in self._done:
                self._done.add(name)
                rows = self._rolled.rows(name, "decisions")
                yield from map(_decision, islice(rows, self._given[name], None))


def _decision(row: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "decision", **row, "read": plain(row["read"]) if row["read"] else {}}


def _plain(packed: bytes, segment: Path) -> Iterator[dict[str, Any]]:
    try:
        yield plain(packed)
    except ValueError as error:
        log.error("a damaged entry of the journal is left out", source=str(segment), fault=str(error))
