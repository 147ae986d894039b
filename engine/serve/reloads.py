"""Reloads, compiled beside everything else that goes on."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from engine.decide.snapshot import Snapshot
from engine.serve.settings import Settings, put_in_force, reloaded
from engine.serve.signals import Signals

COMPILED = "compiled"  # the word that ends the wait of whoever looks


class Reloads:
    """Compiles what lies there in a thread that takes no core from a worker, once at a time.

    In a thread, for what has become so humble cannot rise again.

    Args:
        snapshot: in force.
        settings: the server's.
        signals: are told `COMPILED`.

    Attributes:
        snapshot: the one in force now.
    """

    def __init__(self, snapshot: Snapshot, settings: Settings, signals: Signals) -> None:
        self.snapshot, self._settings, self._signals = snapshot, settings, signals
        self._pool = ThreadPoolExecutor(1, initializer=_humble)
        self._coming: Future[Snapshot] | None = None
        self._asked = False

    def ask(self) -> None:
        """Reload; when one is under way, again after it, for what it has read may be old."""
        self._asked = True

    def took(self) -> bool:
        """Has another snapshot come into force since the last look?"""
        if self._asked and self._coming is None:
            self._asked = False
            self._coming = self._pool.submit(reloaded, self.snapshot, self._settings)
            self._coming.add_done_callback(lambda _: self._signals.put(COMPILED))
        if self._coming is None or not self._coming.done():
            return False
        new, self._coming = self._coming.result(), None
        # Not in the thread: it might hold the store's lock while it waits for a core, and workers would wait for it.
        if new is self.snapshot or not put_in_force(new, self._settings):
            return False
        self.snapshot = new
        return True


def _humble() -> None:
    with suppress(OSError):  # where a sandbox forbids it, a reload takes its share of a core
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))  # 0 is this thread alone
