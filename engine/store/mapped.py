"""LMDB's errors as the store's own."""

from pathlib import Path
from types import TracebackType

import lmdb

from engine.store.protocol import StoreError, StoreFullError


class Mapped:
    """Around whatever touches the files in a directory; made once, for a generator would cost 1.5 µs on every read.

    Raises:
        StoreError: on leaving, naming the directory, where LMDB or the system failed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            return
        if isinstance(error, (lmdb.MapFullError, lmdb.DiskError)):
            raise StoreFullError(f"{self._path} has no room left, on its disk or in its map: {error}") from error
        if isinstance(error, (lmdb.Error, OSError)):
            raise StoreError(f"{self._path} cannot be used: {error}") from error
