"""Versions of what was learned, on disk: one file each, and `latest` naming the one in force."""

import re
from pathlib import Path

from models import NOTHING, Learned, ModelError, unpack, write_whole

LATEST = "latest"
VERSION = re.compile(r"[0-9a-f]{12}")
KEPT = 10  # versions; the journal holds every one


class Publication:
    """Where the learner puts versions and the workers find them.

    Args:
        directory: made if absent.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory, self._changed_ns = directory, 0
        self.learned = NOTHING

    def put(self, learned: Learned) -> None:
        """Put a version in force."""
        write_whole(self._directory / learned.version, learned.packed)
        write_whole(self._directory / LATEST, learned.version.encode())
        versions = [file for file in self._directory.iterdir() if file.name != LATEST]
        for old in sorted(versions, key=lambda file: file.stat().st_mtime_ns)[:-KEPT]:
            old.unlink()

    def look(self) -> bool:
        """Take the version in force; true when another one is since the last look. Costs one `stat` when not.

        Raises:
            ModelError: when it cannot be read; then the one before stays.
        """
        pointer = self._directory / LATEST
        if not pointer.exists() or pointer.stat().st_mtime_ns == self._changed_ns:
            return False
        self._changed_ns = pointer.stat().st_mtime_ns
        try:
            self.learned = self._version(pointer.read_text())
        except (OSError, ValueError) as error:
            raise ModelError(f"{self._directory}: {error}") from error
        return True

    def _version(self, version: str) -> Learned:
        if not VERSION.fullmatch(version):
            raise ModelError(f"'{version[:20]}' in {LATEST} names no version")
        learned = unpack((self._directory / version).read_bytes())
        if learned.version != version:
            raise ModelError(f"{version} is not what was published; remove it to count again from the journal")
        return learned
