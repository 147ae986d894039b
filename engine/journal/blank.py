"""Entries made unreadable where they lie, in segments that others write and read meanwhile.

What takes an entry's place is as long as it was, so that no other entry moves; all readers pass over its kind.
"""

import os
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.journal.entries import pack
from engine.journal.frames import HEAD, entries
from engine.journal.front import Front
from engine.journal.reading import SEGMENTS, places
from engine.journal.segments import finish_all

PAUSE_S = 0.02
PATIENCE_S = 10.0  # for workers, who write ten times a second
ANSWERED_S = 1.0  # a decision that began before has reached its front by then


class BusyJournalError(RuntimeError):
    """A worker does not bring its entries to the disk."""


def settle(journal: Path) -> list[Path]:
    """Have everything taken so far in files, and in files only; returns the segments.

    Raises:
        BusyJournalError: when a worker's disk does not take it.
    """
    for place in places(journal):
        finish_all(place)
    until = time.monotonic() + PATIENCE_S
    segments = [segment for place in places(journal) for segment in sorted(place.glob(SEGMENTS))]
    for wait_s in (ANSWERED_S, 0.0):  # twice: a turn that was under way when it was asked does not have all
        fronts = {segment: front for segment in segments if (front := Front.of(segment))}
        time.sleep(wait_s if fronts else 0.0)
        for front in fronts.values():
            front.ask_wipe()
        for segment, front in fronts.items():
            while front.path.exists() and front.wipe_asked:
                if time.monotonic() > until:
                    raise BusyJournalError(f"{segment}: its worker writes nothing; mend its disk, and call again")
                time.sleep(PAUSE_S)
            front.close()
    return segments


def blank(segment: Path, theirs: Callable[[bytes], bool]) -> int:
    """Blank the entries for which `theirs` says yes; returns how many.

    Args:
        segment: all that matters of it is in the file.
        theirs: asked for each packed entry, in their order.
    """
    data, count = segment.read_bytes(), 0
    file = os.open(segment, os.O_RDWR)
    try:
        for start, end, packed in _framed(data, str(segment)):
            if theirs(packed):
                os.pwrite(file, _nothing(end - start), start)
                count += 1
        if count:
            os.fsync(file)
    finally:
        os.close(file)
    return count


def _framed(data: bytes, source: str) -> Iterator[tuple[int, int, bytes]]:
    start = 0
    for end, packed in entries(data, source):
        while (behind := start + HEAD.size + HEAD.unpack_from(data, start)[0]) < end:
            start = behind  # a damaged one is not given
        yield start, end, packed
        start = end


def _nothing(size: int) -> bytes:
    """A whole entry of so many bytes, frame included, that says nothing."""
    body = size - HEAD.size
    for name in ("was", "gone"):  # one byte cannot be made up for by the length of the value alone
        least = len(pack({"kind": "erased", name: b""}))
        for head in (0, 1, 3):  # bytes more that say how long a longer value is
            packed = pack({"kind": "erased", name: bytes(max(body - least - head, 0))})
            if len(packed) == body:
                return HEAD.pack(body, zlib.crc32(packed)) + packed
    raise AssertionError(body)  # an entry is never so short
