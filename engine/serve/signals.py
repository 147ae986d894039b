"""What a process is told while it runs, and what it says of itself."""

import queue
import signal
from typing import TypeAlias

STOP, RELOAD = "stop", "reload"
LISTENING, ANSWERING = b"listening", b"answering"  # a signal reaches it; so does a call
WATCH_S = 0.2  # how long a process that watches others, or files, waits for a word
Signals: TypeAlias = "queue.SimpleQueue[str]"


def listen() -> Signals:
    """SIGTERM, SIGINT and SIGHUP as words in a queue: handlers must not do more."""
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    signal.signal(signal.SIGTERM, lambda *_: said.put(STOP))
    signal.signal(signal.SIGINT, lambda *_: said.put(STOP))
    signal.signal(signal.SIGHUP, lambda *_: said.put(RELOAD))
    return said


def heard(signals: Signals, within_s: float) -> str:
    """The next word; empty after a while, for a signal that met another thread is only heard when this one wakes."""
    try:
        return signals.get(timeout=within_s)
    except queue.Empty:
        return ""
