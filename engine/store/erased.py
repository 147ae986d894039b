"""Who was erased: a keyed hash of each id, so that nothing brings them back, and the list says nothing of them."""

import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import lmdb

from engine.store.mapped import Mapped
from engine.store.protocol import StoreError

KEY = "erased.key"
BYTES = 16  # of a hash: two ids share one with a chance of one in 10^20 among a billion erased
DUE, COUNT = b"wiping", b"erasures"  # in `meta`: traces are still in the file; what others must wash after


class Erased:
    """Reads and writes inside a transaction that somebody else holds.

    Args:
        env: holds the databases.
        path: the store's directory, where the key lies for its owner alone.
    """

    def __init__(self, env: lmdb.Environment, path: Path) -> None:
        self._hashes, self._sweeping, self._meta = map(env.open_db, (b"erased", b"sweeping", b"meta"))
        self._file, self._key = path / KEY, b""

    def holds(self, txn: lmdb.Transaction, name: str) -> bool:
        """Whether an id was erased and not readmitted.

        Raises:
            StoreError: when the key is gone: then nobody can say.
        """
        if not txn.stat(self._hashes)["entries"]:
            return False
        return txn.get(self._hash(name), db=self._hashes) is not None

    def add(self, txn: lmdb.Transaction, names: Iterable[str]) -> None:
        """Erased from now on; their traces in files are still to be swept."""
        make_key(self._file)
        for name in names:
            txn.put(self._hash(name), b"", db=self._hashes)
            txn.put(name.encode(), b"", db=self._sweeping)
        txn.put(DUE, b"", db=self._meta)

    def remove(self, txn: lmdb.Transaction, name: str) -> bool:
        """Readmitted; false when the id was not erased."""
        return bool(txn.stat(self._hashes)["entries"]) and txn.delete(self._hash(name), db=self._hashes)

    def sweeping(self, txn: lmdb.Transaction) -> list[str]:
        """Ids whose traces are still to be swept."""
        return [bytes(name).decode() for name in txn.cursor(self._sweeping).iternext(values=False)]

    def swept(self, txn: lmdb.Transaction, names: Iterable[str]) -> None:
        """No file but the store's own names these any more; whoever writes from now on washes first."""
        for name in names:
            txn.delete(name.encode(), db=self._sweeping)
        txn.put(COUNT, secrets.token_bytes(8), db=self._meta)

    def adopt(self, key: bytes) -> None:
        """Take over a key where there is none.

        Raises:
            StoreError: where there is another one.
        """
        make_key(self._file, key)
        if read_key(self._file) != key:
            raise StoreError(f"{self._file} is another key than that of the list; it belongs to another state")

    def replace(self, txn: lmdb.Transaction, listing: "Listing") -> None:
        """Have another list instead."""
        txn.drop(self._hashes, delete=False)
        for each in sorted(listing.hashes):
            txn.put(each, b"", db=self._hashes)

    def copy_key(self, target: Path) -> None:
        """The key beside a copy of the store."""
        if self._file.exists():
            make_key(target / KEY, read_key(self._file))

    def _hash(self, name: str) -> bytes:
        self._key = self._key or read_key(self._file)
        return hash_of(self._key, name)


class Listing(NamedTuple):
    """The erased of one store."""

    key: bytes
    hashes: frozenset[bytes]

    def holds(self, name: str) -> bool:
        """Whether an id was erased."""
        return hash_of(self.key, name) in self.hashes


def listed(path: Path) -> Listing:
    """The list of the store in a directory, which is only read.

    Raises:
        StoreError: when there is none.
    """
    with Mapped(path), lmdb.open(str(path), readonly=True, create=False, max_dbs=1) as env, env.begin() as txn:
        hashes = frozenset(map(bytes, txn.cursor(env.open_db(b"erased", txn, create=False)).iternext(values=False)))
    return Listing(read_key(path / KEY), hashes)


def hash_of(key: bytes, name: str) -> bytes:
    """What the list says of an id."""
    return hmac.digest(key, name.encode(), "sha256")[:BYTES]


def read_key(file: Path) -> bytes:
    """The key.

    Raises:
        StoreError: when it is not there.
    """
    try:
        key = file.read_bytes()
    except FileNotFoundError:
        key = b""
    if len(key) != 32:
        raise StoreError(
            f"{file} is missing or damaged, and so nobody knows who was erased; bring it back from a backup"
        )
    return key


def make_key(file: Path, key: bytes = b"") -> None:
    """Make one unless it is there; durable, and whole at once."""
    if file.exists():
        return
    aside = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(key or secrets.token_bytes(32))
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(aside, file)  # fails where another process was quicker; then its key holds
    except FileExistsError:
        pass
    finally:
        aside.unlink()
