"""Append-only segments, one per worker start: length, checksum, msgpack."""

import os
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
import structlog

HEAD = struct.Struct("<II")  # length, crc32
SYNC_S = 0.5  # a power cut loses at most this much
log = structlog.get_logger()


class SegmentJournal:
    """Each entry is one write to the page cache, so a killed process loses none; one thread syncs to the disk.

    Args:
        directory: where the segments lie, made if absent.
        worker: this worker's number; each start opens a segment of its own.
    """

    def __init__(self, directory: Path, worker: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        # One after the last, not how many there are: old segments may have been moved away.
        number = max((int(file.stem[4:]) for file in directory.glob(f"{worker:03d}-*.seg")), default=-1) + 1
        self._file = (directory / f"{worker:03d}-{number:06d}.seg").open("xb", buffering=0)
        self._stop = threading.Event()
        self._syncer = threading.Thread(target=self._sync, daemon=True)
        self._syncer.start()

    def offer(self, entry: bytes) -> None:
        """Take one entry; never waits for a disk."""
        self._file.write(HEAD.pack(len(entry), zlib.crc32(entry)) + entry)

    def _sync(self) -> None:
        while not self._stop.wait(SYNC_S):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Sync what is left."""
        self._stop.set()
        self._syncer.join()
        os.fsync(self._file.fileno())
        self._file.close()


def read(directory: Path) -> Iterator[dict[str, object]]:
    """Every whole entry of every segment; a torn tail ends its segment."""
    return Tail(directory).new()


class Tail:
    """Follows segments while they grow.

    Args:
        directory: where they lie.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[Path, int] = {}
        self._size: dict[Path, int] = {}

    def new(self) -> Iterator[dict[str, object]]:
        """Every whole entry since the last call, segment by segment.

        One that is not whole yet waits for the next call; a damaged one with others behind it is left out, and logged.
        """
        for segment in sorted(self._directory.glob("*.seg")):
            size = segment.stat().st_size
            if size == self._size.get(segment):  # a torn tail is not read again and again
                continue
            with segment.open("rb") as file:
                file.seek(self._read.get(segment, 0))
                for entry in _whole(file, size):
                    self._read[segment] = file.tell()
                    yield entry
            self._size[segment] = size


def _whole(file: BinaryIO, size: int) -> Iterator[dict[str, object]]:
    """Each whole entry from here on; what a power cut leaves, a torn entry or zeros, ends them."""
    while (at := file.tell()) + HEAD.size <= size:
        length, checksum = HEAD.unpack(file.read(HEAD.size))
        end = at + HEAD.size + length
        if not length or end > size:
            return
        entry = file.read(length)
        try:
            yield _decoded(entry, checksum)
        except ValueError as error:
            if end == size:  # its writer may not be done
                return
            log.error("a damaged entry of the journal is left out", segment=file.name, at=at, fault=str(error))


def _decoded(entry: bytes, checksum: int) -> dict[str, object]:
    """Raises ValueError when it is not what was written."""
    if zlib.crc32(entry) != checksum:
        raise ValueError("its checksum is another")
    return msgspec.msgpack.decode(entry, type=dict[str, object])
