"""Writers that are killed: each says what it is about to do, does it, and says that it was acknowledged.

Started as a process of its own, for it forks: nothing but the store's own threads and files is in it.
"""

import os
import random
import select
import signal
import sys
import time
from pathlib import Path

import msgspec

from engine.customer.record import Consent, Interaction
from tests.faults.planted import STORES

WRITERS = 3


class Tale(msgspec.Struct):
    """What one writer, killed and started again, has been told.

    Args:
        sent: numbers of changes begun.
        acked: the last number acknowledged.
        ready_ms: from each start to the store's first answer.
    """

    sent: int = 0
    acked: int = 0
    ready_ms: list[float] = []


def customer_of(slot: int) -> str:
    """Each writer has somebody to itself."""
    return f"writer {slot}"


def purchase(slot: int, number: int) -> Interaction:
    """An outcome that counts for its own number."""
    return Interaction(f"{slot} {number}", customer_of(slot), "purchase", number, amount=1.0)


def write(name: str, state: Path, slot: int, told: int, out: int) -> None:
    """Write for ever; the change that nobody acknowledged is sent again, as any client does."""
    store = STORES[name](state / "store")
    store.load(customer_of(slot))
    os.write(out, b"ready 0\n")
    number = told
    while True:
        number += 1
        os.write(out, b"sent %d\n" % number)
        store.apply([purchase(slot, number)])
        consent = Consent("marketing", "", granted=bool(number % 2), source="", at_ms=number)
        store.set_consent(customer_of(slot), consent)
        os.write(out, b"acked %d\n" % number)


class Slot:
    """One writer, as often as it is started."""

    def __init__(self, name: str, state: Path, number: int) -> None:
        self.tale, self._name, self._state, self._number = Tale(), name, state, number
        self.start()

    def start(self) -> None:
        """Fork; the child never returns."""
        self._began_s = time.monotonic()
        self._in, out = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            write(self._name, self._state, self._number, self.tale.acked, out)
        os.close(out)
        self._left = b""

    def kill(self) -> None:
        """At once, and then hear what it had said."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        while self.hear():
            pass
        os.close(self._in)

    def hear(self) -> bool:
        """Whether there may be more."""
        said = os.read(self._in, 65_536)
        *lines, self._left = (self._left + said).split(b"\n")
        for line in lines:
            word, number = line.split()
            if word == b"ready":
                self.tale.ready_ms.append((time.monotonic() - self._began_s) * 1000)
            elif word == b"sent":
                self.tale.sent = int(number)
            else:
                self.tale.acked = int(number)
        return bool(said)

    @property
    def pipe(self) -> int:
        """What it says comes here."""
        return self._in


def main(name: str, state: str, kills: str, longest_ms: str) -> None:
    """Kill writers one by one at random moments; the tales go to standard output as JSON."""
    slots = [Slot(name, Path(state), number) for number in range(WRITERS)]
    for _ in range(int(kills)):
        until_s = time.monotonic() + random.uniform(0, float(longest_ms)) / 1000
        while (left_s := until_s - time.monotonic()) > 0:
            ready, _, _ = select.select([slot.pipe for slot in slots], [], [], left_s)
            for slot in slots:
                if slot.pipe in ready:
                    slot.hear()
        victim = random.choice(slots)
        victim.kill()
        victim.start()
    for slot in slots:
        slot.kill()
    sys.stdout.buffer.write(msgspec.json.encode([slot.tale for slot in slots]))


if __name__ == "__main__":
    main(*sys.argv[1:])
