"""The stores beside each other, in one run: LMDB, Valkey over the loopback, and Valkey with a replica that confirms."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.customer import KEEPING, history
from benchmarks.report import Figure
from engine.customer.record import Consent
from engine.decide.request import Contact
from engine.store.lmdb import LmdbStore
from engine.store.protocol import Store
from engine.store.reservation import Promise
from engine.store.valkey.address import read_address
from engine.store.valkey.store import ValkeyStore
from tests.contracts.valkeys import Valkey, following

HISTORY = 1_000  # interactions of the customer who is asked for
TOGETHER = 1_000  # of other customers, in a batch
CONTACT = Contact(0, "", "card", "cards", "grow", "email", "")
Work = Callable[[Store, int], object]


def measure(scale: int) -> Iterator[Figure]:
    """Every call on every store, one store after another, so that what disturbs the machine disturbs them all.

    Args:
        scale: how many hundred calls of each; of those that wait for disks a tenth.
    """
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        stores = _stores(Path(place), stack)
        for store in stores.values():
            stack.callback(store.close)
            list(store.rebuild(KEEPING))
            store.apply(history("anna", HISTORY))
        for metric, work, share in WORKS:
            for case, store in stores.items():
                yield Figure("store", case, metric, _median_us(store, work, 100 * scale // share), "us")


def _stores(place: Path, stack: ExitStack) -> Mapping[str, Store]:
    alone, primary, replica = (stack.enter_context(Valkey(place / name)) for name in ("alone", "primary", "replica"))
    following(replica, primary)
    return {
        "lmdb": LmdbStore(place / "lmdb"),
        "valkey": ValkeyStore(read_address(alone.address)),
        "valkey, confirmed by a replica": ValkeyStore(read_address(f"{primary.address}?replicas=1")),
    }


def _median_us(store: Store, work: Work, calls: int) -> float:
    found = []
    for at in range(calls + calls // 5):
        start = time.perf_counter_ns()
        work(store, at)
        found.append((time.perf_counter_ns() - start) / 1_000)
    return float(np.median(found[calls // 5 :]))


def _apply(store: Store, at: int) -> None:
    (one,) = history(f"one {at % 50}", 1)
    store.apply([msgspec.structs.replace(one, key=str(at))])


def _together(store: Store, at: int) -> None:
    (one,) = history("", 1)
    store.apply([msgspec.structs.replace(one, key=str(at), customer_id=f"many {name}") for name in range(TOGETHER)])


def _consent(store: Store, at: int) -> None:
    store.set_consent("anna", Consent("marketing", "email", granted=at % 2 == 0, source="", at_ms=at))


def _reserve(store: Store, at: int) -> None:
    store.reserve(store.hold(f"reserved {at}"), Promise(str(at), [CONTACT], 600.0))


WORKS: tuple[tuple[str, Work, int], ...] = (
    ("load_us_p50", lambda store, _: store.load("anna"), 1),
    ("hold_us_p50", lambda store, _: store.hold("anna"), 1),
    ("hold_and_reserve_us_p50", _reserve, 2),
    ("set_consent_us_p50", _consent, 5),
    ("apply_one_us_p50", _apply, 5),
    ("apply_1000_people_us_p50", _together, 50),
)
