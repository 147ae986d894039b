"""No byte of what was deleted stays in an LMDB file: free pages, gaps in pages, and keys that only lead the way.

LMDB marks what is deleted as free and leaves it where it is. Nobody reads those bytes, so they can be zeroed in the
file while others read and write:

- **gaps** in pages of a state that a read transaction holds: nobody may take these pages meanwhile;
- **free pages** inside a write transaction, which is the only one: those that LMDB itself would take now;
- **separators**, keys in branches, which stay when their entry is deleted: byte by byte, so that at each moment they
  still stand between what lies left and right of them.

A process that wrote before keeps pages in memory and writes their gaps out again: it must `wash` before it writes on.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import lmdb
import numpy as np

from engine.store.pages import BRANCH, HEADER, LEAF, OVERFLOW, Pages, State
from engine.store.protocol import StoreError

WASHED = 8_192  # pages: more than a batch of 1,000 interactions changes
LUMP = 2_000  # free pages in one transaction: others wait for 10 ms
PATIENCE_S = 30.0  # for readers that still see what was deleted; a decision reads for microseconds
PAUSE_S = 0.05


def wash(env: lmdb.Environment, database: Any) -> None:
    """Overwrite the pages that this process keeps in memory; changes nothing in the file.

    Args:
        env: the environment.
        database: any whose keys are UTF-8, and so sort before those that are put there and taken back.
    """
    fill = bytes(env.stat()["psize"] - HEADER)  # a page of its own each
    for more in (0, 1):  # what held keys in the first turn holds values in the second
        txn = env.begin(write=True)
        with suppress(lmdb.MapFullError):  # no more can be taken by anybody
            for number in range(WASHED + more):
                txn.put(b"\xff" + number.to_bytes(5, "big"), fill, db=database, append=True)
        txn.abort()


class Wiper:
    """Wipes one environment.

    Args:
        env: whose every write washes first where something was deleted since.
        named: its databases, by their names.
        tick: commits a transaction, and returns its number.

    Raises:
        StoreError: when the file is of another layout.
    """

    def __init__(self, env: lmdb.Environment, named: Mapping[bytes, Any], tick: Callable[[], int]) -> None:
        self._env, self._named, self._tick = env, named, tick
        self._path, self._size = Path(env.path()) / "data.mdb", int(env.stat()["psize"])

    def wipe(self) -> None:
        """Returns when nothing of what was deleted before is in the file.

        Raises:
            StoreError: when somebody has read for so long that it cannot be done now.
        """
        file = os.open(self._path, os.O_RDWR)
        try:
            while self._separators(file):  # until none is found: the branch may have been copied meanwhile
                pass
            self._gaps(file)
            self._free(file)
            os.fsync(file)
        finally:
            os.close(file)

    @contextmanager
    def _held(self) -> Iterator[tuple[lmdb.Transaction, Pages, State]]:
        """One state, whose pages nobody takes meanwhile."""
        while True:
            with self._env.begin() as txn:
                pages = Pages(self._path, self._size)
                for state in pages.states():
                    if state.number == txn.id():  # else there were two commits since
                        yield txn, pages, state
                        return

    def _separators(self, file: int) -> int:
        """Mask those that no entry has; how many there were to mask."""
        with self._held() as (txn, pages, state):
            every = (
                (
                    self._named[name],
                    number * self._size + node.key_at,
                    pages[number][node.key_at : node.key_end].tobytes(),
                )
                for name, number in pages.branches(state)
                if name in self._named
                for node in pages.nodes(number)
            )
            stale = [(db, at, key) for db, at, key in every if key and txn.get(key, db=db) is None]
            return sum(self._mask(file, *each) for each in stale)

    def _mask(self, file: int, db: Any, at: int, key: bytes) -> bool:
        """Make a separator say no more than its neighbours do; whether it did say more."""
        with self._env.begin(write=True) as txn:  # so that the neighbours stay
            cursor = txn.cursor(db)
            above = cursor.key() if cursor.set_range(key) else None
            if above == key:
                return False
            there = cursor.last() if above is None else cursor.prev()
            steps = masked(key, cursor.key() if there else b"", above)
            for place, byte in steps:
                os.pwrite(file, bytes([byte]), at + place)  # one byte: whoever reads meets the old one or the new one
        return bool(steps)

    def _gaps(self, file: int) -> None:
        with self._held() as (_, pages, state):
            for start, end in _gaps(pages, state):
                if pages.flat[start:end].any():
                    os.pwrite(file, bytes(end - start), start)

    def _free(self, file: int) -> None:
        """Zero all free pages that there are now."""
        until = time.monotonic() + PATIENCE_S
        goal, done = self._tick(), np.zeros(0, bool)
        while True:
            left, held, done = self._lump(file, done, goal)
            if not left and not held:
                return
            if not left:
                if time.monotonic() > until:
                    raise StoreError(f"{self._path}: a reader still sees what was deleted; end it, and call again")
                self._env.reader_check()
                self._tick()
                time.sleep(PAUSE_S)

    def _lump(self, file: int, done: Any, goal: int) -> tuple[bool, bool, Any]:
        """Zero some; whether more are left, whether some are in a reader's view yet, and which were done."""
        with self._env.begin(write=True, buffers=True):  # nobody else takes or frees pages meanwhile
            pages = Pages(self._path, self._size)
            state = max(pages.states())
            oldest = min([state.number, *_readers(self._env)])
            freed = pages.free(state)
            done = np.concatenate([done, np.zeros(max(len(pages) - len(done), 0), bool)])
            numbers = [page for number, each in freed.items() if number < oldest for page in each if not done[page]]
            numbers += [page for page in range(state.last + 1, len(pages)) if not done[page]]
            for page in numbers[:LUMP]:
                if pages[page].any():
                    os.pwrite(file, bytes(self._size), page * self._size)
            done[numbers[:LUMP]] = True
            return len(numbers) > LUMP, any(oldest <= number <= goal for number in freed), done


