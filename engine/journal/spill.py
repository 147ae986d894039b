"""Where entries go while the journal's own disk cannot keep up: segments of the same form at another place."""

import fcntl
import os
import threading
from pathlib import Path

import structlog

from engine.journal.reading import SPILLED
from engine.journal.segments import next_segment

log = structlog.get_logger()


class Spill:
    """Appends frames straight to a file, which is made with the first one.

    Args:
        directory: on another disk, or it would help nobody.
        prefix: of the file's name.
        journal: the journal's own directory.
    """

    def __init__(self, directory: Path, prefix: str, journal: Path) -> None:
        self._directory, self._prefix, self._journal = directory.resolve(), prefix, journal
        self._file, self._size, self._fault = -1, 0, ""
        known = journal / SPILLED
        if str(self._directory) not in (known.read_text().splitlines() if known.is_file() else ()):
            with known.open("a") as file:  # now: a full disk takes it no more
                file.write(f"{self._directory}\n")

    def take(self, framed: bytes) -> bool:
        """Append one; false when that cannot be done, and then nothing is left of it."""
        try:
            if self._file < 0:
                self._file = self._open()
            if os.write(self._file, framed) == len(framed):
                self._size += len(framed)
                self._fault = ""
                return True
            os.ftruncate(self._file, self._size)
            self._told("it takes no more")
        except OSError as error:
            self._told(str(error))
        return False

    def _told(self, fault: str) -> None:
        """Say it once, not for every entry."""
        if fault != self._fault:
            log.error("the journal cannot be spilled", directory=str(self._directory), fault=fault)
        self._fault = fault

    def _open(self) -> int:
        self._directory.mkdir(parents=True, exist_ok=True)
        path = next_segment(self._directory, self._prefix, self._journal)
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        self._size = 0
        log.warning("the journal spills", file=str(path))
        return file

    def finish(self, lock: threading.Lock) -> None:
        """Sync what there is, and leave it to be rolled; the next one that is taken opens another file.

        Args:
            lock: that callers of `take` hold; it is not held while the disk works.
        """
        with lock:
            file, self._file = self._file, -1
        if file < 0:
            return
        try:
            os.fsync(file)
        except OSError as error:
            self._told(str(error))
        finally:
            os.close(file)
