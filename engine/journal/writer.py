"""The journal of one worker: what was offered is written, spilled, or refused, and every entry is counted."""

import hashlib
import threading
from collections import OrderedDict
from pathlib import Path

import msgspec
import structlog

from engine.journal.entries import CustomerRecord, pack
from engine.journal.frames import frame
from engine.journal.front import CAPACITY
from engine.journal.protocol import JournalFullError
from engine.journal.segments import Segment, finish_all, next_segment
from engine.journal.spill import Spill

EVERY_S = 0.1  # a thread woken for every entry would cost each of them 0.2 ms
SYNC_EVERY = 5  # with EVERY_S: a power cut loses 0.6 s at most
SEGMENT_BYTES = 64 << 20
RECORDS = 10_000  # names of records that are remembered: 2 MB; one that was forgotten is written again
log = structlog.get_logger()


class Counts(msgspec.Struct):
    """What became of the entries: offered = written + waiting + spilled + dropped, and nothing waits after the end."""

    offered: int = 0
    taken: int = 0
    written: int = 0
    spilled: int = 0
    dropped: int = 0

    @property
    def waiting(self) -> int:
        """In memory, on the way to the disk."""
        return self.taken - self.written


class SegmentJournal:
    """Takes entries in memory that outlives the process; one thread brings them to the disk.

    Args:
        directory: where the segments lie, made if absent.
        worker: this worker's number; each start opens a segment of its own.
        spill: where entries go while the disk cannot keep up; None refuses calls instead.
        capacity: bytes that may wait for the disk.
        segment_bytes: after which the next segment is opened.
    """

    def __init__(
        self,
        directory: Path,
        worker: int,
        spill: Path | None = None,
        capacity: int = CAPACITY,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        finish_all(directory)
        self._directory, self._prefix = directory, f"{worker:03d}"
        self._capacity, self._segment_bytes = capacity, segment_bytes
        self._spill = Spill(spill, f"s{self._prefix}", directory) if spill else None
        self._segment, self._full = self._open(), list[Segment]()
        self._digests: OrderedDict[int, bytes] = OrderedDict()
        self._lock, self._fault = threading.Lock(), ""
        self.counts = Counts()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _open(self) -> Segment:
        return Segment(next_segment(self._directory, self._prefix, self._directory), self._capacity)

    def offer(self, entry: bytes) -> None:
        """Take one entry; never waits for a disk.

        Raises:
            JournalFullError: when it can be neither taken nor spilled.
        """
        framed = frame(entry)
        with self._lock:
            self.counts.offered += 1
            if self._segment.room(len(framed)):
                self._segment.append(framed)
                self.counts.taken += 1
            elif self._spill and self._spill.take(framed):
                self.counts.spilled += 1
            else:
                self.counts.dropped += 1
                raise JournalFullError(f"{self._directory} cannot keep up: {self._fault or 'its disk is too slow'}")

    def record(self, packed: bytes) -> bytes:
        """The name of a record, 16 bytes; it is written when it is new to the segment."""
        known = hash(packed)  # keyed by chance, so that nobody can make two alike: 0.5 µs where a digest takes 1.5
        name = self._digests.get(known)
        if name is None:
            name = hashlib.sha256(packed).digest()[:16]
            self.offer(pack(CustomerRecord(name, packed)))
            with self._lock:
                self._digests[known] = name
                if len(self._digests) > RECORDS:
                    self._digests.popitem(last=False)
        return name

    def _run(self) -> None:
        turn = 0
        while not self._stop.wait(EVERY_S):
            turn += 1
            self._write(sync=turn % SYNC_EVERY == 0)

    def _write(self, *, sync: bool) -> None:
        """Bring the disk up to date; what it does not take waits for the next turn."""
        try:
            self._rotate()
            with self._lock:
                marks, taken = [(each, each.end) for each in (*self._full, self._segment)], self.counts.taken
            for segment, end in marks:
                segment.write(end)
                if sync or segment is not self._segment:
                    segment.sync()
            self.counts.written = taken
            self._told("")
        except OSError as error:
            self._told(f"{error.filename or self._segment.path}: {error.strerror}")
        self._close_full()
        self._segment.wipe(self._lock)
        self._segment.note(msgspec.structs.astuple(self.counts))
        if self._spill and sync:
            self._spill.finish(self._lock)

    def _rotate(self) -> None:
        """Open the next segment when this one is full; names of records start afresh, so that each stands alone."""
        if self._segment.end < self._segment_bytes:
            return
        fresh = self._open()
        with self._lock:
            self._full.append(self._segment)
            self._segment = fresh
            self._digests.clear()

    def _close_full(self) -> None:
        for segment in [each for each in self._full if each.written == each.end]:
            segment.close()
            self._full.remove(segment)

    def _told(self, fault: str) -> None:
        """Say once that the disk takes nothing, and once that it does again."""
        if fault and not self._fault:
            log.error("the journal waits in memory", fault=fault)
        if self._fault and not fault:
            log.info("the journal is on the disk again")
        self._fault = fault

    def close(self) -> None:
        """Write what is left, and say what became of everything."""
        self._stop.set()
        self._thread.join()
        self._write(sync=True)
        for segment in (*self._full, self._segment):
            segment.close()
        counts = {**msgspec.structs.asdict(self.counts), "waiting": self.counts.waiting}
        log.info("the journal is closed", worker=self._prefix, **counts)
