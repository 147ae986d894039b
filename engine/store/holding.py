"""Record and reservations together: two files, of which what counts is counted at every moment, and once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial

import lmdb
import msgspec

from engine.customer.formats import decode
from engine.customer.record import Interaction, Record
from engine.store.people import People
from engine.store.protocol import StoreError
from engine.store.reservation import (
    Held,
    Promise,
    Reservation,
    contacts_of,
    every_id,
    every_mark,
    marks_of,
    may_settle,
    without,
)
from engine.store.reserved import Reserved

SETTLED = b"settled"  # id -> marks of what was reserved under it and has happened, while that stands in both files
Marks = dict[str, list[str]]
Reservations = dict[str, list[Reservation]]
_MARKS = msgspec.msgpack.Decoder(list[str])


class Holding:
    """Holds, reserves, releases and settles.

    Args:
        env: of the records.
        begin: a transaction for reading, there.
        people: the records.
        reserved: the reservations.
    """

    def __init__(
        self,
        env: lmdb.Environment,
        begin: Callable[[], AbstractContextManager[lmdb.Transaction]],
        people: People,
        reserved: Reserved,
    ) -> None:
        self._settled = env.open_db(SETTLED)
        self._begin, self._people, self._reserved = begin, people, reserved

    def hold(self, customer_id: str) -> Held:
        """The record and what is reserved, of one moment: the reservations are read before it, and looked at after."""
        ids: tuple[str, ...] = (customer_id,)
        while True:
            stamp = self._reserved.packed(ids)
            reservations = self._reserved.read(stamp)
            with self._begin() as txn:
                packed = self._people.packed(txn, customer_id)
                marks = [mark for name in ids for mark in self._marks(txn, name)] if reservations else []
            record = decode(packed) if packed else None
            found = every_id(customer_id, record)
            if found == ids and not reservations:
                return Held(ids[0], record, packed, (), stamp)
            if found == ids and self._reserved.packed(ids) == stamp:
                return Held(ids[0], record, packed, contacts_of(without(reservations, marks)), stamp)
            ids = found

    def reserve(self, held: Held, promise: Promise) -> bool:
        """Take contacts from the caps, if record and reservations are as held."""

        def unchanged() -> bool:
            with self._begin() as txn:
                return self._people.packed(txn, held.customer_id) == held.packed

        return self._reserved.add(held, promise, unchanged)

    def release(self, customer_id: str, decision_id: str) -> int:
        """Give back what was not shown."""
        released: list[Reservation] = []

        def kept(reservations: list[Reservation]) -> Iterator[Reservation]:
            for each in reservations:
                if each.decision_id == decision_id:
                    released.append(each)
                else:
                    yield each

        for name in self.hold(customer_id).ids:
            self._reserved.change(name, kept)
        return len(released)

    def mark(self, txn: lmdb.Transaction, record: Record, happened: Sequence[Interaction]) -> Marks:
        """Mark what was reserved and has now happened; to be done in the transaction that counts it.

        Returns:
            id -> marks, for `settle` after the transaction.
        """
        expected = [each for each in happened if may_settle(each)]
        made = Marks()
        for name in every_id(record.customer_id, record) if expected else ():
            reservations = self._reserved.read(self._reserved.packed([name]))
            marks = marks_of(reservations, expected)
            if marks:
                open_marks = set(every_mark(reservations))
                standing = [mark for mark in self._marks(txn, name) if mark in open_marks]
                txn.put(name.encode(), msgspec.msgpack.encode([*standing, *marks]), db=self._settled)
                made[name] = marks
        return made

    def settle(self, marked: Marks) -> None:
        """Take out of the reservations what the history counts from now on."""
        for name, marks in marked.items():
            with suppress(StoreError):  # it is counted, and its mark says so to whoever meets what is left
                self._reserved.change(name, partial(without, marks=marks))

    def forget(self, txn: lmdb.Transaction, ids: Sequence[str]) -> Reservations:
        """Let go the marks of somebody; returns what was reserved for them, for `drop` after the transaction."""
        for name in ids:
            txn.delete(name.encode(), db=self._settled)
        return {name: self._reserved.read(self._reserved.packed([name])) for name in ids}

    def drop(self, reserved: Reservations) -> None:
        """Let go what was reserved for somebody who is forgotten, and nothing of who came after them."""
        for name, own in reserved.items():
            with suppress(StoreError):  # it runs out
                self._reserved.change(name, partial(_but, own))

    def _marks(self, txn: lmdb.Transaction, customer_id: str) -> list[str]:
        packed = txn.get(customer_id.encode(), db=self._settled)
        return [] if packed is None else _MARKS.decode(packed)

    def close(self) -> None:
        """Release the files of the reservations."""
        self._reserved.close()


def _but(gone: list[Reservation], reservations: list[Reservation]) -> list[Reservation]:
    return [each for each in reservations if each not in gone]
