"""One at a time: who rolls, forgets, erases or copies the journal's files."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(journal: Path) -> Iterator[None]:
    """Inside, no other process rearranges the journal's files; workers write on.

    Args:
        journal: its directory, made if absent.
    """
    journal.mkdir(parents=True, exist_ok=True)
    file = os.open(journal / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
