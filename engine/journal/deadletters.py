"""What could not be taken, kept with its reason so that it can be sent again: one file a day, JSON lines."""

import json
import os
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import structlog

from engine.journal.texts import texts

FILE_BYTES = 64 << 20  # a day's worth; a flood of bad input must not fill the disk
RAW_CHARS = 1 << 20  # a whole body; escaped, at most 6 MiB: a line that the import still reads
TEXTS = 10_000  # looked at in one letter
log = structlog.get_logger()


class DeadLetters:
    """Appends letters; several processes may share the directory.

    Args:
        directory: made with the first letter.
        erased: whether an id is of somebody who was erased: nothing that names them is kept.
        file_bytes: the most a day's file may hold; further letters are dropped, and the log says so.
    """

    def __init__(
        self, directory: Path, erased: Callable[[str], bool] | None = None, file_bytes: int = FILE_BYTES
    ) -> None:
        self.directory, self.file_bytes, self._erased = directory, file_bytes, erased

    def add(self, source: str, reason: str, raw: str, at_ms: int) -> None:
        """Keep one; never fails, since the sender is told the reason anyway.

        Args:
            source: where it came in.
            reason: why it could not be taken.
            raw: as it came, JSON where it was that; what is over 1,048,576 characters is cut.
            at_ms: when, epoch milliseconds; its UTC day names the file.
        """
        if self._erased and any(map(self._erased, islice(texts(raw), TEXTS))):
            return
        letter = {"at_ms": at_ms, "source": source, "reason": reason, "raw": raw[:RAW_CHARS]}
        try:
            self._append(f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}.jsonl", json.dumps(letter) + "\n")
        except OSError as error:
            log.error("a dead letter was dropped", source=source, reason=reason, fault=str(error))

    def blank(self, names: Collection[str]) -> int:
        """Blank the letters that name some people, where they lie: others write behind them. Returns how many."""
        count = 0
        for path in self.directory.glob("*.jsonl"):
            with path.open("r+b", buffering=0) as file:
                for start, line in _naming(file.read(), names):
                    os.pwrite(file.fileno(), b" " * len(line), start)
                    count += 1
                os.fsync(file.fileno())
        return count

    def naming(self, names: Collection[str]) -> list[dict[str, object]]:
        """The letters that name some people."""
        files = (path.read_bytes() for path in sorted(self.directory.glob("*.jsonl")))
        return [json.loads(line) for data in files for _, line in _naming(data, names)]

    def _append(self, name: str, line: str) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        # One write of an appending descriptor: lines of other processes never mix in. For the owner's eyes: it may
        # hold anything a customer sent.
        file = os.open(self.directory / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if os.fstat(file).st_size + len(line) > self.file_bytes:
                raise OSError(f"{name} holds {self.file_bytes:,} bytes, which is the most")
            os.write(file, line.encode())
        finally:
            os.close(file)


def _naming(data: bytes, names: Collection[str]) -> Iterator[tuple[int, bytes]]:
    """Where each whole line starts that names some people, and the line."""
    start, wanted = 0, frozenset(names)
    while (end := data.find(b"\n", start)) >= 0:
        line = data[start:end]
        if not wanted.isdisjoint(texts(line.decode(errors="replace"))):
            yield start, line
        start = end + 1
