"""Reading segments, while they grow or when nobody writes them any more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog

from engine.journal.entries import plain
from engine.journal.frames import entries
from engine.journal.front import Front

log = structlog.get_logger()
SEGMENTS = "*.seg"


def read(directory: Path) -> Iterator[dict[str, Any]]:
    """Every whole entry of every segment; a torn tail ends its segment."""
    return Tail(directory).new()


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
        if front.end - there <= front.capacity:  # else it was written over meanwhile, and is in the file
            front.close()
            return data + waiting


class Tail:
    """Follows segments while they grow.

    Args:
        directory: where they lie.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[Path, int] = {}
        self._seen: dict[Path, int] = {}

    def new(self) -> Iterator[dict[str, Any]]:
        """Every whole entry since the last call, segment by segment.

        One that is not whole yet waits for the next call; a damaged one with others behind it is left out, and logged.
        """
        for segment in sorted(self._directory.glob(SEGMENTS)):
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
                yield from _plain(packed, segment)
            self._seen[segment] = len(data) - end


def _plain(packed: bytes, segment: Path) -> Iterator[dict[str, Any]]:
    try:
        yield plain(packed)
    except ValueError as error:
        log.error("a damaged entry of the journal is left out", source=str(segment), fault=str(error))
