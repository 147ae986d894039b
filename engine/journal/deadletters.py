"""What could not be taken, kept with its reason so that it can be sent again: one file a day, JSON lines."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import structlog

FILE_BYTES = 64 << 20  # a day's worth; a flood of bad input must not fill the disk
RAW_CHARS = 1 << 20  # a whole body; escaped, at most 6 MiB: a line that the import still reads
log = structlog.get_logger()


class DeadLetters:
    """Appends letters; several processes may share the directory.

    Args:
        directory: made with the first letter.
        file_bytes: the most a day's file may hold; further letters are dropped, and the log says so.
    """

    def __init__(self, directory: Path, file_bytes: int = FILE_BYTES) -> None:
        self.directory, self.file_bytes = directory, file_bytes

    def add(self, source: str, reason: str, raw: str, at_ms: int) -> None:
        """Keep one; never fails, since the sender is told the reason anyway.

        Args:
            source: where it came in.
            reason: why it could not be taken.
            raw: as it came, JSON where it was that; what is over 1,048,576 characters is cut.
            at_ms: when, epoch milliseconds; its UTC day names the file.
        """
        letter = {"at_ms": at_ms, "source": source, "reason": reason, "raw": raw[:RAW_CHARS]}
        try:
            self._append(f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}.jsonl", json.dumps(letter) + "\n")
        except OSError as error:
            log.error("a dead letter was dropped", source=source, reason=reason, fault=str(error))

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