def _readers(env: lmdb.Environment) -> list[int]:
    """The states that somebody reads."""
    rows = (line.split() for line in env.readers().splitlines())
    return [int(row[2]) for row in rows if len(row) == 3 and row[2].isdigit()]


def _gaps(pages: Pages, state: State) -> Iterator[tuple[int, int]]:
    """Where there is nothing in the pages of a state, from byte to byte."""
    free = np.zeros(state.last + 1, bool)
    for each in pages.free(state).values():
        free[each] = True
    number = 2  # behind the two that say which state there is
    while number <= state.last:
        kind, start = pages.kind(number), number * pages.size
        if free[number] or not kind & (BRANCH | LEAF | OVERFLOW):
            number += 1
            continue
        if not kind & OVERFLOW:
            lower, upper = pages.gap(number)
            yield start + lower, start + upper
        for child, size in pages.big(number) if kind & LEAF else ():
            yield child * pages.size + HEADER + size, (child + pages.length(child)) * pages.size
        number += pages.length(number) if kind & OVERFLOW else 1


def masked(key: bytes, below: bytes, above: bytes | None) -> list[tuple[int, int]]:
    """How a separator comes to say what its neighbours say and one byte more: places and bytes, one after another.

    Args:
        key: the separator; no entry has it.
        below: the entry's key before it; less than it.
        above: the one behind; greater; None when there is none.

    Returns:
        nothing when it says no more already. After each step it is above `below` and not above `above`.
    """
    pairs = enumerate(zip(below, key if above is None else above, strict=False))
    same = next((at for at, (low, high) in pairs if low != high), len(below))
    # As low as the one below here, it is greater further on: upwards, it stays so, and below `above`.
    # Else it is greater already here: downwards.
    filling = 0xFF if below[same : same + 1] == key[same : same + 1] else 0x00
    return [(at, filling) for at in range(same + 1, len(key)) if key[at] != filling]
