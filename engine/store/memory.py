"""Records in memory: for tests and trials; passes the same suite as the others."""

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

from engine.customer.change import apply_interactions
from engine.customer.changes import Change, news
from engine.customer.checks import Bounds, ErasedError, FieldError
from engine.customer.formats import encode
from engine.customer.identity import Link
from engine.customer.names import Names
from engine.customer.record import Consent, Interaction, Record, Wish
from engine.customer.said import said_last, upsert
from engine.decide.keeping import USUAL, Keeping
from engine.decide.request import Preferences
from engine.store.merge import Batch, merged, missing, now_ms, rebuilt
from engine.store.reservation import (
    Held,
    Promise,
    Reservation,
    contacts_of,
    every_id,
    live,
    mark_of,
    may_settle,
    promised,
    without,
)


class MemoryStore:
    """One process, nothing on disk."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._canonical: dict[str, str] = {}
        self._outbox: list[Interaction | None] = []
        self._happened: dict[str, dict[str, int]] = {}
        self._changes: list[Change | None] = []
        self._names: dict[str, bytes] = {}
        self._erased: set[str] = set()
        self._keeping = USUAL
        self._reserved: dict[str, list[Reservation]] = {}
        self._lock = threading.RLock()

    def hold(self, customer_id: str) -> Held:
        """The record and what is reserved."""
        with self._lock:
            record = self.load(customer_id)
            ids = every_id(customer_id, record)
            reserved = [each for name in ids for each in live(self._reserved.get(name, []), _uptime_ms())]
            stamp = (msgspec.msgpack.encode(reserved),)
            return Held(ids[0], record, encode(record) if record else b"", contacts_of(reserved), stamp)

    def reserve(self, held: Held, promise: Promise) -> bool:
        """Take contacts from the caps."""
        with self._lock:
            if self.hold(held.customer_id) != held:
                return False
            self._reserved.setdefault(held.customer_id, []).extend(promised(promise, _uptime_ms()))
            return True

    def release(self, customer_id: str, decision_id: str) -> int:
        """Give back what was not shown."""
        with self._lock:
            before = [(name, self._reserved.get(name, [])) for name in self.hold(customer_id).ids]
            for name, own in before:
                self._reserved[name] = [each for each in own if each.decision_id != decision_id]
            return sum(each.decision_id == decision_id for _, own in before for each in own)

    def load(self, customer_id: str) -> Record | None:
        """The record, or None."""
        return self._records.get(self._canonical.get(customer_id, customer_id))

    def _get(self, customer_id: str) -> Record:
        return self.load(customer_id) or Record(customer_id)

    def _write(self, record: Record) -> Record:
        self._records[record.customer_id] = record
        return record

    def _say(self, said: Record) -> Record:
        before = self._get(said.customer_id)
        after = self._write(upsert(before, said))
        self._changes += news(before, after, said.customer_id, now_ms())
        return after

    def put(self, records: Iterable[Record]) -> int:
        """Upsert."""
        return len([self._say(record) for record in records if record.customer_id not in self._erased])

    def apply(self, interactions: Sequence[Interaction], names: int = Bounds.names) -> list[str | FieldError]:
        """Count a batch."""
        with self._lock:
            return [self._count(interaction, names) for interaction in interactions]

    def _count(self, interaction: Interaction, names: int) -> str | FieldError:
        name = interaction.customer_id
        own = self._happened.setdefault(name, {})
        if interaction.key in own:
            return "duplicate"
        for path in ("customer_id", "also_known_as"):
            if getattr(interaction, path) in self._erased:
                return ErasedError(path)
        batch = Batch(lambda name: Names(self._names.get(name, b""), names))
        refused = batch.refusal(interaction, self._join)
        for name, missed_ms in batch.missed(self._keeping):
            self._write(missing(self._get(name), missed_ms))
        self._names[name] = batch.names[name].pack()
        if refused:
            return refused
        own[interaction.key] = len(self._outbox)
        self._outbox.append(interaction)
        record = self._write(apply_interactions(self._get(name), [interaction], self._keeping))
        for each in every_id(name, record) if may_settle(interaction) else ():
            self._reserved[each] = without(self._reserved.get(each, []), [mark_of(interaction)])
        return "recorded"

    def link(self, links: Sequence[Link]) -> Record:
        """All of them or none."""
        self._admit(name for said in links for name in (said.one, said.other))
        before = dict(self._records), dict(self._canonical), list(self._changes)
        try:
            return [self._join(said) for said in links][-1]
        except FieldError:
            self._records, self._canonical, self._changes = before
            raise

    def _join(self, said: Link) -> Record:
        record, replaced = merged(self.load, said)
        for each in replaced:
            self._forget(each)
        self._changes.append(Change("link", said.one, now_ms(), other=said.other))
        self._canonical |= dict.fromkeys(record.ids, record.customer_id)
        return self._write(rebuilt(record, self._all(record.ids), self._keeping) if replaced else record)

    def _forget(self, record: Record) -> None:
        self._records.pop(record.customer_id, None)
        for name in record.ids:
            self._canonical.pop(name, None)

    def _admit(self, names: Iterable[str]) -> None:
        if not self._erased.isdisjoint(names):
            raise ErasedError("customer_id")

    def erased(self, customer_id: str) -> bool:
        """Whether an id was erased and not readmitted."""
        return customer_id in self._erased

    def said(self, names: Collection[str]) -> list[tuple[int, Change]]:
        """Changes about some people."""
        every = self.changes(0, len(self._changes))
        return [(number, each) for number, each in every if each.customer_id in names or each.other in names]

    def sweeping(self) -> list[str]:
        """Nothing is in any file."""
        return []

    def sweep(self, names: Collection[str]) -> None:
        """Nothing is in any file."""

    def readmit(self, customer_id: str) -> bool:
        """Take an id again; false when it was not erased."""
        known = customer_id in self._erased
        self._erased.discard(customer_id)
        return known

    def erase(self, customer_id: str) -> list[str]:
        """Forget a person; numbers stay given."""
        record = self.load(customer_id)
        self._erased.update(record.ids if record else [customer_id])
        if record is None:
            return []
        for name in record.ids:
            self._names.pop(name, None)
            self._reserved.pop(name, None)
            for number in self._happened.pop(name, {}).values():
                self._outbox[number] = None
        gone = set(record.ids)
        self._changes = [
            each if each and gone.isdisjoint((each.customer_id, each.other)) else None for each in self._changes
        ]
        self._forget(record)
        return record.ids

    def tail(self, after: int, limit: int) -> list[tuple[int, Interaction]]:
        """Interactions above a number, in the order they were counted."""
        rest = enumerate(self._outbox[after:], after + 1)
        return [(number, each) for number, each in rest if each is not None][:limit]

    def changes(self, after: int, limit: int) -> list[tuple[int, Change]]:
        """Changes above a number, in the order they were taken."""
        rest = enumerate(self._changes[after:], after + 1)
        return [(number, each) for number, each in rest if each is not None][:limit]

    def interactions(self, customer_id: str) -> list[Interaction]:
        """Everything one person did or met under any of their ids, in no order."""
        return self._all(self._get(customer_id).ids)

    def _all(self, ids: Iterable[str]) -> list[Interaction]:
        found = (self._outbox[number] for name in ids for number in self._happened.get(name, {}).values())
        return [each for each in found if each is not None]

    def kept(self) -> tuple[Keeping, bool]:
        """How much of histories is kept, and whether every record has it."""
        return self._keeping, True

    def rebuild(self, keeping: Keeping) -> Iterator[int]:
        """From now on keep so much, and make every record again; yields how many were made, lump by lump."""
        self._keeping = keeping
        for customer_id, record in self._records.items():
            self._records[customer_id] = rebuilt(record, self._all(record.ids), keeping)
        yield len(self._records)

    def count(self) -> int:
        """How many records there are."""
        return len(self._records)

    def set_consent(self, customer_id: str, consent: Consent, *, now: bool = False) -> int:
        """Take one consent."""
        with self._lock:
            self._admit([customer_id])
            said = said_last(self._get(customer_id), consent) if now else consent
            return self._say(Record(customer_id, consents=[said])).revision

    def set_preferences(self, customer_id: str, preferences: Preferences, at_ms: int) -> int:
        """Take the customer's own rules."""
        self._admit([customer_id])
        return self._say(Record(customer_id, wishes=[Wish(at_ms, preferences)])).revision

    def scan(self) -> Iterator[Record]:
        """Every record, by id."""
        return iter([self._records[customer_id] for customer_id in sorted(self._records)])

    def close(self) -> None:
        """Nothing to release."""


def _uptime_ms() -> int:
    return time.monotonic_ns() // 1_000_000
