"""Records in LMDB: several worker processes share one file, and what is acknowledged is on disk."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path

import lmdb
import msgspec

from engine.customer.change import apply_interactions
from engine.customer.changes import Change, news
from engine.customer.checks import Bounds, ErasedError, FieldError
from engine.customer.identity import Link
from engine.customer.names import Names
from engine.customer.record import Consent, Interaction, Record, Wish
from engine.customer.said import said_last
from engine.decide.keeping import USUAL, Keeping
from engine.decide.request import Preferences
from engine.store.erased import COUNT, Erased
from engine.store.holding import Holding, Marks
from engine.store.leaving import CHANGE, REBUILDING, Leaving
from engine.store.mapped import Mapped
from engine.store.merge import Batch, missing, now_ms, rebuilt
from engine.store.numbered import NUMBER, above, last
from engine.store.people import People, insert
from engine.store.reservation import Held, Promise
from engine.store.reserved import Reserved
from engine.store.wipe import wash

MAP_BYTES = 256 << 30  # of addresses: only what is written takes space
READERS = 512
LUMP = 1_000
REBUILT = 500  # records in one transaction: what a broken-off rebuild does again
DATABASES = (b"keys", b"outbox by number", b"meta", b"names", b"changes by number")
DATABASES_MOST = 16  # those of people and of the erased among them
KEEPING = b"keeping"  # in `meta`: how much of histories is kept
_KEEPING = msgspec.msgpack.Decoder(Keeping)
_ENCODER = msgspec.msgpack.Encoder()
_INTERACTION = msgspec.msgpack.Decoder(Interaction)


class LmdbStore(Leaving):
    """The default store.

    Args:
        path: its directory, made if absent.
        map_bytes: the most it can ever hold.

    Raises:
        StoreError: when the directory cannot be used.
    """

    def __init__(self, path: Path, map_bytes: int = MAP_BYTES) -> None:
        self._mapped = Mapped(path)
        with self._mapped:
            path.mkdir(parents=True, exist_ok=True)
            self._env = lmdb.open(str(path), map_size=map_bytes, max_dbs=DATABASES_MOST, max_readers=READERS)
            self._env.reader_check()
            opened = map(self._env.open_db, DATABASES)
            self._keys, self._outbox, self._meta, self._names, self._changes = opened
            self._people, self._erased = People(self._env), Erased(self._env, path)
            with self._env.begin() as txn:
                self._washed = txn.get(COUNT, db=self._meta)
            self._holding = Holding(self._env, self._begin, self._people, Reserved(path / "reserved"))

    @contextmanager
    def _begin(self, *, write: bool = False) -> Iterator[lmdb.Transaction]:
        with self._mapped:
            while True:
                with self._env.begin(write=write) as txn:
                    erasures = txn.get(COUNT, db=self._meta) if write else self._washed
                    if erasures == self._washed:
                        yield txn
                        return
                wash(self._env, self._names)  # pages in our memory may hold what was erased since
                self._washed = erasures

    def load(self, customer_id: str) -> Record | None:
        """The record, or None."""
        with self._begin() as txn:
            return self._people.read(txn, customer_id)

    def hold(self, customer_id: str) -> Held:
        """The record and what is reserved, of one moment."""
        return self._holding.hold(customer_id)

    def reserve(self, held: Held, promise: Promise) -> bool:
        """Take contacts from the caps; under the lock of the reservations, both are compared with what was held."""
        return self._holding.reserve(held, promise)

    def release(self, customer_id: str, decision_id: str) -> int:
        """Give back what was not shown."""
        return self._holding.release(customer_id, decision_id)

    def put(self, records: Iterable[Record]) -> int:
        """Upsert in transactions of 1,000 records."""
        count = 0
        for lump in _lumps(records):
            with self._begin(write=True) as txn:
                taken = [record for record in lump if not self._erased.holds(txn, record.customer_id)]
                for record in taken:
                    self._say(txn, record)
            count += len(taken)
        return count

    def apply(self, interactions: Sequence[Interaction], names: int = Bounds.names) -> list[str | FieldError]:
        """Event, record, links, duplicate mark and outbox change in one transaction; after it reservations settle."""
        with self._begin(write=True) as txn:
            batch = Batch(lambda name: Names(bytes(txn.get(name.encode(), b"", db=self._names)), names))
            numbers = count(last(txn, self._outbox) + 1)
            statuses = [self._count(txn, batch, numbers, interaction) for interaction in interactions]
            marked = self._remember(txn, batch)
            for customer_id, held in batch.names.items():
                if held.grown:
                    insert(txn, self._names, customer_id.encode(), held.pack())
        self._holding.settle(marked)
        return statuses

    def _count(
        self, txn: lmdb.Transaction, batch: Batch, numbers: Iterator[int], interaction: Interaction
    ) -> str | FieldError:
        mark = f"{interaction.customer_id}\0{interaction.key}".encode()
        if txn.get(mark, db=self._keys) is not None:
            return "duplicate"
        if refused := self._refused(txn, interaction) or batch.refusal(
            interaction, lambda said: self._join(txn, batch, said)
        ):
            return refused
        number = NUMBER.pack(next(numbers))
        insert(txn, self._keys, mark, number)
        insert(txn, self._outbox, number, _ENCODER.encode(interaction))
        batch.happened.setdefault(interaction.customer_id, []).append(interaction)
        return "recorded"

    def _refused(self, txn: lmdb.Transaction, interaction: Interaction) -> ErasedError | None:
        if self._erased.holds(txn, interaction.customer_id):
            return ErasedError("customer_id")
        if interaction.also_known_as and self._erased.holds(txn, interaction.also_known_as):
            return ErasedError("also_known_as")
        return None

    def _join(self, txn: lmdb.Transaction, batch: Batch, said: Link) -> None:
        record, added = self._people.join(txn, said)
        if added and not self._complete(txn):  # then the two may keep different things: both are told again
            self._people.write(txn, rebuilt(record, (), self._keeping(txn)))
            added = record.ids
        batch.whole.update(added)
        self._note(txn, [Change("link", said.one, now_ms(), other=said.other)])

    def _remember(self, txn: lmdb.Transaction, batch: Batch) -> Marks:
        """Tell the histories in the records what the batch brought; returns what was reserved of it."""
        keeping, people, marked = self._keeping(txn), self._people, Marks()
        told = batch.by_person(lambda name: people.canonical(txn, name), lambda name: self._happened(txn, [name]))
        for customer_id, own in told.items():
            record = apply_interactions(people.get(txn, customer_id), own, keeping)
            people.write(txn, record)
            marked |= self._holding.mark(txn, record, own)
        for name, missed_ms in batch.missed(keeping):
            people.write(txn, missing(people.get(txn, name), missed_ms))
        return marked

    def link(self, links: Sequence[Link]) -> Record:
        """All of them or none; durable before the return: LMDB syncs on commit."""
        with self._begin(write=True) as txn:
            batch = Batch(lambda _: Names(b"", 0))
            for said in links:
                self._admit(txn, said.one, said.other)
                self._join(txn, batch, said)
            self._remember(txn, batch)
            return self._people.get(txn, links[0].one)

    def tail(self, after: int, limit: int) -> list[tuple[int, Interaction]]:
        """Interactions above a number, in the order they were counted: numbers are given inside the transaction."""
        with self._begin() as txn:
            return [(number, _INTERACTION.decode(packed)) for number, packed in above(txn, self._outbox, after, limit)]

    def changes(self, after: int, limit: int) -> list[tuple[int, Change]]:
        """Changes above a number, in the order they were taken."""
        with self._begin() as txn:
            return [(number, CHANGE.decode(packed)) for number, packed in above(txn, self._changes, after, limit)]

    def interactions(self, customer_id: str) -> list[Interaction]:
        """Everything one person did or met under any of their ids, in no order."""
        with self._begin() as txn:
            return self._happened(txn, self._people.get(txn, customer_id).ids)

    def _happened(self, txn: lmdb.Transaction, ids: Iterable[str]) -> list[Interaction]:
        marked = (number for name in ids for _, number in self._marks(txn, name))
        packed = (txn.get(number, db=self._outbox) for number in marked)
        return [_INTERACTION.decode(each) for each in packed if each]

    def kept(self) -> tuple[Keeping, bool]:
        """How much of histories is kept, and whether every record has it."""
        with self._begin() as txn:
            return self._keeping(txn), self._complete(txn)

    def _complete(self, txn: lmdb.Transaction) -> bool:
        return txn.get(REBUILDING, db=self._meta) is None

    def _keeping(self, txn: lmdb.Transaction) -> Keeping:
        packed = txn.get(KEEPING, db=self._meta)
        return USUAL if packed is None else _KEEPING.decode(packed)

    def rebuild(self, keeping: Keeping) -> Iterator[int]:
        """From now on keep so much, and make every record again; yields how many were made, lump by lump."""
        after = self._start(keeping)
        while True:
            with self._begin(write=True) as txn:
                done = list(islice(self._people.after(txn, after), REBUILT))
                for customer_id in done:
                    record = self._people.get(txn, customer_id)
                    self._people.write(txn, rebuilt(record, self._happened(txn, record.ids), keeping))
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
            return self._people.count(txn)

    def set_consent(self, customer_id: str, consent: Consent, *, now: bool = False) -> int:
        """Durable before the return: LMDB syncs on commit."""
        with self._begin(write=True) as txn:
            self._admit(txn, customer_id)
            said = said_last(self._people.get(txn, customer_id), consent) if now else consent
            return self._say(txn, Record(customer_id, consents=[said])).revision

    def set_preferences(self, customer_id: str, preferences: Preferences, at_ms: int) -> int:
        """Durable before the return: LMDB syncs on commit."""
        with self._begin(write=True) as txn:
            self._admit(txn, customer_id)
            return self._say(txn, Record(customer_id, wishes=[Wish(at_ms, preferences)])).revision

    def _say(self, txn: lmdb.Transaction, said: Record) -> Record:
        """Add what is said of a person, and keep what is new of it for the journal."""
        before = self._people.get(txn, said.customer_id)
        after = self._people.say(txn, said)
        self._note(txn, news(before, after, said.customer_id, now_ms()))
        return after

    def _note(self, txn: lmdb.Transaction, changes: Iterable[Change]) -> None:
        """Keep changes for the journal, in the transaction that makes them."""
        for number, change in enumerate(changes, last(txn, self._changes) + 1):
            txn.put(NUMBER.pack(number), msgspec.msgpack.encode(change), db=self._changes, append=True)

    def scan(self) -> Iterator[Record]:
        """Every record, by id."""
        with self._begin() as txn:
            yield from self._people.every(txn)

    def close(self) -> None:
        """Release the files."""
        self._holding.close()
        self._env.close()


def _lumps(records: Iterable[Record]) -> Iterator[list[Record]]:
    source = iter(records)
    while lump := list(islice(source, LUMP)):
        yield lump
