"""Records in Valkey: several machines share them, and replicas hold what is acknowledged."""

import heapq
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

import msgspec

from engine.customer.changes import Change, news
from engine.customer.checks import Bounds, FieldError
from engine.customer.formats import decode
from engine.customer.identity import Link
from engine.customer.record import Consent, Interaction, Record, Wish
from engine.customer.said import said_last, upsert
from engine.decide.keeping import USUAL, Keeping
from engine.decide.request import Preferences
from engine.store.merge import now_ms, rebuilt
from engine.store.reservation import Held, Promise, contacts_of, promised
from engine.store.valkey.address import Address
from engine.store.valkey.connection import Command
from engine.store.valkey.counting import Counting
from engine.store.valkey.erased import Erased
from engine.store.valkey.joining import Joining
from engine.store.valkey.journal import Journal
from engine.store.valkey.keys import HAPPENED, SAID, keeping_key, key, new_token, noted, pack, pairs, touched
from engine.store.valkey.people import Found, Person, Stamp, written
from engine.store.valkey.servers import ALL, SHARDS, Call, Servers

LUMP = 1_000
REBUILT = 500  # records at once: what a broken-off rebuild does again
CLOCKS_MS = 1_000  # that a server which takes over may be ahead: what is reserved lasts so much longer
META = f"meta{{{ALL}}}"
_KEEPING = msgspec.msgpack.Decoder(Keeping)


