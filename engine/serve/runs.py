"""More rows than memory holds, put in order: sorted runs on disk, merged when they are read."""

import os
import struct
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryFile

import msgspec

FRAME = 64  # rows of each run that are in memory while it is merged: 25 kB
FAN_IN = 512  # runs merged at once: 13 MB
SIZE = struct.Struct("<I")

Row = tuple[bytes, int, msgspec.Raw]  # what rows are ordered by, the number of its line, and the row, packed
Run = tuple[int, int]  # from where in the file until where
_ENCODER = msgspec.msgpack.Encoder()
_FRAME = msgspec.msgpack.Decoder(list[Row])
_mark = itemgetter(0)


class Runs:
    """Rows on disk; of those with the same mark, the one that was added first comes first.

    Args:
        directory: has room for all of them; the file has no name there, so that it goes when the process does.

    Raises:
        OSError: where there is no room.
    """

    def __init__(self, directory: Path) -> None:
        self._file = TemporaryFile(dir=directory)  # noqa: SIM115  closed by `close`
        self._runs: list[Run] = []
        self._long: list[Run] = []

    def add(self, frames: Iterable[bytes]) -> None:
        """Add a run: frames of rows that are in order, as `framed` packs them."""
        self._runs.append(self._written(frames))
        if len(self._runs) == FAN_IN:
            self._long.append(self._written(framed(self._merged(self._runs))))
            self._runs = []

    def merged(self) -> Iterator[Row]:
        """All rows, in order."""
        return self._merged([*self._long, *self._runs])

    def close(self) -> None:
        """Give the room back."""
        self._file.close()

    def _written(self, frames: Iterable[bytes]) -> Run:
        start = self._file.tell()
        for frame in frames:
            self._file.write(SIZE.pack(len(frame)) + frame)
        self._file.flush()
        return start, self._file.tell()

    def _merged(self, runs: Iterable[Run]) -> Iterator[Row]:
        return merge(*(self._read(*run) for run in runs), key=_mark)

    def _read(self, start: int, until: int) -> Iterator[Row]:
        source = self._file.fileno()
        while start < until:
            (size,) = SIZE.unpack(os.pread(source, SIZE.size, start))
            yield from _FRAME.decode(os.pread(source, size, start + SIZE.size))
            start += SIZE.size + size


def framed(rows: Iterable[tuple[bytes, int, object]]) -> Iterator[bytes]:
    """Rows packed, some at a time."""
    source = iter(rows)
    while some := list(islice(source, FRAME)):
        yield _ENCODER.encode(some)
