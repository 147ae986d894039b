"""People in Valkey: each in the shard of the id they stand under, changed by compare-and-set; other ids point there."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from engine.customer.formats import decode, encode
from engine.customer.record import Record
from engine.decide.keeping import USUAL, Keeping
from engine.store.protocol import StoreError
from engine.store.reservation import Reservation
from engine.store.valkey.connection import Command, commit, script
from engine.store.valkey.keys import keeping_key, key, new_token, shard
from engine.store.valkey.servers import Call, Servers, touch

TRIES = 64  # each in vain means that somebody else changed the person
_KEEPING = msgspec.msgpack.Decoder(Keeping)
_RESERVATIONS = msgspec.msgpack.Decoder(list[Reservation])


class Stamp(NamedTuple):
    """What a change starts from, and has to find again.

    Args:
        name: the id that the person stands under.
        token: changes with every change; empty for somebody who is not known.
        keeping: the token of how much is kept of histories.
    """

    name: str
    token: bytes
    keeping: bytes


class Person(NamedTuple):
    """What is stored of a person, as of one moment.

    Args:
        name: the id that they stand under.
        token: changes with every change; empty for somebody who is not known.
        packed: the record; empty for none.
        to, link: of an id that points to another; with a record while the two are being joined.
        reserved: name of a reservation -> until when, and what.
        keeping: the token of how much is kept of histories.
        now_ms: the server's clock.
        marks: of the keys that were asked for, whether each was counted.
        names: the distinct names under the id that was asked for.
    """

    name: str
    token: bytes
    packed: bytes
    to: bytes
    link: bytes
    reserved: Mapping[bytes, bytes]
    keeping: bytes
    now_ms: int
    marks: Sequence[int]
    names: bytes

    @property
    def stamp(self) -> Stamp:
        """What a change of what was read has to find again."""
        return Stamp(self.name, self.token, self.keeping)

    @property
    def record(self) -> Record:
        """The record; an empty one of somebody who is not known yet."""
        return decode(self.packed) if self.packed else Record(self.name)

    @property
    def live(self) -> dict[bytes, list[Reservation]]:
        """Reservations that have not run out, by their names."""
        held = {name: text.partition(b" ") for name, text in self.reserved.items()}
        return {name: _RESERVATIONS.decode(said) for name, (until, _, said) in held.items() if int(until) > self.now_ms}


Found = Mapping[str, Person]  # asked id -> person
Finish = Callable[[Person], None]


class People:
    """Finds and changes people.

    Args:
        servers: hold them.
        finish: ends a joining that was broken off: told the one who is to become another.
    """

    def __init__(self, servers: Servers, finish: Finish) -> None:
        self._servers, self._finish = servers, finish
        self._keepings = {b"": USUAL}

    def read(self, asked: Iterable[tuple[str, str, Sequence[str]]]) -> list[Person]:
        """What stands under ids themselves, wherever they point; each with the id and keys that marks are asked of."""
        asked = list(asked)
        calls = [Call(shard(name), _reading(name, under, keys)) for name, under, keys in asked]
        replies = self._servers.read(calls)
        return [_person(name, reply) for (name, _, _), reply in zip(asked, replies, strict=True)]

    def find(self, asked: Mapping[str, Sequence[str]]) -> dict[str, Person]:
        """The people of ids, each as of one moment; one read for each id but those that point elsewhere.

        Args:
            asked: id -> keys of its interactions, of which the answer is to say whether they were counted.
        """
        found: dict[str, Person] = {}
        places = {name: name for name in asked}
        for _ in range(TRIES):
            persons = self.read((place, name, asked[name]) for name, place in places.items())
            places = {
                name: place
                for name, person in zip(places, persons, strict=True)
                if (place := self._at(name, person, found))
            }
            if places:
                continue
            if len({each.stamp for each in found.values()}) == len({each.name for each in found.values()}):
                return found
            found, places = {}, {name: name for name in asked}  # changed between two ids of one person
        raise StoreError("ids point from one to the next without an end; send again")

    def _at(self, name: str, person: Person, found: dict[str, Person]) -> str:
        """Where else to look; empty when the person was found."""
        if person.to and person.packed:
            self._finish(person)
            return name
        if person.to:
            return person.to.decode()
        if person.name != name and name not in (person.record.ids if person.packed else ()):
            self.unpoint(name)  # they were forgotten, and whoever did it did not come to this id
            return name
        found[name] = person
        return ""

    def unpoint(self, name: str) -> None:
        """Let an id that points elsewhere stand for itself."""
        (person,) = self.read([(name, name, ())])
        if person.to and not person.packed:
            self.commit([(person.stamp, [("DEL", key("p", name))])])

    def change(self, asked: Mapping[str, Sequence[str]], make: Callable[[Found], list[Command]]) -> None:
        """Change people, each on their own; those whom somebody else changed meanwhile are read and made again.

        Args:
            asked: as `find` takes it.
            make: the changes of one person, from all of their ids that were asked for; none where nothing changes.

        Raises:
            StoreError: some may be changed by then, and others not.
        """
        for _ in range(TRIES):
            people: dict[str, dict[str, Person]] = {}
            for name, person in self.find(asked).items():
                people.setdefault(person.name, {})[name] = person
            changes = [(next(iter(own.values())).stamp, make(own)) for own in people.values()]
            done = {stamp.name for (stamp, _), good in zip(changes, self.commit(changes), strict=True) if good}
            left = [name for person, own in people.items() if person not in done for name in own]
            asked = {name: asked[name] for name in left}
            if not asked:
                return
        raise StoreError(f"{', '.join(asked)}: changed {TRIES} times meanwhile by others; send again")

    def commit(self, changes: Iterable[tuple[Stamp, list[Command]]], name: str = "commit") -> list[bool]:
        """Whether each person was still as read, and so is changed now.

        Args:
            changes: what was read, and commands over its shard; none asks whether what was read is confirmed.
            name: of the script; "always" is made where there is no room, too.
        """
        calls = [
            _change(name, stamp, commands) if commands else touch(shard(stamp.name)) for stamp, commands in changes
        ]
        return [bool(reply) for reply in self._servers.write(calls)]

    def keeping(self, person: Person) -> Keeping:
        """How much is kept of histories."""
        if person.keeping not in self._keepings:
            token, packed = self._servers.read([Call(shard(person.name), _kept(shard(person.name)))])[0]
            self._keepings[token] = _KEEPING.decode(packed)
        try:
            return self._keepings[person.keeping]
        except KeyError:
            raise StoreError("how much is kept of histories is just being changed; send again") from None


def _change(name: str, stamp: Stamp, commands: list[Command]) -> Call:
    tag = shard(stamp.name)
    keys = (key("p", stamp.name), keeping_key(tag))
    return Call(tag, commit(keys, (stamp.token, stamp.keeping), commands, name))


def written(person: Person, record: Record) -> list[Command]:
    """The commands that keep a record in the place of what was read."""
    kept: list[Command] = [("HSET", key("p", person.name), "token", new_token(), "record", encode(record))]
    if not person.packed:
        kept += [("PERSIST", key("p", person.name)), ("ZADD", f"i{{{shard(person.name)}}}", "0", person.name)]
    return kept


def _kept(tag: str) -> Command:
    return ("HMGET", keeping_key(tag), "token", "keeping")


def _reading(name: str, under: str, keys: Sequence[str]) -> Command:
    places = [key("p", name), key("v", name), keeping_key(shard(name))]
    return script("read", [*places, key("h", name, under), key("w", name, under)] if keys else places, *keys)


def _person(name: str, reply: Sequence[Any]) -> Person:
    stored, packed, to, link, reserved, keeping, now_ms, marks, names = reply
    held = dict(zip(reserved[::2], reserved[1::2], strict=True))
    return Person(name, stored, packed, to, link, held, keeping, now_ms, marks, names)
