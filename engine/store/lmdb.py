"""Records in LMDB: several worker processes share one file, and what is acknowledged is on disk."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import lmdb
import msgspec

from engine.customer.change import apply_interaction, set_consent, set_preferences
from engine.customer.record import Consent, Interaction, Record, decode, encode
from engine.decide.request import Preferences
from engine.store.merge import upsert
from engine.store.protocol import StoreError, StoreFullError

MAP_BYTES = 4 << 30  # sparse: only what is written takes space
READERS = 512
LUMP = 1_000
DATABASES = (b"records", b"keys", b"outbox by number")
NUMBER = struct.Struct(">Q")  # big-endian, so that LMDB's order is the numbers'
_INTERACTION = msgspec.msgpack.Decoder(Interaction)


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
            self._env = lmdb.open(str(path), map_size=map_bytes, max_dbs=3, max_readers=READERS)
            self._env.reader_check()
            self._records, self._keys, self._outbox = map(self._env.open_db, DATABASES)

    @contextmanager
    def _begin(self, *, write: bool = False) -> Iterator[lmdb.Transaction]:
        with _mapped(self._env.path()), self._env.begin(self._records, write=write) as txn:
            yield txn

    def load(self, customer_id: str) -> Record | None:
        """The record, or None."""
        with self._begin() as txn:
            return _read(txn, customer_id)

    def put(self, records: Iterable[Record]) -> int:
        """Upsert in transactions of 1,000 records."""
        count = 0
        for lump in _lumps(records):
            with self._begin(write=True) as txn:
                for record in lump:
                    _write(txn, upsert(_read(txn, record.customer_id), record))
            count += len(lump)
        return count

    def apply(self, interactions: Sequence[Interaction]) -> list[str]:
        """Event, record, duplicate mark and outbox change in one transaction."""
        changed: dict[str, Record] = {}
        with self._begin(write=True) as txn:
            statuses = [self._count(txn, changed, interaction) for interaction in interactions]
            for record in changed.values():
                _write(txn, record)
        return statuses

    def _count(self, txn: lmdb.Transaction, changed: dict[str, Record], interaction: Interaction) -> str:
        customer_id = interaction.customer_id
        mark = f"{customer_id}\0{interaction.key}".encode()
        if not txn.put(mark, b"", overwrite=False, db=self._keys):
            return "duplicate"
        txn.put(NUMBER.pack(self._last(txn) + 1), msgspec.msgpack.encode(interaction), db=self._outbox, append=True)
        record = changed.get(customer_id) or _read(txn, customer_id) or Record(customer_id)
        changed[customer_id] = apply_interaction(record, interaction)
        return "recorded"

    def _last(self, txn: lmdb.Transaction) -> int:
        """The number of the interaction counted last."""
        cursor = txn.cursor(self._outbox)
        return int(NUMBER.unpack(cursor.key())[0]) if cursor.last() else 0

    def tail(self, after: int, limit: int) -> list[tuple[int, Interaction]]:
        """Interactions above a number, in the order they were counted: numbers are given inside the transaction."""
        with self._begin() as txn:
            cursor = txn.cursor(self._outbox)
            found = islice(cursor, limit) if cursor.set_range(NUMBER.pack(after + 1)) else ()
            return [(NUMBER.unpack(number)[0], _INTERACTION.decode(packed)) for number, packed in found]

    def set_consent(self, customer_id: str, consent: Consent) -> int:
        """Durable before the return: LMDB syncs on commit."""
        with self._begin(write=True) as txn:
            record = set_consent(_read(txn, customer_id) or Record(customer_id), consent)
            _write(txn, record)
        return record.revision

    def set_preferences(self, customer_id: str, preferences: Preferences) -> int:
        """Durable before the return: LMDB syncs on commit."""
        with self._begin(write=True) as txn:
            record = set_preferences(_read(txn, customer_id) or Record(customer_id), preferences)
            _write(txn, record)
        return record.revision

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


def _read(txn: lmdb.Transaction, customer_id: str) -> Record | None:
    packed = txn.get(customer_id.encode())
    return None if packed is None else decode(bytes(packed))


def _write(txn: lmdb.Transaction, record: Record) -> None:
    txn.put(record.customer_id.encode(), encode(record))


def _lumps(records: Iterable[Record]) -> Iterator[list[Record]]:
    source = iter(records)
    while lump := list(islice(source, LUMP)):
        yield lump
