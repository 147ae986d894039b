"""`nba backup` and `nba restore`: a state copied while servers work on it, checked and put in place again.

The order makes the copy consistent: what a part refers to is copied after it, or cannot go while the journal is held.

1. what outcomes taught: it may only know of what the store has;
2. Parquet: nobody adds to it while the journal is held;
3. the store, as of one moment;
4. segments, to their last whole entry: they have every decision that the store's interactions name;
5. snapshots and models, which stand there before anything is decided with them.
"""

import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
from nba.v1 import decision_pb2

from engine.journal.entries import Decision
from engine.journal.frames import entries
from engine.journal.held import held
from engine.journal.parts import parts, unrolled
from engine.journal.reading import stream
from engine.journal.rolled import sync
from engine.serve.rights.erase import sweep
from engine.store.lmdb import LmdbStore
from engine.store.open import ADDRESS

FORMAT = 1
MANIFEST = "backup.json"
FIRST, LAST = ("adaptive", "journal/parquet"), ("snapshots", "models", "dead_letters")
STORE = "store"


class BackupError(ValueError):
    """A backup that cannot be made or restored; says why and what to do."""


class Manifest(msgspec.Struct):
    """What a backup holds.

    Args:
        at_ms: the store's moment.
        files: path -> SHA-256, hexadecimal.
    """

    at_ms: int
    files: dict[str, str]
    format: int = FORMAT


def backup(state: Path, target: Path) -> dict[str, int]:
    """Copy a state; servers work on.

    Args:
        state: the server's.
        target: a directory that is made, or is empty.

    Returns:
        files and bytes.

    Raises:
        BackupError: when the target is not empty, there is no state, or its records lie in Valkey.
        StoreError, OSError: when it cannot be read or written; then the target has no manifest, and is no backup.
    """
    if (state / ADDRESS).is_file():
        raise BackupError(f"the records of {state} lie in Valkey, whose own backups hold them")
    if not (state / STORE / "data.mdb").is_file():
        raise BackupError(f"{state} is no state: it has no {STORE}/data.mdb")
    _empty(target)
    with held(state / "journal"):  # nobody rolls, forgets or erases meanwhile
        for name in FIRST:
            _copy(state / name, target / name)
        at_ms = time.time_ns() // 1_000_000
        _copy_store(state / STORE, target / STORE)
        for segment in unrolled(state / "journal"):
            _copy_segment(segment, target / "journal" / segment.name)
        for name in LAST:
            _copy(state / name, target / name)
    files = {str(path.relative_to(target)): _digest(path) for path in _files(target)}
    (target / MANIFEST).write_bytes(msgspec.json.encode(Manifest(at_ms, files)))
    return {"files": len(files), "bytes": sum(path.stat().st_size for path in _files(target))}


def restore(source: Path, state: Path, erased: Path | None = None) -> dict[str, object]:
    """Put a backup in place, checked; then erase again who was erased since.

    Args:
        source: the backup.
        state: a directory that is made, or is empty; no server runs on it.
        erased: a later backup, or a state, that knows whom else was erased.

    Returns:
        files, and what `erase` returns of people who were erased since.

    Raises:
        BackupError: when a file is missing, damaged or one too many, or the target is not empty.
    """
    manifest = _checked(source)
    _empty(state)
    aside = state.with_name(f"{state.name}.restoring")
    shutil.rmtree(aside, ignore_errors=True)
    for name in manifest.files:
        _copy(source / name, aside / name)
    again = _erase_again(aside, erased) if erased else {}
    state.rmdir()
    aside.rename(state)
    return {"files": len(manifest.files), "at_ms": manifest.at_ms, **again}


def _erase_again(state: Path, erased: Path) -> dict[str, object]:
    """Whoever is on another list of the erased is erased here, too."""
    store = LmdbStore(state / STORE)
    try:
        store.erase_listed(erased / STORE, _decided(state / "journal"))
        return {**sweep(state, store)}
    finally:
        store.close()


def _decided(journal: Path) -> Iterator[str]:
    """Whoever was decided for, be there a record of them or not."""
    for part in parts(journal):
        for entry in part.entries("decision"):
            if isinstance(entry, Decision):
                yield decision_pb2.DecideRequest.FromString(entry.request).customer.id


def _checked(source: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode((source / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise BackupError(f"{source} is no backup, or one that was broken off: {error}") from error
    if manifest.format != FORMAT:
        raise BackupError(f"{source} is of format {manifest.format}; this version restores {FORMAT}")
    there = {str(path.relative_to(source)) for path in _files(source)} - {MANIFEST}
    for name in sorted(there ^ manifest.files.keys()):
        raise BackupError(f"{source / name} is {'one too many' if name in there else 'missing'}; take another backup")
    for name, digest in manifest.files.items():
        if _digest(source / name) != digest:
            raise BackupError(f"{source / name} is damaged: its SHA-256 is another; take another backup")
    return manifest


def _empty(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise BackupError(f"{directory} is not empty; name a new directory")


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in sorted(directory.rglob("*")) if path.is_file())


def _copy(source: Path, target: Path) -> None:
    """A file or a whole directory; what goes meanwhile was replaced by something newer, which is copied as well."""
    for path in [source] if source.is_file() else list(_files(source)):
        place = target / path.relative_to(source) if source.is_dir() else target
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            shutil.copyfile(path, place)
            sync(place)


def _copy_store(source: Path, target: Path) -> None:
    """The records as of one moment, without the file's empty pages, and the key of the erased."""
    target.mkdir(mode=0o700, parents=True)
    store = LmdbStore(source)
    try:
        store.copy(target)
    finally:
        store.close()


def _copy_segment(segment: Path, target: Path) -> None:
    """As far as its entries are whole; a spilled one lies among the others then."""
    data = stream(segment)
    end = max((end for end, _ in entries(data, str(segment))), default=0)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.write_bytes(data[:end])
    sync(target)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
