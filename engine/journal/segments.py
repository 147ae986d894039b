"""Append-only segments, one per worker start: length, checksum, msgpack."""

import os
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

HEAD = struct.Struct("<II")  # length, crc32
SYNC_S = 0.5  # a power cut loses at most this much


class SegmentJournal:
    """Each entry is one write to the page cache, so a killed process loses none; one thread syncs to the disk.

    Args:
        directory: where the segments lie, made if absent.
        worker: this worker's number; each start opens a segment of its own.
    """

    def __init__(self, directory: Path, worker: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        number = len(list(directory.glob(f"{worker:03d}-*.seg")))
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

    def new(self) -> Iterator[dict[str, object]]:
        """Every whole entry since the last call, segment by segment; one that is not whole yet waits for the next."""
        for segment in sorted(self._directory.glob("*.seg")):
            at = self._read.get(segment, 0)
            if segment.stat().st_size <= at:
                continue
            with segment.open("rb") as file:
                file.seek(at)
                data = file.read()
            for end, entry in _whole(data):
                self._read[segment] = at + end
                yield msgspec.msgpack.decode(entry)


def _whole(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each entry up to the first that is torn, and where it ends."""
    at = 0
    while at + HEAD.size <= len(data):
        length, checksum = HEAD.unpack_from(data, at)
        entry = data[at + HEAD.size : at + HEAD.size + length]
        if len(entry) < length or zlib.crc32(entry) != checksum:
            return
        at += HEAD.size + length
        yield at, entry
