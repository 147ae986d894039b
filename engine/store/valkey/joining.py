"""Joining people of different shards, and forgetting somebody.

A joining has two steps, for no script reaches into two shards. First one of the two becomes a pointer to the other, and
keeps its record; then whoever comes by the pointer brings the record over, and takes it away from here. A crash between
the two leaves a pointer with a record: who asks by it ends the joining, and who asks by the other id meanwhile finds
that person as before, which is right, for nobody has been told of the joining. All of it may be done twice: what is
said of two people comes to the same in any order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

import msgspec

from engine.customer.changes import Change
from engine.customer.identity import Link
from engine.customer.record import Interaction, Record
from engine.customer.said import linked
from engine.store.merge import merged, now_ms, rebuilt
from engine.store.protocol import StoreError
from engine.store.valkey.connection import Command
from engine.store.valkey.journal import Journal
from engine.store.valkey.keys import HAPPENED, SAID, Kind, key, noted, pack, shard, touched
from engine.store.valkey.people import TRIES, People, Person, written
from engine.store.valkey.servers import Call, Servers

_LINK = msgspec.msgpack.Decoder(Link)
FIELDS, HOUR_MS = 1_000, 3_600_000
Marks = dict[str, dict[bytes, bytes]]  # id -> field -> where it lies


class Joining:
    """Joins and forgets people.

    Args:
        servers: hold them.
        happened, said: the journals of what they did, and of what they said.
    """

    def __init__(self, servers: Servers, happened: Journal[Interaction], said: Journal[Change]) -> None:
        self._servers, self._happened, self._said = servers, happened, said
        self.people = People(servers, self._finish)

    def check(self, links: Sequence[Link]) -> None:
        """Refuse links that would make a person of too many ids, before any of them is made.

        Raises:
            FieldError: when they would.
        """
        names = {name for each in links for name in (each.one, each.other)}
        records = {name: person.record for name, person in self.people.find(dict.fromkeys(names, ())).items()}
        for each in links:
            made, _ = merged(records.get, each)
            records |= dict.fromkeys(made.ids, made)

    def join(self, said: Link) -> Record:
        """Make one person of two ids.

        Raises:
            FieldError: when the person would have too many ids; nothing was changed.
        """
        for _ in range(TRIES):
            found = self.people.find({said.one: (), said.other: ()})
            made, replaced = merged(lambda name: found[name].record, said)  # noqa: B023  called at once
            ends = {person.name: person for person in found.values()}
            kept = ends[made.customer_id]
            if len(ends) == 1:
                told = noted(kept.name, [Change("link", said.one, now_ms(), other=said.other)])
                if self._kept(kept, made if replaced else kept.record, told):
                    return made
            elif kept.packed or self._kept(kept, Record(kept.name)):
                (gone,) = (person for person in ends.values() if person is not kept)
                self._point(gone, kept.name, said)
        raise StoreError(f"{said.one}, {said.other}: changed {TRIES} times meanwhile by others; send again")

    def _kept(self, person: Person, record: Record, told: Sequence[Command] = ()) -> bool:
        return self.people.commit([(person.stamp, [*written(person, record), *told])])[0]

    def _point(self, gone: Person, to: str, said: Link) -> None:
        """The first step; who finds the person next takes the second."""
        pointer: Command = ("HSET", key("p", gone.name), "to", to, "link", pack(said))
        self.people.commit([(gone.stamp, [*written(gone, gone.record), pointer])])

    def _finish(self, gone: Person) -> None:
        """The second step: what the pointer still holds goes where it points."""
        said = _LINK.decode(gone.link)
        target = self.people.find({gone.to.decode(): ()})[gone.to.decode()]
        (again,) = self.people.read([(gone.name, gone.name, ())])
        if again.token != gone.token:  # somebody else has finished: what was read may have been erased since
            return
        if not target.packed:  # forgotten meanwhile; so this one stays somebody else
            self.people.commit([(again.stamp, [("HDEL", key("p", gone.name), "to", "link"), touched(gone.name)])])
        elif self._brought(target, again, said):
            emptied = self._emptied(again, shard(target.name))
            self.people.commit([(again.stamp, [*emptied, ("HDEL", key("p", gone.name), "record", "link")])])

    def _brought(self, target: Person, gone: Person, said: Link) -> bool:
        record, ids = linked(target.record, gone.record, said), gone.record.ids
        record = msgspec.structs.replace(record, customer_id=target.name)
        marks = {kind: self._marks(kind, gone.name, ids) for kind in (HAPPENED, SAID)}
        # Once each, though both may have them: somebody may have come so far before.
        places = {*_places(marks[HAPPENED]), *self._places(target)}
        brought = rebuilt(record, self._happened.fetch(places), self.people.keeping(target))
        moved = [each for kind, own in marks.items() for each in _marked(kind, target.name, own)]
        moved += [*_reserved(target, gone), *self._named(target, gone)]
        return self.people.commit([(target.stamp, [*written(target, brought), *moved])])[0]

    def _named(self, target: Person, gone: Person) -> list[Command]:
        ids = gone.record.ids
        held = self._servers.read([Call(shard(gone.name), ("GET", key("w", gone.name, name))) for name in ids])
        return [("SET", key("w", target.name, name), own) for name, own in zip(ids, held, strict=True) if own]

    def _emptied(self, person: Person, into: str = "") -> list[Command]:
        """Take everything away of a person, but not the hash that says who they are.

        Args:
            person: the one.
            into: the shard that it went to; in the same one, marks and names lie where they have to.
        """
        tag = shard(person.name)
        own = [] if into == tag else [key(kind, person.name, name) for kind in "hdw" for name in person.record.ids]
        return [("DEL", key("v", person.name), *own), ("ZREM", f"i{{{tag}}}", person.name), touched(person.name)]

    def _marks(self, kind: Kind, name: str, ids: Iterable[str]) -> Marks:
        """Of each id, field -> where it lies.

        Args:
            kind: of what was put out.
            name: the id that the person stands under.
            ids: of the person.
        """
        ids = list(ids)
        held = self._servers.read([Call(shard(name), ("HGETALL", key(kind.marks, name, each))) for each in ids])
        return {each: dict(zip(own[::2], own[1::2], strict=True)) for each, own in zip(ids, held, strict=True)}

    def _places(self, person: Person, kind: Kind = HAPPENED) -> list[bytes]:
        return _places(self._marks(kind, person.name, person.record.ids))

    def happened(self, person: Person) -> list[Interaction]:
        """Everything a person did or met under any of their ids."""
        return self._happened.fetch(self._places(person))

    def forget(self, customer_id: str) -> list[str]:
        """Forget a person. What they did goes first: broken off, there is still somebody whom to forget again."""
        for journal in (self._happened, self._said):
            journal.gather()  # so that a number is given once, also that of what is erased now
        for _ in range(TRIES):
            person = self.people.find({customer_id: ()})[customer_id]
            if not person.packed:
                self.people.commit([(person.stamp, [])])
                return []
            ids = person.record.ids
            if any(each.stamp != person.stamp for each in self.people.find(dict.fromkeys(ids, ())).values()):
                continue  # one of them was still being joined
            self._happened.erase(self._places(person, HAPPENED))
            self._said.erase(self._places(person, SAID))
            gone: list[Command] = [*self._emptied(person), ("DEL", key("p", person.name))]
            if self.people.commit([(person.stamp, gone)], "always")[0]:
                for name in ids:
                    self.people.unpoint(name)
                return ids
        raise StoreError(f"{customer_id}: changed {TRIES} times meanwhile by others; send again")


def _places(marks: Marks) -> list[bytes]:
    return [place for own in marks.values() for place in own.values()]


def _marked(kind: Kind, name: str, marks: Marks) -> Iterator[Command]:
    """The commands that mark what came with somebody."""
    for under, own in marks.items():
        yield from _all(key(kind.marks, name, under), own)


def _reserved(target: Person, gone: Person) -> list[Command]:
    """The commands that reserve what was reserved of somebody; the key lasts as long as the longest of both."""
    place, both = key("v", target.name), (*gone.reserved.values(), *target.reserved.values())
    until_ms = max((int(text.partition(b" ")[0]) for text in both), default=0)
    return [*_all(place, gone.reserved), ("PEXPIREAT", place, until_ms + HOUR_MS)] if gone.reserved else []


def _all(place: str, fields: Mapping[bytes, bytes]) -> list[Command]:
    """Fields of a hash, a thousand at once: Lua takes no more than 8,000 arguments."""
    rest, commands = iter(fields.items()), list[Command]()
    while lump := list(islice(rest, FIELDS)):
        commands.append(("HSET", place, *chain(*lump)))
    return commands
