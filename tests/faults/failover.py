"""Valkey servers, of which one takes over from another, while clients go on; and what must hold afterwards."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from engine.customer.record import Consent, Interaction
from engine.decide.request import Contact
from engine.store.protocol import StoreError
from engine.store.reservation import Promise
from engine.store.valkey.address import read_address
from engine.store.valkey.servers import LEASE_S
from engine.store.valkey.store import ValkeyStore
from tests.contracts.valkeys import Valkey, following
from tests.faults.proxy import Proxy

CLIENTS = 6
CAP = 3
LASTS_S = 600.0
TAKEN_OVER_S = 2 * LEASE_S  # how long a primary is given up for before another one takes over


class Group:
    """A primary and its replicas; clients reach each through a line, and so does each the others.

    Args:
        directory: theirs.
        count: of servers.
    """

    def __init__(self, directory: Path, count: int) -> None:
        self._stack = ExitStack()
        self.servers = [self._stack.enter_context(Valkey(directory / str(number))) for number in range(count)]
        self.to_clients, self.between = ([self._line(server) for server in self.servers] for _ in range(2))
        self.primary = 0
        for replica in self._others():
            self._follow(replica)

    def _line(self, server: Valkey) -> Proxy:
        return self._stack.enter_context(Proxy(server.port))

    def _others(self) -> list[int]:
        return [number for number in range(len(self.servers)) if number != self.primary]

    @property
    def address(self) -> str:
        """Of all, as clients are given it."""
        return "valkey://" + ",".join(f"127.0.0.1:{line.port}" for line in self.to_clients)

    def _follow(self, follower: int) -> None:
        following(self.servers[follower], self.servers[self.primary], self.between[self.primary].port)

    def _take_over(self, lost_s: float) -> int:
        """The replica that has most becomes the primary, no sooner than `TAKEN_OVER_S` after the other one was lost.

        Returns:
            the one that was the primary.
        """
        time.sleep(max(0.0, lost_s + TAKEN_OVER_S - time.monotonic()))
        old = self.primary
        self.primary = max(self._others(), key=self._reached)
        self.servers[self.primary].client.execute_command("REPLICAOF", "NO", "ONE")
        for replica in self._others():
            if replica != old:
                self._follow(replica)
        return old

    def _reached(self, replica: int) -> int:
        return self.servers[replica].client.info("replication")["slave_repl_offset"]

    def kill(self) -> None:
        """The primary dies, and comes back as a replica of the one that took over."""
        self.servers[self.primary].kill()
        old = self._take_over(time.monotonic())
        self.servers[old].start()
        self._follow(old)

    def part(self) -> None:
        """The primary is cut off from its replicas, and does not know it; clients reach all of them."""
        self._cut([self.between[self.primary]])

    def part_from_all(self) -> None:
        """The primary is cut off from replicas and clients."""
        self._cut([self.between[self.primary], self.to_clients[self.primary]])

    def _cut(self, lines: list[Proxy]) -> None:
        for line in lines:
            line.cut()
        old = self._take_over(time.monotonic())
        time.sleep(random.uniform(LEASE_S / 2, LEASE_S))  # two primaries
        for line in lines:
            line.mend()
        time.sleep(random.uniform(0, 0.2))
        self._follow(old)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


@dataclass
class Told:
    """What clients were told.

    Args:
        faults: what must not be.
        counted: customer -> keys of interactions that were acknowledged.
        said: customer -> moment of the newest consent that was acknowledged.
        won: customer -> how many contacts were promised.
        done, failed: calls.
        outages_s: from the first failed call of a client to its next good one.
    """

    faults: list[str] = field(default_factory=list)
    counted: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    said: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    won: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    done: int = 0
    failed: int = 0
    outages_s: list[float] = field(default_factory=list)


class Crowd:
    """Clients that count, say, ask and reserve, as long as it is open.

    Args:
        address: of the store.
    """

    def __init__(self, address: str) -> None:
        self.told, self._lock, self._over = Told(), threading.Lock(), threading.Event()
        self._store, self._other = (ValkeyStore(read_address(address)) for _ in range(2))
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _work(self, client: int) -> None:
        number, failing_s = 0, 0.0
        while not self._over.is_set():
            number += 1
            work = (self._count, self._say, self._ask, self._reserve)[(number + client) % 4]
            try:
                work(client, number)
            except StoreError:
                self.told.failed += 1
                failing_s = failing_s or time.monotonic()
                time.sleep(0.02)
                continue
            self.told.done += 1
            if failing_s:
                self.told.outages_s.append(time.monotonic() - failing_s)
                failing_s = 0.0

    def _count(self, client: int, number: int) -> None:
        """Sent again until it is acknowledged, as a channel system does."""
        customer, key = f"counted {client} {number // 50}", str(number)  # so few that a record tells them all
        while not self._over.is_set():
            try:
                self._store.apply([Interaction(key, customer, "purchase", number, amount=1.0)])
            except StoreError:
                self.told.failed += 1
                time.sleep(0.02)
            else:
                self.told.counted[customer].add(key)
                return

    def _say(self, client: int, number: int) -> None:
        """Withdraw, and every now and then grant; the moment says which statement it is."""
        customer = f"said {client}"
        self._store.set_consent(customer, Consent("marketing", "", granted=number % 5 == 0, source="", at_ms=number))
        self.told.said[customer] = number

    def _ask(self, client: int, number: int) -> None:
        """A decision that starts now must know what was acknowledged before, on a machine that never writes, too."""
        customer = f"said {random.randrange(CLIENTS)}"
        known = self.told.said[customer]
        record = self._other.load(customer)
        found = record.consents[0].at_ms if record else 0
        if found < known:
            self.told.faults.append(
                f"{customer}: {known} was acknowledged, and a decision that began later saw {found}"
            )

    def _reserve(self, client: int, number: int) -> None:
        """Everybody wants the same few contacts."""
        customer = f"capped {int(time.monotonic() * 4)}"
        held = self._store.hold(customer)
        met = held.record.contacts if held.record else []
        taken = sum(each.kind == "exposure" for each in (*met, *held.reserved))
        decision = f"{client}-{number}"
        contact = Contact(0, "", "card", "cards", "grow", "email", "")
        if taken < CAP and self._store.reserve(held, Promise(decision, [contact], LASTS_S)):
            with self._lock:
                self.told.won[customer] += 1
            if number % 2:
                shown = Interaction(decision, customer, "exposure", 1, "email", "card", decision_id=decision)
                self._store.apply([shown])

    def checked(self) -> Told:
        """What clients were told, with everything that does not hold."""
        told, store = self.told, self._store
        told.faults += [f"{customer}: {won} contacts, {CAP} allowed" for customer, won in told.won.items() if won > CAP]
        for customer, keys in told.counted.items():
            found = [interaction.key for interaction in store.interactions(customer)]
            record = store.load(customer)
            lost = keys - set(found)
            told.faults += [f"{customer}: lost {sorted(lost)[:5]}"] if lost else []
            counted = len(record.purchases) if record else 0
            told.faults += [f"{customer}: {counted} counted, {len(found)} kept"] if counted != len(found) else []
        for customer, at_ms in told.said.items():
            record = store.load(customer)
            found_ms = record.consents[0].at_ms if record else 0
            told.faults += [f"{customer}: {at_ms} was acknowledged, {found_ms} stands"] if found_ms < at_ms else []
        told.faults += self._log()
        for each in (store, self._other):
            each.close()
        return told

    def _log(self) -> list[str]:
        """Every interaction is numbered once, and no acknowledged one is missing."""
        every, after = [], 0
        while lump := self._store.tail(after, 1_000):
            every += lump
            after = lump[-1][0]
        keys = [(interaction.customer_id, interaction.key) for _, interaction in every]
        missing = {(customer, key) for customer, own in self.told.counted.items() for key in own} - set(keys)
        twice = len(keys) - len(set(keys))
        return [f"the journal lacks {len(missing)} and has {twice} twice"] if missing or twice else []


def disturbed(directory: Path, disturbances: Iterable[str], servers: int = 3, replicas: int = 1) -> Told:
    """Disturb servers again and again while clients work.

    Args:
        directory: for the servers.
        disturbances: `kill`, `part` or `part_from_all`, one after another.
        servers: how many; with two of them nothing is written until the old primary is back, as a replica.
        replicas: as the address of the store says; 0 is wrong with several servers, and has to be caught.
    """
    with Group(directory, servers) as group:
        with Crowd(f"{group.address}?replicas={replicas}") as crowd:
            for disturbance in disturbances:
                time.sleep(random.uniform(0.3, 1.0))
                getattr(group, disturbance)()
            time.sleep(0.5)
        return crowd.checked()
