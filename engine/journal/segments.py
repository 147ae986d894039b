"""Append-only segments, one after another per worker: taken in memory at once, written to the disk by one thread."""

import fcntl
import os
import threading
from contextlib import suppress
from pathlib import Path

import structlog

from engine.journal.front import CAPACITY, Front
from engine.journal.reading import SEGMENTS

ROLLED = "parquet/rolled"  # below the journal's directory: the names of what is in Parquet
LUMP = 1 << 20  # bytes a write
WIPED = 1 << 16  # bytes in one go
log = structlog.get_logger()


class Segment:
    """One segment with its front; whoever writes it holds its lock.

    Args:
        path: of the file, which is made.
        capacity: of the front, bytes.
    """

    def __init__(self, path: Path, capacity: int = CAPACITY) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._front = Front(path, capacity, make=True)
        self.end = self.written = self._synced = 0

    def room(self, size: int) -> bool:
        """Whether so many bytes can be taken now."""
        return self.end - self.written + size <= self._front.capacity

    def append(self, data: bytes) -> None:
        """Take bytes; the caller has asked for room, and holds off other callers."""
        self._front.append(data)
        self.end += len(data)

    def note(self, counts: tuple[int, ...]) -> None:
        """Leave five figures where other processes find them."""
        self._front.note(counts)

    def write(self, end: int) -> None:
        """Bring the file up to a place.

        Raises:
            OSError: when the disk takes no more; what it took is counted, the next call goes on there.
        """
        while self.written < end:
            self.written += os.write(self._file, self._front.copy(self.written, min(end, self.written + LUMP)))

    def sync(self) -> None:
        """To the disk, where something is new."""
        if self._synced < self.written:
            upto = self.written
            os.fsync(self._file)
            self._synced = upto

    def wipe(self, lock: threading.Lock) -> None:
        """Where somebody asks for it, leave in memory only what is not on the disk; everything else is erased there.

        Args:
            lock: holds off who appends, for 10 µs at a time.
        """
        if not self._front.wipe_asked or self._synced < self.written:
            return
        at = 0
        while True:
            with lock:
                at = max(at, self.end - self._front.capacity)
                upto = min(at + WIPED, self.written)
                if at >= upto:
                    break
                self._front.zero(at, upto)
            at = upto
        self._front.wiped()

    def close(self) -> None:
        """Let go of it; memory is given back where all is on the disk, and kept for the next start where not."""
        if self._synced == self.end:
            self._front.remove()
        self._front.close()
        os.close(self._file)


def next_segment(directory: Path, prefix: str, journal: Path) -> Path:
    """The path of a new segment: one after the last, be that here or rolled to Parquet already.

    Args:
        directory: where it will lie.
        prefix: its writer's.
        journal: the journal's own directory.
    """
    there = [*directory.glob(f"{prefix}-{SEGMENTS}"), *(journal / ROLLED).glob(f"{prefix}-*.json")]
    number = max((int(file.stem.rpartition("-")[2]) for file in there), default=-1) + 1
    return directory / f"{prefix}-{number:06d}.seg"


def finished(segment: Path) -> bool:
    """Whether nobody writes it any more; what a dead writer left in memory is written first.

    Raises:
        OSError: when the disk takes it not.
    """
    file = os.open(segment, os.O_RDWR | os.O_APPEND)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _finish(file, segment)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True


def _finish(file: int, segment: Path) -> None:
    front = Front.of(segment)
    if front is None:
        return
    while (size := os.fstat(file).st_size) < (end := front.end) and end - size <= front.capacity:
        os.write(file, front.copy(size, min(end, size + LUMP)))
    os.fsync(file)
    front.remove()
    front.close()


def finish_all(directory: Path) -> None:
    """Write what writers that were killed left in memory."""
    for segment in directory.glob(SEGMENTS):
        if Front.of(segment) is not None:
            with suppress(FileNotFoundError):  # rolled meanwhile
                try:
                    finished(segment)
                except OSError as error:
                    log.error("what a killed worker left stays in memory", segment=str(segment), fault=str(error))
