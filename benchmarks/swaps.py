"""Snapshots swapped under load: no call fails, and the tail beside rounds without swaps."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from nba.v1 import decision_pb2

from benchmarks.load import Plan, channel_to
from benchmarks.report import Figure
from benchmarks.service import DECIDE, Served, decider, latencies, loading, write_requests
from benchmarks.stages import message
from benchmarks.workload import build

ROWS, RATE, CALLS = 100, 200.0, 2_000
CATALOGUE_EVERY = 5  # of these swaps, one changes an action too, so that models meet new rows
WORKERS, CONNECTIONS = 2, 8  # a connection stays with the worker that took it; of eight each worker has some
PATIENCE_S = 30.0
EVERY_S = 0.25  # from swap to swap: still far more often than anybody changes a bundle
LOOK_S = 0.1  # asking which snapshot answers is load, too
Ask = Callable[[bytes], bytes]


def measure(directory: Path, swaps: int) -> Iterator[Figure]:
    """Rounds with and without swaps in turn, so that the machine's noise meets both, until so many swaps are made.

    Args:
        directory: for the workload's files.
        swaps: at least so many; each changes a lever, and with it the snapshot's version, in every worker.
    """
    bundle, state = build(directory, ROWS)
    asked = write_requests(directory)
    rounds: dict[bool, list[np.ndarray]] = {False: [], True: []}
    made = 0
    with decider(bundle, state, WORKERS) as served, ExitStack() as stack:
        workers = [stack.enter_context(channel_to(served.target)).unary_unary(DECIDE) for _ in range(CONNECTIONS)]
        while made < swaps:
            for kind, found in rounds.items():
                load = loading(served.target, DECIDE, asked, Plan(RATE, CALLS, len(found), CONNECTIONS))
                while load.poll() is None:
                    _turn(workers, partial(_change, bundle, served, made) if kind else None)
                    made += kind
                found.append(latencies(load))  # a failed call fails the load, and the run with it
    yield Figure("swaps", f"{made} snapshots", "calls_failed", 0.0, "calls", 0.0)
    # Of each round its own p99, and their median: one stall of the machine must not stand for a round of either kind.
    p99 = {kind: [float(np.percentile(found, 99)) for found in rounds[kind]] for kind in rounds}
    for name, kind in (("without", False), ("during", True)):
        yield Figure("swaps", name, "latency_us_p99", statistics.median(p99[kind]), "us")
        yield Figure("swaps", name, "latency_us_p99_spread", max(p99[kind]) - min(p99[kind]), "us")
    ratio = statistics.median(p99[True]) / statistics.median(p99[False])
    yield Figure("swaps", "during to without", "ratio_p99", ratio, "ratio", 1.2)


def _turn(workers: list[Ask], change: Callable[[], None] | None) -> None:
    """One swap until every worker serves it; or, where nothing is to change, the same asking which version answers.

    That asking is load too, and a client that swaps has no need of it: it must not tell the two kinds of round apart.
    """
    due = time.monotonic() + EVERY_S
    before, until = _versions(workers), time.monotonic() + PATIENCE_S
    if change is not None:
        change()
    time.sleep(LOOK_S)
    while before & _versions(workers) and change is not None:
        if time.monotonic() > until:
            raise RuntimeError(f"a swap was not served within {PATIENCE_S:g} s")
        time.sleep(LOOK_S)
    time.sleep(max(0.0, due - time.monotonic()))


def _change(bundle: Path, served: Served, number: int) -> None:
    """Change a lever, and at times the catalogue."""
    (bundle / "arbitration.yaml").write_text(f"levers: {{group_0: {1 + number / 1000}}}\n")
    if number % CATALOGUE_EVERY == 0:
        header, first, *rest = (bundle / "actions.csv").read_text().splitlines()
        (bundle / "actions.csv").write_text("\n".join([header, *rest, f"new_{first}"]) + "\n")
    served.reload()


def _versions(workers: list[Ask]) -> set[str]:
    question = message(1).SerializeToString()
    return {decision_pb2.DecideResponse.FromString(ask(question)).snapshot_version for ask in workers}
