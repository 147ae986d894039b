"""Open-loop load: calls are due on a schedule that never waits for answers, and lateness counts as latency."""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import grpc
import numpy as np

THREADS = 16
WARM_UP = 50  # calls
SPIN_S = 0.0003  # sleeping is coarse; the last part of the wait is spent awake


def schedule(rate: float, calls: int, seed: int) -> Iterator[float]:
    """Seconds from the start at which each call is due: a Poisson process.

    Args:
        rate: calls a second.
        calls: how many.
        seed: of the gaps.
    """
    yield from np.cumsum(np.random.default_rng(seed).exponential(1 / rate, calls)).tolist()


def drive(
    call: Callable[[int], object],
    due: Iterator[float],
    clock: Callable[[], float] = time.perf_counter,
    wait: Callable[[float], None] = time.sleep,
) -> list[float]:
    """Make every call when it is due.

    Args:
        call: given the call's number; may block, others go on beside it.
        due: seconds from the start, rising.
        clock, wait: of the machine, or of a test.

    Returns:
        latencies in microseconds, counted from when each call should have been sent.
    """
    start = clock()

    def one(number: int, at: float) -> float:
        call(number)
        return (clock() - start - at) * 1e6

    with ThreadPoolExecutor(THREADS) as pool:
        futures = []
        for number, at in enumerate(due):
            while (left := at - (clock() - start)) > 0:
                wait(max(left - SPIN_S, 0))
            futures.append(pool.submit(one, number, at))
        return [future.result() for future in futures]


class Plan(NamedTuple):
    """What is asked of a server.

    Args:
        rate: calls a second.
        calls: how many.
        seed: of the schedule.
        connections: the calls go over them in turn; each stays with the worker that took it.
    """

    rate: float
    calls: int
    seed: int
    connections: int = 1


def main(target: str, method: str, file: str, plan: Plan, *, tolerant: bool) -> None:
    """Load one method with the messages of a file, in turn; prints its own processor time in
    seconds, then one latency a line.

    Args:
        target: `host:port`.
        method: full name of the gRPC method.
        file: messages, each after its length in four bytes.
        plan: of the round.
        tolerant: a call that fails has an infinite latency; otherwise it ends the round.
    """
    messages = list(_messages(Path(file).read_bytes()))
    lost = set[int]()
    with ExitStack() as stack:
        asks = [stack.enter_context(channel_to(target)).unary_unary(method) for _ in range(plan.connections)]

        def call(number: int) -> None:
            try:
                asks[number % plan.connections](messages[number % len(messages)], timeout=30)
            except grpc.RpcError:
                if not tolerant:
                    raise
                lost.add(number)

        for number in range(WARM_UP):
            asks[number % plan.connections](messages[number % len(messages)], wait_for_ready=True, timeout=30)
        before_s = time.process_time()
        latency_us = drive(call, schedule(plan.rate, plan.calls, plan.seed))
        print(time.process_time() - before_s)
    print("\n".join("inf" if number in lost else f"{latency:.1f}" for number, latency in enumerate(latency_us)))


def channel_to(target: str) -> grpc.Channel:
    """A connection of its own."""
    # A pool of its own for each channel: otherwise all share one connection, and so one worker.
    options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    return grpc.insecure_channel(target, options=options)


def _messages(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        yield data[at + 4 : at + 4 + size]
        at += 4 + size


if __name__ == "__main__":
    rate, *counts = sys.argv[4:8]
    asked = Plan(float(rate), *map(int, counts))
    main(sys.argv[1], sys.argv[2], sys.argv[3], asked, tolerant=sys.argv[8:] == ["tolerant"])
