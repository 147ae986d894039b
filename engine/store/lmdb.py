"""Records in LMDB: several worker processes share one file, and what is acknowledged is on disk."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import lmdb
import msgspec

from engine.customer.change import set_consent, set_preferences
from engine.customer.changes import Change, consents_said
from engine.customer.checks import Bounds, FieldError
from engine.customer.formats import decode, encode
from engine.customer.names import Names
from engine.customer.record import Consent, Interaction, Record
from engine.decide.keeping import USUAL, Keeping
from engine.decide.request import Preferences
from engine.store.merge import now_ms, rebuilt, upsert
from engine.store.protocol import StoreError, StoreFullError

MAP_BYTES = 4 << 30  # sparse: only what is written takes space
READERS = 512
LUMP = 1_000
REBUILT = 500  # records in one transaction: what a broken-off rebuild does again
DATABASES = (b"records", b"keys", b"outbox by number", b"meta", b"names", b"changes by number")
NUMBER = struct.Struct(">Q")  # big-endian, so that LMDB's order is the numbers'
KEEPING, REBUILDING = b"keeping", b"rebuilding"  # how much is kept; the last customer of an unfinished rebuild
_KEEPING = msgspec.msgpack.Decoder(Keeping)
_INTERACTION = msgspec.msgpack.Decoder(Interaction)
_CHANGE = msgspec.msgpack.Decoder(Change)


class LmdbStore:
    """The default store.

    Args:
        path: its directory, made if absent.
        map_bytes: the most it can ever hold.

    Raises:
        StoreError: when the directory cannot be used.
    """

    def __init__(self, path: Path, map_bytes: int = MAP_BYTES) -> None:
        with _mapped(path):
            path.mkdir(parents=True, exist_ok=True)
            self._env = lmdb.open(str(path), map_size=map_bytes, max_dbs=len(DATABASES), max_readers=READERS)
            self._env.reader_check()
            opened = map(self._env.open_db, DATABASES)
            self._records, self._keys, self._outbox, self._meta, self._names, self._changes = opened

    @contextmanager
    def _begin(self, *, write: bool = False) -> Iterator[lmdb.Transaction]:
        with _mapped(self._env.path()), self._env.begin(self._records, write=write) as txn:
            yield txn

    def load(self, customer_id: str) -> Record | None:
        """The record, or None."""
        with self._begin() as txn:
            return _read(txn, customer_id)

    def packed(self, customer_id: str) -> bytes | None:
        """The record as bytes, or None."""
        with self._begin() as txn:
            packed = txn.get(customer_id.encode())
            return None if packed is None else bytes(packed)

    def put(self, records: Iterable[Record]) -> int:
        """Upsert in transactions of 1,000 records."""
        count = 0
        for lump in _lumps(records):
            with self._begin(write=True) as txn:
                for record in lump:
                    stored = _read(txn, record.customer_id)
                    self._note(txn, consents_said(record, stored, now_ms()))
                    _write(txn, upsert(stored, record))
            count += len(lump)
        return count

    def apply(self, interactions: Sequence[Interaction], names: int = Bounds.names) -> list[str | FieldError]:
        """Event, record, duplicate mark and outbox change in one transaction."""
        named: dict[str, Names] = {}
        with self._begin(write=True) as txn:
            statuses = [self._count(txn, named, interaction, names) for interaction in interactions]
            keeping = self._keeping(txn)
            for customer_id, held in named.items():
                _write(txn, held.counted(_read(txn, customer_id) or Record(customer_id), keeping))
                if held.grown:
                    txn.put(customer_id.encode(), held.pack(), db=self._names)
        return statuses

    def _count(
        self, txn: lmdb.Transaction, named: dict[str, Names], interaction: Interaction, most: int
    ) -> str | FieldError:
        customer_id = interaction.customer_id
        mark = f"{customer_id}\0{interaction.key}".encode()
        if txn.get(mark, db=self._keys) is not None:
            return "duplicate"
        if customer_id not in named:
            named[customer_id] = Names(bytes(txn.get(customer_id.encode(), b"", db=self._names)), most)
        if refused := named[customer_id].take(interaction):
            return refused
        number = NUMBER.pack(self._last(txn, self._outbox) + 1)
        txn.put(mark, number, db=self._keys)
        txn.put(number, msgspec.msgpack.encode(interaction), db=self._outbox, append=True)
        return "recorded"

    def _last(self, txn: lmdb.Transaction, numbered: Any) -> int:
        """The number that was given last."""
        cursor = txn.cursor(numbered)
        return int(NUMBER.unpack(cursor.key())[0]) if cursor.last() else 0

    def tail(self, after: int, limit: int) -> list[tuple[int, Interaction]]:
        """Interactions above a number, in the order they were counted: numbers are given inside the transaction."""
        with self._begin() as txn:
            return [(number, _INTERACTION.decode(packed)) for number, packed in _above(txn, self._outbox, after, limit)]

    def changes(self, after: int, limit: int) -> list[tuple[int, Change]]:
        """Changes above a number, in the order they were taken."""
        with self._begin() as txn:
            return [(number, _CHANGE.decode(packed)) for number, packed in _above(txn, self._changes, after, limit)]

    def interactions(self, customer_id: str) -> list[Interaction]:
        """Everything one customer did or met, in no order."""
        with self._begin() as txn:
            return self._happened(txn, customer_id)

    def _happened(self, txn: lmdb.Transaction, customer_id: str) -> list[Interaction]:
        prefix, found = f"{customer_id}\0".encode(), list[Interaction]()
        cursor = txn.cursor(self._keys)
        for mark, number in cursor if cursor.set_range(prefix) else ():
            if bytes(mark[: len(prefix)]) != prefix:
                break
            packed = txn.get(bytes(number), db=self._outbox)
            if packed is not None:
                found.append(_INTERACTION.decode(packed))
        return found

    def kept(self) -> tuple[Keeping, bool]:
        """How much of histories is kept, and whether every record has it."""
        with self._begin() as txn:
            return self._keeping(txn), txn.get(REBUILDING, db=self._meta) is None

    def _keeping(self, txn: lmdb.Transaction) -> Keeping:
        packed = txn.get(KEEPING, db=self._meta)
        return USUAL if packed is None else _KEEPING.decode(packed)

    def rebuild(self, keeping: Keeping) -> Iterator[int]:
        """From now on keep so much, and make every record again; yields how many were made, lump by lump."""
        after = self._start(keeping)
        while True:
            with self._begin(write=True) as txn:
                done = list(islice(_ids_after(txn, after), REBUILT))
                for customer_id in done:
                    record = _read(txn, customer_id) or Record(customer_id)
                    _write(txn, rebuilt(record, self._happened(txn, customer_id), keeping))
                if not done:
                    txn.delete(REBUILDING, db=self._meta)
                    return
                after = done[-1]
                txn.put(REBUILDING, after.encode(), db=self._meta)
            yield len(done)

    def _start(self, keeping: Keeping) -> str:
        """The customer after whom to go on: of a rebuild to the same end that was broken off, else none."""
        with self._begin(write=True) as txn:
            held = txn.get(REBUILDING, db=self._meta) if self._keeping(txn) == keeping else None
            txn.put(KEEPING, msgspec.msgpack.encode(keeping), db=self._meta)
            after = bytes(held or b"")
            txn.put(REBUILDING, after, db=self._meta)
        return after.decode()

    def count(self) -> int:
        """How many records there are."""
        with self._begin() as txn:
            return int(txn.stat(self._records)["entries"])

    def set_consent(self, customer_id: str, consent: Consent) -> int:
        """Durable before the return: LMDB syncs on commit."""
        with self._begin(write=True) as txn:
            record = set_consent(_read(txn, customer_id) or Record(customer_id), consent)
            _write(txn, record)
            self._note(txn, [Change("consent", customer_id, now_ms(), consent)])
        return record.revision

    def set_preferences(self, customer_id: str, preferences: Preferences) -> int:
        """Durable before the return: LMDB syncs on commit."""
        with self._begin(write=True) as txn:
            record = set_preferences(_read(txn, customer_id) or Record(customer_id), preferences)
            _write(txn, record)
            self._note(txn, [Change("preferences", customer_id, now_ms(), preferences=preferences)])
        return record.revision

    def _note(self, txn: lmdb.Transaction, changes: Iterable[Change]) -> None:
        """Keep changes for the journal, in the transaction that makes them."""
        for number, change in enumerate(changes, self._last(txn, self._changes) + 1):
            txn.put(NUMBER.pack(number), msgspec.msgpack.encode(change), db=self._changes, append=True)

    def scan(self) -> Iterator[Record]:
        """Every record, by id."""
        with self._begin() as txn:
            for _, packed in txn.cursor():
                yield decode(bytes(packed))

    def close(self) -> None:
        """Release the file."""
        self._env.close()


@contextmanager
def _mapped(path: Path | str) -> Iterator[None]:
    """LMDB's errors as the store's own."""
    try:
        yield
    except lmdb.MapFullError as error:
        raise StoreFullError(f"{path} is full; start with a larger map") from error
    except (lmdb.Error, OSError) as error:
        raise StoreError(f"{path} cannot be used: {error}") from error


def _above(txn: lmdb.Transaction, numbered: Any, after: int, limit: int) -> Iterator[tuple[int, bytes]]:
    """What is kept under the numbers above one."""
    cursor = txn.cursor(numbered)
    for number, packed in islice(cursor, limit) if cursor.set_range(NUMBER.pack(after + 1)) else ():
        yield int(NUMBER.unpack(number)[0]), bytes(packed)


def _read(txn: lmdb.Transaction, customer_id: str) -> Record | None:
    packed = txn.get(customer_id.encode())
    return None if packed is None else decode(bytes(packed))


def _write(txn: lmdb.Transaction, record: Record) -> None:
    txn.put(record.customer_id.encode(), encode(record))


def _ids_after(txn: lmdb.Transaction, after: str) -> Iterator[str]:
    cursor = txn.cursor()
    if cursor.set_range(after.encode() + b"\0") if after else cursor.first():
        for key in cursor.iternext(keys=True, values=False):
            yield bytes(key).decode()


def _lumps(records: Iterable[Record]) -> Iterator[list[Record]]:
    source = iter(records)
    while lump := list(islice(source, LUMP)):
        yield lump
