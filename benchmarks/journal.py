"""What a decision pays for its journal, and how fast the past is decided again: a usual one, of 100 candidates."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.report import Figure
from benchmarks.stages import message
from benchmarks.workload import CUSTOMERS, NOW_MS, build
from engine.decide.pipeline import Effort
from engine.journal.frames import frame
from engine.journal.writer import SegmentJournal
from engine.serve.answer import decided, read_question, written
from engine.serve.entry import entry_of
from engine.serve.limits import Limits
from engine.serve.past.replay import replay
from engine.serve.past.trial import Changed
from engine.serve.past.whatif import what_if
from engine.serve.reserving import Taken
from engine.serve.settings import Settings
from engine.serve.wire import Reader
from engine.store.lmdb import LmdbStore
from models import NOTHING

ROWS = 100
HOT_US, ENTRY_BYTES, AGAIN_US = 6.0, 1_200.0, 200.0  # promised; 200 µs are 5,000 decisions a second
DECISIONS = 2_000  # times the scale
FRONT_BYTES = 64 << 20  # calls come as fast as a loop can: more room than a server needs


def measure(scale: int) -> Iterator[Figure]:
    """Hot path, bytes, replay and what-if.

    Args:
        scale: 1 for a look, 10 for the record.
    """
    with tempfile.TemporaryDirectory() as place:
        bundle, state = build(Path(place), ROWS)
        yield from _hot(bundle, state, DECISIONS * scale)
        seconds = {
            "replay": _seconds(lambda: replay(state)["same"], DECISIONS * scale),
            "replay, another bundle": _seconds(
                lambda: what_if(state, 0, Changed(bundle, state / "models"))["decisions"], DECISIONS * scale
            ),
        }
        for case, taken in seconds.items():
            yield Figure("journal", case, "time_us_per_decision", taken * 1e6 / (DECISIONS * scale), "us", AGAIN_US)


def _seconds(work: Callable[[], int], decisions: int) -> float:
    start = time.perf_counter()
    found = work()
    if found != decisions:
        raise ValueError(f"{found} of {decisions} decisions came out")
    return time.perf_counter() - start


def _hot(bundle: Path, state: Path, calls: int) -> Iterator[Figure]:
    snapshot = Settings(bundle, state).snapshot().taught(NOTHING)
    store, journal = LmdbStore(state / "store"), SegmentJournal(state / "journal", 0, capacity=FRONT_BYTES)
    reader, taken_us, sizes = Reader(snapshot, Limits()), [], []
    for number in range(calls):
        asked = message(number % CUSTOMERS)
        question = read_question(reader, asked, NOW_MS, number + 1)
        held = store.hold(question.sent.customer_id)
        taken = Taken(decided(reader, question, held.record, Effort.FULL, None), held)
        reply = written(taken.evaluation, question)
        start = time.perf_counter_ns()
        journal.offer(entry_of(question, taken, journal.record(held.packed), (asked, reply)))
        taken_us.append((time.perf_counter_ns() - start) / 1_000)
        sizes.append(len(frame(entry_of(question, taken, bytes(16), (asked, reply)))))
    journal.close()
    store.close()
    yield from _figures(taken_us, sizes)


def _figures(taken_us: list[float], sizes: list[int]) -> Iterator[Figure]:
    case = f"offer, {ROWS} rows"
    yield Figure("journal", case, "latency_us_p50", float(np.median(taken_us)), "us", HOT_US)
    yield Figure("journal", case, "latency_us_p99", float(np.percentile(taken_us, 99)), "us")
    yield Figure("journal", case, "size_bytes_p50", float(np.median(sizes)), "bytes", ENTRY_BYTES)
