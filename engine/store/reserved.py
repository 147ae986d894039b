"""Reservations in an LMDB environment of their own, beside the records.

They outlive a killed process, and need not outlive the machine: commits are not synced, and take 3 µs instead of 117.
What a power cut leaves of such a file cannot be trusted, so every start of the machine begins a new one.
"""

import os
import shutil
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path

import lmdb
import msgspec

from engine.store.mapped import Mapped
from engine.store.reservation import Held, Promise, Reservation, live, promised

MAP_BYTES = 1 << 30  # sparse
READERS = 512
SWEPT = 2  # other customers' entries looked at on every write: what has run out leaves as fast as more comes in
BOOT = Path("/proc/sys/kernel/random/boot_id")
UPTIME = "/proc/uptime"
Change = Callable[[list[Reservation]], Iterable[Reservation]]
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Reservation])


class Uptime:
    """How long the machine runs: one clock for all processes, which no setting of the time of day moves.

    Read from the kernel's own file (0.8 µs): a library between a process and its clocks shifts those it knows of.
    """

    def __init__(self) -> None:
        self._file = os.open(UPTIME, os.O_RDONLY | os.O_CLOEXEC)

    def ms(self) -> int:
        """Milliseconds, in steps of ten."""
        return int(os.pread(self._file, 32, 0).split(b" ", 1)[0].replace(b".", b"")) * 10

    def close(self) -> None:
        """Release the file."""
        os.close(self._file)


class Reserved:
    """The reservations of every customer.

    Args:
        path: its directory, made if absent; what another start of the machine left in it is removed.
    """

    def __init__(self, path: Path) -> None:
        boot = BOOT.read_text().strip()
        place = path / boot
        place.mkdir(parents=True, exist_ok=True)
        for left in path.iterdir():
            if left.name != boot:
                shutil.rmtree(left, ignore_errors=True)
        self._mapped = Mapped(place)
        self._env = lmdb.open(str(place), map_size=MAP_BYTES, max_readers=READERS, sync=False, metasync=False)
        self._env.reader_check()
        self.uptime, self._salt = Uptime(), boot.encode()
        self._swept = b""

    def packed(self, ids: Iterable[str]) -> tuple[bytes, ...]:
        """As stored under each of some ids, to be compared; empty for nothing."""
        with self._mapped, self._env.begin() as txn:
            return self._packed(txn, ids)

    def _packed(self, txn: lmdb.Transaction, ids: Iterable[str]) -> tuple[bytes, ...]:
        return tuple([bytes(txn.get(self._key(name)) or b"") for name in ids])

    def read(self, packed: Iterable[bytes]) -> list[Reservation]:
        """Those that have not run out."""
        held = [each for own in packed if own for each in _DECODER.decode(own)]
        return live(held, self.uptime.ms()) if held else held

    def add(self, held: Held, promise: Promise, unchanged: Callable[[], bool]) -> bool:
        """Add a promise, if what was held still stands; no other process writes meanwhile.

        Args:
            held: where it goes, under the canonical id.
            promise: what is taken.
            unchanged: asked under the lock, whether the record is the same.
        """
        with self._mapped, self._env.begin(write=True) as txn:
            if self._packed(txn, held.ids) != held.stamp or not unchanged():
                return False
            self._put(txn, held.customer_id, [*self.read(held.stamp[:1]), *promised(promise, self.uptime.ms())])
            self._sweep(txn)
        return True

    def change(self, customer_id: str, change: Change) -> None:
        """Change what stands under one id, in one transaction."""
        with self._mapped, self._env.begin(write=True) as txn:
            self._put(txn, customer_id, list(change(self.read(self._packed(txn, [customer_id])))))
            self._sweep(txn)

    def _put(self, txn: lmdb.Transaction, customer_id: str, reservations: list[Reservation]) -> None:
        key, kept = self._key(customer_id), [each for each in reservations if each.kinds]
        if kept:
            txn.put(key, _ENCODER.encode(kept))
        else:
            txn.delete(key)

    def _key(self, customer_id: str) -> bytes:
        """What stands for an id: the file names nobody, whatever is left of it in its free pages."""
        return blake2b(customer_id.encode(), digest_size=16, key=self._salt).digest()

    def _sweep(self, txn: lmdb.Transaction) -> None:
        """Go round the customers, a few on every write: nobody may ever ask for those again that left something."""
        cursor = txn.cursor()
        for _ in range(SWEPT):
            if not cursor.set_range(self._swept + b"\0"):
                self._swept = b""
                return
            self._swept = bytes(cursor.key())
            if not self.read([bytes(cursor.value())]):
                cursor.delete()

    def close(self) -> None:
        """Release the files."""
        self._env.close()
        self.uptime.close()
