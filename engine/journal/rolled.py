"""The journal in Parquet: which files count is what the manifests say, so that nothing is there twice or not at all.

A manifest is written whole, after the files it names; a segment with a manifest is not read any more. So a roll that
is killed leaves files that no manifest names, and the next one writes them again under the same names.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Self

import msgspec

from engine.journal.schema import schema
from models import write_whole

ROWS = 20_000  # held before they are written; rows of one group of a file
MANIFESTS = "rolled"


class Manifest(msgspec.Struct):
    """What became of one segment, or of a stretch of the store's interactions: files below the Parquet directory."""

    files: list[str]


class Rolled:
    """The Parquet files of one journal.

    Args:
        directory: the journal's.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "parquet"
        self._manifests = self.directory / MANIFESTS

    def names(self) -> list[str]:
        """What was rolled."""
        return sorted(file.stem for file in self._manifests.glob("*.json"))

    @property
    def changed_ns(self) -> int:
        """Another number after each roll; 0 before the first."""
        return self._manifests.stat().st_mtime_ns if self._manifests.is_dir() else 0

    def newest(self, kind: str, count: int) -> list[str]:
        """The last that were rolled with something of a kind, the latest first."""
        there = sorted(self._manifests.glob("*.json"), key=lambda file: -file.stat().st_mtime_ns)
        found = (file.stem for file in there if any(part.startswith(f"{kind}/") for part in self.files(file.stem)))
        return list(islice(found, count))

    def holds(self, name: str) -> bool:
        """Whether it was rolled."""
        return (self._manifests / f"{name}.json").is_file()

    def files(self, name: str) -> list[str]:
        """The files of what was rolled under a name."""
        packed = (self._manifests / f"{name}.json").read_bytes()
        return msgspec.json.decode(packed, type=Manifest).files

    def of_kind(self, kind: str) -> list[str]:
        """Every file of one kind."""
        return [file for name in self.names() for file in self.files(name) if file.startswith(f"{kind}/")]

    def commit(self, name: str, files: Iterable[str]) -> None:
        """From now on these files count."""
        self._manifests.mkdir(parents=True, exist_ok=True)
        write_whole(self._manifests / f"{name}.json", msgspec.json.encode(Manifest(sorted(files))))

    def forget(self, kind: str, before: str) -> int:
        """Delete one kind's days before a day; returns how many files went."""
        gone = 0
        for name in self.names():
            files = self.files(name)
            old = [file for file in files if file.startswith(f"{kind}/") and day_in(file) < before]
            if old:
                self.commit(name, set(files) - set(old))
            for file in old:
                (self.directory / file).unlink(missing_ok=True)
            gone += len(old)
        return gone

    def rows(self, name: str, kind: str) -> Iterator[dict[str, Any]]:
        """Every row of one kind that was rolled under a name; a column that a file has not is None."""
        from pyarrow import parquet

        for file in self.files(name):
            if file.startswith(f"{kind}/"):
                with parquet.ParquetFile(self.directory / file) as data:
                    for batch in data.iter_batches(ROWS // 10):
                        yield from ({**dict.fromkeys(schema(kind).names), **row} for row in batch.to_pylist())

    def where(self, name: str, kind: str, column: str, value: str) -> list[dict[str, Any]]:
        """The rows of one kind, rolled under a name, that hold a value in a column; only their groups are read."""
        from pyarrow import parquet

        files = [self.directory / file for file in self.files(name) if file.startswith(f"{kind}/")]
        known = dict.fromkeys(schema(kind).names)
        tables = [parquet.read_table(file, filters=[(column, "=", value)], partitioning=None) for file in files]
        return [{**known, **row} for table in tables for row in table.to_pylist()]


class Writing:
    """Files of one manifest while they are written; `with` closes them.

    Args:
        rolled: where.
        name: of the segment or the stretch.
    """

    def __init__(self, rolled: Rolled, name: str) -> None:
        self._rolled, self._name = rolled, name
        rolled.directory.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds all that customers did
        self._writers: dict[str, Any] = {}
        self._rows: dict[tuple[str, str], list[Mapping[str, Any]]] = {}

    def add(self, kind: str, day: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take some rows of one kind and day."""
        held = self._rows.setdefault((kind, day), [])
        held.extend(rows)
        if len(held) >= ROWS:
            self._flush(kind, day)

    def _flush(self, kind: str, day: str) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        rows, file = self._rows.pop((kind, day), []), f"{kind}/day={day}/{self._name}.parquet"
        if not rows:
            return
        if file not in self._writers:
            path = self._rolled.directory / file
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writers[file] = parquet.ParquetWriter(path, schema(kind), compression="zstd")
        self._writers[file].write_table(pa.Table.from_pylist(rows, schema(kind)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Write the rest; what is whole counts from now on, what failed does not."""
        if kind is None:
            for place in list(self._rows):
                self._flush(*place)
        for writer in self._writers.values():
            writer.close()
        if kind is None:
            for file in self._writers:
                path = self._rolled.directory / file
                for each in (path, path.parent, path.parent.parent):
                    sync(each)
            self._rolled.commit(self._name, self._writers)


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def day_of(at_ms: int) -> str:
    """The UTC day of a moment: "2026-11-25"."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"


def day_in(file: str) -> str:
    """The day that a file's path names."""
    return file.partition("day=")[2].partition("/")[0]
