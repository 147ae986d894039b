"""The customer's record: read, changed, grown."""

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.report import Figure
from engine.customer.as_of import AsOf
from engine.customer.change import apply_interaction, apply_interactions
from engine.customer.formats import encode
from engine.customer.identity import MOST_IDS, link
from engine.customer.record import Interaction, Record
from engine.customer.values import values
from engine.decide.derived import Derived, Rfm
from engine.decide.keeping import Keeping
from engine.decide.values import DAY_MS
from engine.store.lmdb import LmdbStore

NOW_MS = 1_767_225_600_000
CHANNELS = ("app", "email", "paid", "web")
GROUPS = tuple(f"group_{i}" for i in range(10))
DERIVED = Derived(
    Rfm(("7d", "30d", "90d", "365d"), ("14d", "90d"), ("channel", "group")), channels=CHANNELS, groups=GROUPS
)
KEEPING = Keeping(
    newest=21, window_ms=32 * DAY_MS, counted=frozenset({"exposure", "dismiss"}),
    channels=frozenset(CHANNELS), groups=frozenset(GROUPS),
)  # fmt: skip
KINDS = {"page_view": 0.58, "click": 0.22, "exposure": 0.13, "purchase": 0.04, "basket": 0.02, "dismiss": 0.01}
READ_US, APPLY_US, GROWTH_BYTES = 10.0, 40.0, 6_000.0
USUAL, LONG = (
    70,
    10_000,
)  # interactions of a usual customer (a household of the grocer's year has 63 purchases), of a long one
SPAN_DAYS = 730


def history(customer_id: str, count: int, seed: int = 0) -> list[Interaction]:
    """Two years of somebody, sorted by time."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(list(KINDS), count, p=list(KINDS.values()))
    at = np.sort(NOW_MS - rng.integers(1, SPAN_DAYS * DAY_MS, count))
    actions, channels = rng.integers(0, 100, count), rng.choice(CHANNELS, count)
    amounts = np.round(rng.gamma(2, 20, count), 2)
    return [
        Interaction(
            f"{customer_id}-{index}", customer_id, kind, int(at[index]), str(channels[index]),
            "" if kind in ("page_view", "purchase") else f"action_{actions[index]:05d}", GROUPS[actions[index] % 10],
            amount=float(amounts[index]) if kind == "purchase" else 0.0,
        )
        for index, kind in enumerate(map(str, kinds))
    ]  # fmt: skip


def measure(scale: int) -> Iterator[Figure]:
    """Every figure of the record.

    Args:
        scale: how many hundred calls of each.
    """
    with tempfile.TemporaryDirectory() as place:
        for count in (USUAL, LONG):
            yield from _one(Path(place) / str(count), f"{count} interactions", count, 100 * scale)
        yield from _growth()


def _one(directory: Path, case: str, count: int, calls: int) -> Iterator[Figure]:
    """Reading, changing and asking one record."""
    happened = history("anna", count)
    record = apply_interactions(Record("anna"), happened, KEEPING)
    store = LmdbStore(directory, 1 << 26)
    list(store.rebuild(KEEPING))
    store.apply(happened)
    event = msgspec.structs.replace(happened[-1], kind="exposure", action_key="action_00001", at_ms=NOW_MS)
    bought = msgspec.structs.replace(happened[-1], kind="purchase", amount=12.34, at_ms=NOW_MS)
    yield _timed(case, "read_us_p50", lambda: store.load("anna"), calls, READ_US)
    yield _timed(case, "read_with_contacts_us_p50", lambda: AsOf(_stored(store), NOW_MS, DERIVED).contacts(), calls)
    for name, each in (("contact", event), ("purchase", bought)):
        apply = partial(apply_interaction, record, each, KEEPING)
        yield _timed(case, f"apply_{name}_us_p50", apply, calls, APPLY_US)
    yield _timed(case, "every_value_us_p50", lambda: values(AsOf(record, NOW_MS, DERIVED)), calls)
    yield from _linked(store, case)
    store.close()


def _linked(store: LmdbStore, case: str) -> Iterator[Figure]:
    """A visitor of ten interactions becomes the person, again and again; and then the person is read by that id."""
    took = []
    for at in range(MOST_IDS - 1):
        visitor = f"cookie:{at}"
        store.apply(history(visitor, 10, at))
        start = time.perf_counter_ns()
        store.link([link(("anna", visitor), NOW_MS, "login")])
        took.append((time.perf_counter_ns() - start) / 1_000)
    yield Figure("customer", case, "link_us_p50", float(np.median(took)), "us")
    yield _timed(case, "read_by_another_id_us_p50", lambda: store.load("cookie:0"), 500)


def _stored(store: LmdbStore) -> Record:
    return store.load("anna") or Record("anna")


def _timed(case: str, metric: str, work: Callable[[], object], calls: int, target: float | None = None) -> Figure:
    found = []
    for _ in range(calls + calls // 5):
        start = time.perf_counter_ns()
        work()
        found.append((time.perf_counter_ns() - start) / 1_000)
    return Figure("customer", case, metric, float(np.median(found[calls // 5 :])), "us", target)


def _growth() -> Iterator[Figure]:
    """How much a record grows: the most over its life, not only at its end."""
    record, empty, most = Record("anna"), len(encode(Record("anna"))), 0
    for at, event in enumerate(history("anna", LONG)):
        record = apply_interaction(record, event, KEEPING)
        if at % 100 == 99:
            most = max(most, len(encode(record)) - empty)
    yield Figure("customer", f"{LONG} interactions", "growth_bytes", float(most), "bytes", GROWTH_BYTES)
