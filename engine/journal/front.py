"""What waits for the disk, in memory that outlives the process: a killed worker loses nothing.

A front belongs to one segment. Byte p of the segment's stream lies at p modulo the capacity until it is in the file, so
the file's own size says what is still missing from it, and finishing a dead worker's segment is one copy.
"""

import errno
import hashlib
import mmap
import os
import struct
from pathlib import Path
from typing import Self

SHARED = Path("/dev/shm")  # noqa: S108  made for the owner alone, under a name that tells nothing
CAPACITY = 8 << 20  # about 12,000 decisions: seconds of a stalled disk at full load
HEADER = mmap.PAGESIZE
END = struct.Struct("<Q")
COUNTS = struct.Struct("<5Q")  # behind the end: what became of the writer's entries, for whoever looks
WIPE_AT = END.size + COUNTS.size  # a byte: whether somebody asks the writer to leave here only what is in no file yet


class Front:
    """The newest bytes of a segment's stream.

    Args:
        segment: whose.
        capacity: bytes; how far the stream may run ahead of the file.
        make: a new one, for its writer.

    Raises:
        FileNotFoundError: when there is none to read.
        OSError: when shared memory is too small for one more.
    """

    def __init__(self, segment: Path, capacity: int = CAPACITY, *, make: bool = False) -> None:
        self.path = _place(segment)
        file = os.open(self.path, os.O_RDWR | (os.O_CREAT | os.O_TRUNC if make else 0), 0o600)
        try:
            if make:
                _reserve(file, self.path, HEADER + capacity)
            self._memory = mmap.mmap(file, 0)
        finally:
            os.close(file)
        self.capacity = len(self._memory) - HEADER
        self._end = 0  # the writer's own; readers ask the memory

    @classmethod
    def of(cls, segment: Path) -> Self | None:
        """That of a segment; None when all of it is in the file."""
        try:
            return cls(segment)
        except (FileNotFoundError, ValueError):  # mmap's word for one that is only just being made
            return None

    @property
    def end(self) -> int:
        """Where the stream ends."""
        return int(END.unpack_from(self._memory)[0])

    @property
    def counts(self) -> tuple[int, ...]:
        """What the writer last noted."""
        return COUNTS.unpack_from(self._memory, END.size)

    def note(self, counts: tuple[int, ...]) -> None:
        """Note five figures for other processes."""
        COUNTS.pack_into(self._memory, END.size, *counts)

    @property
    def wipe_asked(self) -> bool:
        """Whether what is in the file is to go from here."""
        return self._memory[WIPE_AT] != 0

    def ask_wipe(self) -> None:
        """Ask the writer for it; it does so within a tenth of a second."""
        self._memory[WIPE_AT] = 1

    def wiped(self) -> None:
        """It is done."""
        self._memory[WIPE_AT] = 0

    def zero(self, start: int, end: int) -> None:
        """Leave nothing of the stream from one place to another."""
        at, length = HEADER + start % self.capacity, end - start
        fits = min(length, HEADER + self.capacity - at)
        self._memory[at : at + fits] = bytes(fits)
        self._memory[HEADER : HEADER + length - fits] = bytes(length - fits)

    def append(self, data: bytes) -> None:
        """Add bytes at the end; the caller sees to it that there is room."""
        at = HEADER + self._end % self.capacity
        fits = HEADER + self.capacity - at
        if len(data) <= fits:
            self._memory[at : at + len(data)] = data
        else:
            self._memory[at:] = data[:fits]
            self._memory[HEADER : HEADER + len(data) - fits] = data[fits:]
        self._end += len(data)
        END.pack_into(self._memory, 0, self._end)  # last: a killed writer leaves no half of an entry behind

    def copy(self, start: int, end: int) -> bytes:
        """The stream from one place to another, which lie at most the capacity apart."""
        at, length = start % self.capacity, end - start
        fits = min(length, self.capacity - at)
        return self._memory[HEADER + at : HEADER + at + fits] + self._memory[HEADER : HEADER + length - fits]

    def remove(self) -> None:
        """Give the memory back."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of it, and leave it to whoever finishes the segment."""
        self._memory.close()


def _place(segment: Path) -> Path:
    return SHARED / f"nba-{hashlib.sha256(str(segment.resolve()).encode()).hexdigest()[:24]}"


def _reserve(file: int, path: Path, size: int) -> None:
    """Take the memory now: what is only promised would kill the process when it is touched.

    Raises:
        OSError: when it is not there.
    """
    try:
        os.posix_fallocate(file, 0, size)
    except OSError as error:
        path.unlink()
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(f"{SHARED} has no {size:,} bytes left for the journal; make it larger (--shm-size)") from error
