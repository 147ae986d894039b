"""Records in LMDB under every id of a person: the record under the canonical one, the others point there."""

from collections.abc import Iterator
from typing import Any

import lmdb

from engine.customer.formats import decode, encode
from engine.customer.identity import Link
from engine.customer.record import Record
from engine.customer.said import upsert
from engine.store.merge import merged

RECORDS, IDS = b"records", b"ids"


class People:
    """Reads and writes inside a transaction that somebody else holds.

    Args:
        env: holds the databases.
    """

    def __init__(self, env: lmdb.Environment) -> None:
        self._records, self._ids = env.open_db(RECORDS), env.open_db(IDS)

    def canonical(self, txn: lmdb.Transaction, customer_id: str) -> str:
        """The id that the person's record stands under."""
        name = customer_id.encode()
        return bytes(txn.get(name, name, db=self._ids)).decode()

    def read(self, txn: lmdb.Transaction, customer_id: str) -> Record | None:
        """One read; for an id that is not the canonical one, three."""
        packed = self.packed(txn, customer_id)
        return decode(packed) if packed else None

    def packed(self, txn: lmdb.Transaction, customer_id: str) -> bytes:
        """The record as stored; empty when there is none."""
        name = customer_id.encode()
        packed = txn.get(name, db=self._records)
        if packed is None and (canonical := txn.get(name, db=self._ids)) is not None:
            packed = txn.get(canonical, db=self._records)
        return bytes(packed or b"")

    def get(self, txn: lmdb.Transaction, customer_id: str) -> Record:
        """The record; an empty one of somebody who is not known yet."""
        return self.read(txn, customer_id) or Record(customer_id)

    def write(self, txn: lmdb.Transaction, record: Record) -> None:
        """Keep a record."""
        insert(txn, self._records, record.customer_id.encode(), encode(record))

    def say(self, txn: lmdb.Transaction, said: Record) -> Record:
        """Add what is said of a person under one id."""
        record = upsert(self.get(txn, said.customer_id), said)
        self.write(txn, record)
        return record

    def join(self, txn: lmdb.Transaction, said: Link) -> tuple[Record, list[str]]:
        """The record after a link, and the ids that came to it, of which its history has nothing yet.

        Raises:
            FieldError: when the person would have too many ids; nothing was changed.
        """
        record, replaced = merged(lambda name: self.read(txn, name), said)
        for each in replaced:
            self.forget(txn, each)
        if replaced:
            self.write(txn, record)
            for name in record.ids:
                if name != record.customer_id:
                    txn.put(name.encode(), record.customer_id.encode(), db=self._ids)
        return record, [name for each in replaced[1:] for name in each.ids]

    def forget(self, txn: lmdb.Transaction, record: Record) -> None:
        """Let go a record and its ids."""
        txn.delete(record.customer_id.encode(), db=self._records)
        for name in record.ids:
            txn.delete(name.encode(), db=self._ids)

    def every(self, txn: lmdb.Transaction) -> Iterator[Record]:
        """Every record, by id."""
        for _, packed in txn.cursor(self._records):
            yield decode(bytes(packed))

    def after(self, txn: lmdb.Transaction, customer_id: str) -> Iterator[str]:
        """Canonical ids after one, sorted."""
        cursor = txn.cursor(self._records)
        if cursor.set_range(customer_id.encode() + b"\0") if customer_id else cursor.first():
            for key in cursor.iternext(keys=True, values=False):
                yield bytes(key).decode()

    def names(self, txn: lmdb.Transaction) -> Iterator[str]:
        """Every id of everybody; some twice."""
        for database in (self._records, self._ids):
            for name in txn.cursor(database).iternext(values=False):
                yield bytes(name).decode()

    def before(self, txn: lmdb.Transaction, customer_id: str) -> str:
        """The canonical id before one; empty when there is none."""
        cursor = txn.cursor(self._records)
        there = cursor.prev() if cursor.set_range(customer_id.encode()) else cursor.last()
        return bytes(cursor.key()).decode() if there else ""

    def count(self, txn: lmdb.Transaction) -> int:
        """How many there are."""
        return int(txn.stat(self._records)["entries"])


def insert(txn: lmdb.Transaction, database: Any, key: bytes, value: bytes) -> None:
    """Put; what sorts last, as all of a first import does, is appended: it fills pages, others leave them half full."""
    if not txn.put(key, value, append=True, db=database):
        txn.put(key, value, db=database)
