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
    for segment in sorted(directory.glob("*.seg")):
        data, at = segment.read_bytes(), 0
        while at + HEAD.size <= len(data):
            length, checksum = HEAD.unpack_from(data, at)
            entry = data[at + HEAD.size : at + HEAD.size + length]
            if len(entry) < length or zlib.crc32(entry) != checksum:
                break
            yield msgspec.msgpack.decode(entry)
            at += HEAD.size + length
