"""The journal that machines share: every shard's stream, and one log that numbers what they hold 1, 2, 3...

Whoever asks for the log gathers first: the consumer group of each shard's stream delivers what is new, and a script
appends it to the log, each entry once, for the log's own slot also holds how far it has come in each shard. Only then
is it acknowledged to the group: broken off, it is delivered again. The log holds where something lies, and not the
thing: what was erased is gone there, too, and its number stays given.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Generic, TypeVar

import msgspec

from engine.store.protocol import StoreError
from engine.store.valkey.connection import Command, commit, script
from engine.store.valkey.keys import Kind, new_token, pairs
from engine.store.valkey.people import TRIES
from engine.store.valkey.servers import ALL, SHARDS, Call, Servers

GROUP = "log"  # its one consumer has the same name: whoever gathers goes on where another one stopped
NO_KEEPING = f"k{{{ALL}}}"
GATHERED = 100  # of each shard at once: 6,400 take 8 ms, and a server does one thing at a time
LUMP = 500  # told at once
T = TypeVar("T")


class Journal(Generic[T]):
    """Gathers, tells and erases what was put out.

    Args:
        servers: hold it.
        kind: of it.
        decoder: of one.
    """

    def __init__(self, servers: Servers, kind: Kind, decoder: msgspec.msgpack.Decoder[T]) -> None:
        self._servers, self._decode = servers, decoder.decode
        self._streams = {tag: f"{kind.stream}{{{tag}}}" for tag in SHARDS}
        self._log, self._place = f"log-{kind.stream}{{{ALL}}}", f"place-{kind.stream}{{{ALL}}}"
        servers.write(Call(tag, script("group", [stream], GROUP)) for tag, stream in self._streams.items())

    def gather(self) -> None:
        """Number everything that was put out before this call."""
        vain, full = 0, True
        while full:
            delivered = self._delivered()
            full = any(len(ids) == GATHERED for ids in delivered.values())
            if self._appended(delivered):
                calls = [Call(tag, ("XACK", self._streams[tag], GROUP, *ids)) for tag, ids in delivered.items() if ids]
                self._servers.write(calls)
                continue
            vain, full = vain + 1, True
            if vain == TRIES:
                raise StoreError(f"others gathered the journal {TRIES} times meanwhile; ask again")

    def _delivered(self) -> dict[str, list[bytes]]:
        """Shard -> ids that are not acknowledged yet, from the first one on; replicas have them."""
        asking = ("XREADGROUP", "GROUP", GROUP, GROUP, "COUNT", GATHERED, "STREAMS")
        new = [Call(tag, (*asking, stream, ">")) for tag, stream in self._streams.items()]
        pending = [Call(tag, (*asking, stream, "0")) for tag, stream in self._streams.items()]
        replies = self._servers.write([*new, *pending])[len(new) :]
        return {
            tag: [id_ for id_, _ in reply[0][1]] if reply else [] for tag, reply in zip(SHARDS, replies, strict=True)
        }

    def _appended(self, delivered: dict[str, list[bytes]]) -> bool:
        """Number what has no number yet; false when somebody else has just numbered something."""
        if not any(delivered.values()):
            return True
        ((version, last, *reached),) = self._servers.read([Call(ALL, ("HMGET", self._place, "token", "last", *SHARDS))])
        after = {tag: _order(held or b"0-0") for tag, held in zip(SHARDS, reached, strict=True)}
        new = sorted(
            (_order(id_), id_, tag) for tag, ids in delivered.items() for id_ in ids if _order(id_) > after[tag]
        )
        number = int(last or 0)
        added: list[Command] = [
            ("XADD", self._log, f"{at}-0", "s", tag, "i", id_) for at, (_, id_, tag) in enumerate(new, number + 1)
        ]
        furthest: dict[str, bytes] = {tag: id_ for _, id_, tag in new}
        place: Command = ("HSET", self._place, "token", new_token(), "last", number + len(new), *pairs(furthest))
        said = commit([self._place, NO_KEEPING], (version or b"", b""), [*added, place], "always")
        return bool(self._servers.write([Call(ALL, said)])[0])

    def tail(self, after: int, limit: int) -> list[tuple[int, T]]:
        """Those numbered above `after`, at most `limit`."""
        self.gather()
        found: list[tuple[int, T]] = []
        while len(found) < limit:
            lump = min(LUMP, limit - len(found))
            asking = ("XRANGE", self._log, f"{after + 1}-0", "+", "COUNT", lump)
            (entries,) = self._servers.read([Call(ALL, asking)])
            numbers = [int(id_.partition(b"-")[0]) for id_, _ in entries]
            packed = self._packed([b" ".join(fields[1::2]) for _, fields in entries])
            found += [(number, self._decode(each)) for number, each in zip(numbers, packed, strict=True) if each]
            if len(entries) < lump:
                break
            after = numbers[-1]
        return found

    def fetch(self, places: Iterable[bytes]) -> list[T]:
        """What lies there; not what was erased."""
        return [self._decode(packed) for packed in self._packed(list(places)) if packed]

    def _packed(self, places: Sequence[bytes]) -> list[bytes]:
        """In the order of the places; empty for what was erased."""
        found: dict[bytes, bytes] = {}
        for lump in _lumps(places):
            by_shard: dict[str, list[bytes]] = {}
            for place in lump:
                by_shard.setdefault(place.partition(b" ")[0].decode(), []).append(place)
            calls = [Call(tag, script("fetch", [self._streams[tag]], *map(_id, own))) for tag, own in by_shard.items()]
            for own, packed in zip(by_shard.values(), self._servers.read(calls), strict=True):
                found |= zip(own, packed, strict=True)
        return [found[place] for place in places]

    def erase(self, places: Iterable[bytes]) -> None:
        """Erase it; numbers stay given."""
        for lump in _lumps(places):
            self._servers.write([Call(tag, ("XDEL", self._streams[tag], id_)) for tag, id_ in map(_apart, lump)])


def _id(place: bytes) -> bytes:
    return place.partition(b" ")[2]


def _apart(place: bytes) -> tuple[str, bytes]:
    tag, _, id_ = place.partition(b" ")
    return tag.decode(), id_


def _order(id_: bytes) -> tuple[int, int]:
    at, _, again = id_.partition(b"-")
    return int(at), int(again)


def _lumps(places: Iterable[bytes]) -> Iterable[list[bytes]]:
    rest = iter(places)
    while lump := list(islice(rest, LUMP)):
        yield lump
