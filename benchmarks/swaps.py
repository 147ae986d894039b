"""Snapshots swapped under load: no call fails, and the tail beside rounds without swaps."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import numpy as np
from nba.v1 import decision_pb2

from benchmarks.report import Figure
from benchmarks.service import DECIDE, decider, latencies, loading, write_requests
from benchmarks.stages import message
from benchmarks.workload import build

ROWS, RATE, CALLS = 100, 200.0, 2_000
CATALOGUE_EVERY = 5  # of these swaps, one changes an action too, so that models meet new rows
WORKERS = 2
PATIENCE_S = 30.0
EVERY_S = 0.25  # from swap to swap: still far more often than anybody changes a bundle
LOOK_S = 0.1  # asking which snapshot answers is load, too
Ask = Callable[[bytes], bytes]


def measure(directory: Path, swaps: int) -> Iterator[Figure]:
    """Rounds with and without swaps in turn, so that the machine's noise meets both, until so many swaps are made.

    Args:
        directory: for the workload's files.
        swaps: how many; each changes a lever, and with it the snapshot's version, in every worker.
    """
    bundle, state = build(directory, ROWS)
    asked = write_requests(directory)
    rounds: dict[bool, list[np.ndarray]] = {False: [], True: []}
    made = 0
    with decider(bundle, state, WORKERS) as served, ExitStack() as stack:
        workers = [stack.enter_context(_channel(served.target)).unary_unary(DECIDE) for _ in range(4 * WORKERS)]
        while made < swaps:
            rounds[False].append(latencies(loading(served.target, DECIDE, asked, (RATE, CALLS, made))))
            load = loading(served.target, DECIDE, asked, (RATE, CALLS, made))
            while load.poll() is None and made < swaps:
                due = time.monotonic() + EVERY_S
                _swap(bundle, served.reload, workers, made)
                made += 1
                time.sleep(max(0.0, due - time.monotonic()))
            rounds[True].append(latencies(load))  # a failed call fails the load, and the run with it
    # Of each round its own p99, and their median: one stall of the machine must not stand for a round of either kind.
    p99 = {kind: [float(np.percentile(found, 99)) for found in rounds[kind]] for kind in rounds}
    yield Figure("swaps", f"{made} snapshots", "calls_failed", 0.0, "calls", 0.0)
    for name, kind in (("without", False), ("during", True)):
        yield Figure("swaps", name, "latency_us_p99", statistics.median(p99[kind]), "us")
        yield Figure("swaps", name, "latency_us_p99_spread", max(p99[kind]) - min(p99[kind]), "us")
    ratio = statistics.median(p99[True]) / statistics.median(p99[False])
    yield Figure("swaps", "during to without", "ratio_p99", ratio, "ratio", 1.2)


def _channel(target: str) -> grpc.Channel:
    # A pool of its own for each channel: otherwise all share one connection, and so one worker.
    return grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])


def _swap(bundle: Path, reload: Callable[[], None], workers: list[Ask], number: int) -> None:
    """Change a lever, and at times the catalogue; wait until every worker answers from the new snapshot."""
    before = {_version(ask) for ask in workers}
    (bundle / "arbitration.yaml").write_text(f"levers: {{group_0: {1 + number / 1000}}}\n")
    if number % CATALOGUE_EVERY == 0:
        header, first, *rest = (bundle / "actions.csv").read_text().splitlines()
        (bundle / "actions.csv").write_text("\n".join([header, *rest, f"new_{first}"]) + "\n")
    reload()
    time.sleep(LOOK_S)
    until = time.monotonic() + PATIENCE_S
    while before & {_version(ask) for ask in workers}:
        if time.monotonic() > until:
            raise RuntimeError(f"swap {number} was not served within {PATIENCE_S:g} s")
        time.sleep(LOOK_S)


def _version(ask: Ask) -> str:
    reply = ask(message(1).SerializeToString())
    return decision_pb2.DecideResponse.FromString(reply).snapshot_version
