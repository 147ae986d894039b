"""The servers of a store: who is the primary, what replicas have confirmed, and for how long one may read.

A primary that was cut off does not know it. So nothing counts as acknowledged that no replica has, and nothing is read
but within a second of such a confirmation, which is over before another server can have taken its place.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakSet

from redis.crc import key_slot

from engine.store.protocol import StoreError
from engine.store.valkey.address import Address, Place
from engine.store.valkey.connection import Command, Connection, LostError, script

SHARDS = tuple(map(str, range(64)))  # the hash tags of people
ALL = "all"  # the tag of what is one for all shards
TAGS = (*SHARDS, ALL)
LEASE_S = 1.0
CONFIRM_MS = 1_000
PAUSE_S = 0.2  # after no primary was found, all calls fail at once for so long
NEEDED = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


class Call(NamedTuple):
    """A command, and the hash tag of its keys."""

    tag: str
    command: Command


Ask = Callable[[Place, Sequence[Call]], list[Any]]


class Servers:
    """Sends commands where their keys are, many at once; each thread has connections of its own.

    Args:
        address: of the servers.

    Raises:
        StoreError: when none is a primary, or one would lose what it acknowledges.
    """

    def __init__(self, address: Address) -> None:
        self._address, self._replicas = address, address.replicas
        self._local = threading.local()
        self._open = WeakSet[Connection]()
        self._places: Mapping[str, Place] = {}  # tag -> primary; empty while nobody knows
        self._leased_s: dict[Place, float] = {}  # until when it may be read, by the monotonic clock
        self._silent_until_s, self._silence = 0.0, ""
        for place in set(self._primaries().values()):
            self._check(place)

    def read(self, calls: Iterable[Call]) -> list[Any]:
        """Answers in the order of the calls, of servers that were primaries when they answered.

        Raises:
            StoreError: when nobody knows that they were.
        """
        asked = list(calls)
        try:
            return self._each(asked, self._leased)
        except LostError:  # by a new connection, perhaps to another server; reading twice does no harm
            return self._each(asked, self._leased)

    def write(self, calls: Iterable[Call]) -> list[Any]:
        """Answers in the order of the calls; by then, so many replicas as are asked for have what was written.

        Raises:
            StoreError: when they have not, or nobody knows; then it may be there or not.
        """
        return self._each(list(calls), self._confirmed)

    def _each(self, calls: Sequence[Call], ask: Ask) -> list[Any]:
        """Every server its calls at once."""
        primaries = self._primaries()
        by_place: dict[Place, list[int]] = {}
        for at, call in enumerate(calls):
            by_place.setdefault(primaries[call.tag], []).append(at)
        answers: list[Any] = [None] * len(calls)
        for place, own in by_place.items():
            for at, answer in zip(own, ask(place, [calls[at] for at in own]), strict=True):
                answers[at] = answer
        return answers

    def _leased(self, place: Place, calls: Sequence[Call]) -> list[Any]:
        if not self._replicas:
            return self._ask(place, calls)
        if time.monotonic() > self._leased_s.get(place, 0.0) - LEASE_S / 2:
            answers = self._confirmed(place, calls)
        else:
            answers = self._ask(place, calls)
        if time.monotonic() > self._leased_s[place]:
            raise StoreError(f"{place} took too long to say that it is still the primary; ask again")
        return answers

    def _confirmed(self, place: Place, calls: Sequence[Call]) -> list[Any]:
        """The answers, once replicas have everything that the server had, also of others: what is read may be theirs.

        The lease begins before the question: the replica that answers had not taken over until then.
        """
        if not self._replicas:
            return self._ask(place, calls)
        asked_s = time.monotonic()
        waiting = Call("", ("WAIT", self._replicas, CONFIRM_MS))
        *answers, _, confirmed = self._ask(place, [*calls, touch(calls[0].tag), waiting])
        if confirmed < self._replicas:
            self._places = {}
            raise StoreError(f"confirmed by {confirmed} replicas of {place}, not by {self._replicas}; send again")
        self._leased_s[place] = asked_s + LEASE_S
        return answers

    def _ask(self, place: Place, calls: Sequence[Call]) -> list[Any]:
        mine = self._mine()
        try:
            if place not in mine:
                mine[place] = Connection(place, self._address.options)
                self._open.add(mine[place])
            return mine[place].ask([call.command for call in calls])
        except LostError:
            self._places = {}
            mine.pop(place, None)
            raise

    def _mine(self) -> dict[Place, Connection]:
        """The connections of this thread."""
        mine: dict[Place, Connection] = self._local.__dict__.setdefault("connections", {})
        return mine

    def _primaries(self) -> Mapping[str, Place]:
        """Tag -> primary, looked for when nobody knows."""
        if known := self._places:
            return known
        if time.monotonic() < self._silent_until_s:
            raise StoreError(self._silence)
        faults = []
        for place in self._address.places:
            try:
                found = self._look(place)
            except StoreError as error:
                faults.append(str(error))
            else:
                self._places = found
                return found
        self._silence, self._silent_until_s = "no primary: " + "; ".join(faults), time.monotonic() + PAUSE_S
        raise StoreError(self._silence)

    def _look(self, place: Place) -> Mapping[str, Place]:
        """The primaries that a server knows: the cluster's, or itself, if replicas confirm that it is one."""
        if (old := self._mine().pop(place, None)) is not None:  # it may be of before the server was started again
            old.close()
        (told,) = self._ask(place, [Call("", ("INFO",))])
        if b"cluster_enabled:1" in told:
            return self._cluster(place)
        if b"role:master" not in told:
            raise StoreError(f"{place} is a replica")
        self._confirmed(place, [touch(ALL)])
        return dict.fromkeys(TAGS, place)

    def _cluster(self, place: Place) -> Mapping[str, Place]:
        (ranges,) = self._ask(place, [Call("", ("CLUSTER", "SLOTS"))])
        found = {tag: _holder(ranges, key_slot(tag.encode())) for tag in TAGS}
        if not all(found.values()):
            raise StoreError(f"{place}: the cluster has slots that no server holds; see CLUSTER INFO")
        return {tag: held._replace(host=held.host or place.host) for tag, held in found.items() if held}

    def _check(self, place: Place) -> None:
        """Refuse a server that would lose or evict what it has acknowledged."""
        (told,) = self._ask(place, [Call("", ("CONFIG", "GET", *NEEDED))])
        words = [each.decode() for each in told]
        held = dict(zip(words[::2], words[1::2], strict=True))
        wrong = [f"{name} {value}" for name, value in NEEDED.items() if held.get(name) != value]
        if wrong:
            raise StoreError(f"{place} would lose what it acknowledges; set {', '.join(wrong)} in its configuration")

    def close(self) -> None:
        """Close every thread's connections."""
        for connection in list(self._open):
            connection.close()


def touch(tag: str) -> Call:
    """A write for its own sake: its confirmation is that of everything before it."""
    return Call(tag, script("touch", [f"touched{{{tag}}}"]))


def _holder(ranges: Sequence[Sequence[Any]], slot: int) -> Place | None:
    held = (Place(host.decode(), port) for first, last, (host, port, *_), *_ in ranges if first <= slot <= last)
    return next(held, None)