class ValkeyStore:
    """The store of several machines.

    What `put` and `apply` are given changes person by person: a StoreError may leave some of a batch done. Sent again,
    that is told to be duplicate, or changes nothing.

    Args:
        address: of the servers.

    Raises:
        StoreError: when no primary is found, or it would lose what it acknowledges.
    """

    def __init__(self, address: Address) -> None:
        self._servers = Servers(address)
        self._late_ms = CLOCKS_MS if address.replicas else 0
        self._happened = Journal(self._servers, HAPPENED, msgspec.msgpack.Decoder(Interaction))
        self._said = Journal(self._servers, SAID, msgspec.msgpack.Decoder(Change))
        self._joining = Joining(self._servers, self._happened, self._said)
        self._people = self._joining.people
        self._erased = Erased(self._servers)
        self._counting = Counting(self._joining, self._erased)

    def _find(self, customer_id: str) -> Person:
        return self._people.find({customer_id: ()})[customer_id]

    def load(self, customer_id: str) -> Record | None:
        """The record, or None."""
        packed = self.packed(customer_id)
        return decode(packed) if packed else None

    def packed(self, customer_id: str) -> bytes | None:
        """The record as bytes, or None."""
        return self._find(customer_id).packed or None

    def hold(self, customer_id: str) -> Held:
        """The record and what is reserved, of one moment."""
        person = self._find(customer_id)
        reserved = contacts_of(each for own in person.live.values() for each in own)
        record = person.record if person.packed else None
        stamp = person.name.encode(), person.token, person.keeping
        return Held(person.name, record, person.packed, reserved, stamp)

    def reserve(self, held: Held, promise: Promise) -> bool:
        """Take contacts from the caps; they run out by the server's clock."""
        name, *tokens = held.stamp
        stamp, place = Stamp(name.decode(), *tokens), key("v", held.customer_id)
        lasts_ms = round(promise.lasts_s * 1000) + self._late_ms
        field = f"{promise.decision_id}\0".encode() + new_token()
        taken: Command = ("RESERVE", place, field, lasts_ms, pack(promised(promise, 0)))
        return self._people.commit([(stamp, [touched(stamp.name), taken])])[0]

    def release(self, customer_id: str, decision_id: str) -> int:
        """Give back what was not shown."""
        released, prefix = 0, f"{decision_id}\0".encode()

        def make(own: Found) -> list[Command]:
            nonlocal released
            (person,) = own.values()
            given = {name: len(each) for name, each in person.live.items() if name.startswith(prefix)}
            released = sum(given.values())
            return [("HDEL", key("v", person.name), *given), touched(person.name)] if given else []

        self._people.change({customer_id: ()}, make)
        return released

    def put(self, records: Iterable[Record]) -> int:
        """Upsert, 1,000 records at once."""
        count, rest = 0, iter(records)
        while lump := list(islice(rest, LUMP)):
            said: dict[str, list[Record]] = {}
            gone = self._erased.among(record.customer_id for record in lump)
            taken = [record for record in lump if record.customer_id not in gone]
            for record in taken:
                said.setdefault(record.customer_id, []).append(record)
            self._say(said)
            count += len(taken)
        return count

    def _say(self, said: Mapping[str, Sequence[Record]]) -> None:
        """Add what is said of people under their ids."""

        def make(own: Found) -> list[Command]:
            return _changed(next(iter(own.values())), (each for name in own for each in said[name]))

        self._people.change(dict.fromkeys(said, ()), make)

    def _amend(self, customer_id: str, said: Callable[[Record], Record]) -> int:
        """Add what is said of one person, in view of what stands; returns the revision then."""
        revision = 0

        def make(own: Found) -> list[Command]:
            nonlocal revision
            (person,) = own.values()
            self._erased.admit(customer_id)
            new = said(person.record)
            revision = upsert(person.record, new).revision
            return _changed(person, [new])

        self._people.change({customer_id: ()}, make)
        return revision

    def apply(self, interactions: Sequence[Interaction], names: int = Bounds.names) -> list[str | FieldError]:
        """Count a batch, what each person did in one script."""
        return self._counting.count(interactions, names)

    def link(self, links: Sequence[Link]) -> Record:
        """All of them or none, but for a StoreError: then those that were made stay, and it is to be sent again."""
        self._erased.admit(*(name for each in links for name in (each.one, each.other)))
        self._joining.check(links)
        return [self._joining.join(said) for said in links][-1]

    def erase(self, customer_id: str) -> list[str]:
        """Record, ids, links, interactions and duplicate marks; after a StoreError it is to be sent again."""
        person = self._find(customer_id)
        self._erased.add(person.record.ids)
        return self._joining.forget(customer_id)

    def erased(self, customer_id: str) -> bool:
        """Whether an id was erased and not readmitted."""
        return bool(self._erased.among([customer_id]))

    def readmit(self, customer_id: str) -> bool:
        """Take an id again; false when it was not erased."""
        return self._erased.remove(customer_id)

    def said(self, names: Collection[str]) -> list[tuple[int, Change]]:
        """Changes about some people, by all of their ids, in the order they were taken."""
        every = self.changes(0, sys.maxsize)
        return [(number, each) for number, each in every if each.customer_id in names or each.other in names]

    def sweeping(self) -> list[str]:
        """Erased ids whose traces are still to be swept."""
        return self._erased.sweeping()

    def sweep(self, names: Collection[str]) -> None:
        """Forget which ids were to be swept: what is left of them on the servers' disks goes with their rewriting."""
        self._erased.swept(names)

    def tail(self, after: int, limit: int) -> list[tuple[int, Interaction]]:
        """Interactions above a number, in the order they were counted."""
        return self._happened.tail(after, limit)

    def changes(self, after: int, limit: int) -> list[tuple[int, Change]]:
        """Changes above a number, in the order they were taken."""
        return self._said.tail(after, limit)

    def interactions(self, customer_id: str) -> list[Interaction]:
        """Everything one person did or met under any of their ids, in no order."""
        return self._joining.happened(self._find(customer_id))

    def kept(self) -> tuple[Keeping, bool]:
        """How much of histories is kept, and whether every record has it."""
        packed, rebuilding, _ = self._meta()
        return _KEEPING.decode(packed) if packed else USUAL, rebuilding is None

    def _meta(self) -> tuple[bytes | None, bytes | None, bytes | None]:
        """How much is kept, the last customer of an unfinished rebuild, and the token of both."""
        (held,) = self._servers.read([Call(ALL, ("HMGET", META, "keeping", "rebuilding", "token"))])
        return tuple(held)

    def rebuild(self, keeping: Keeping) -> Iterator[int]:
        """From now on keep so much, and make every record again; yields how many were made, lump by lump."""
        ids = self._ids(self._start(keeping))
        while lump := list(islice(ids, REBUILT)):
            for customer_id in lump:
                self._people.change({customer_id: ()}, self._rebuilt)
            self._servers.write([Call(ALL, ("HSET", META, "rebuilding", lump[-1]))])
            yield len(lump)
        self._servers.write([Call(ALL, ("HDEL", META, "rebuilding"))])

    def _rebuilt(self, own: Found) -> list[Command]:
        (person,) = own.values()
        happened, keeping = self._joining.happened(person), self._people.keeping(person)
        return written(person, rebuilt(person.record, happened, keeping))

    def _start(self, keeping: Keeping) -> str:
        """The customer after whom to go on: of a rebuild to the same end that was broken off, else none."""
        packed, held, token = self._meta()
        after = held if packed == pack(keeping) and held is not None and token else b""
        meta = {"keeping": pack(keeping), "rebuilding": after, "token": (token if after else None) or new_token()}
        self._servers.write([Call(ALL, ("HSET", META, *pairs(meta)))])
        own = ("token", meta["token"], "keeping", meta["keeping"])
        self._servers.write(Call(tag, ("HSET", keeping_key(tag), *own)) for tag in SHARDS)
        return after.decode()

    def count(self) -> int:
        """How many records there are."""
        return sum(self._servers.read(Call(tag, ("ZCARD", f"i{{{tag}}}")) for tag in SHARDS))

    def set_consent(self, customer_id: str, consent: Consent, *, now: bool = False) -> int:
        """Durable before the return, on replicas too."""

        def said(record: Record) -> Record:
            return Record(customer_id, consents=[said_last(record, consent) if now else consent])

        return self._amend(customer_id, said)

    def set_preferences(self, customer_id: str, preferences: Preferences, at_ms: int) -> int:
        """Durable before the return, on replicas too."""
        return self._amend(customer_id, lambda _: Record(customer_id, wishes=[Wish(at_ms, preferences)]))

    def scan(self) -> Iterator[Record]:
        """Every record, by id."""
        ids = self._ids("")
        while lump := list(islice(ids, LUMP)):
            yield from (
                decode(person.packed) for person in self._people.find(dict.fromkeys(lump, ())).values() if person.packed
            )

    def _ids(self, after: str) -> Iterator[str]:
        """Ids with a record, after one, by their bytes."""
        shards = [self._ids_of(tag, after.encode()) for tag in SHARDS]
        return (name.decode() for name in heapq.merge(*shards))

    def _ids_of(self, tag: str, after: bytes) -> Iterator[bytes]:
        while True:
            start = b"(" + after if after else b"-"
            (names,) = self._servers.read([Call(tag, ("ZRANGEBYLEX", f"i{{{tag}}}", start, "+", "LIMIT", 0, LUMP))])
            yield from names
            if len(names) < LUMP:
                return
            after = names[-1]

    def close(self) -> None:
        """Close the connections."""
        self._servers.close()


def _changed(person: Person, said: Iterable[Record]) -> list[Command]:
    """The commands that keep what is said of a person, if there is anything new, and tell it to the journal."""
    record, told = person.record, list[Command]()
    for each in said:
        before, record = record, upsert(record, each)
        told += noted(person.name, news(before, record, each.customer_id, now_ms()))
    return [*written(person, record), *told] if record != person.record or not person.packed else []
