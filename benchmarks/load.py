"""Open-loop load: calls are due on a fixed schedule, and each one's latency counts from when it should have been sent.

A closed loop waits for an answer before it asks again, and so leaves out just the calls that a stall would have hurt
(coordinated omission). Here a stall delays nothing of the schedule, and every call due meanwhile counts its wait.
"""

import ctypes
import gc
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import grpc

ANSWER_S = 30.0
SET_TIMER_SLACK = 29  # prctl(PR_SET_TIMERSLACK): the default lets every sleep overrun by 50 us
Finished = Callable[[str], None]
Send = Callable[[int, Finished], None]


@dataclass(frozen=True)
class Load:
    """One round.

    Args:
        target: `host:port`, on loopback.
        method: `/package.Service/Method`.
        questions: serialised requests, asked in turn.
        calls: how many.
        rate_hz: calls per second on average.
        seed: fixes the schedule.
    """

    target: str
    method: str
    questions: tuple[bytes, ...]
    calls: int
    rate_hz: float
    seed: int


class Clock(Protocol):
    """Time, so that tests can make their own."""

    def now_ns(self) -> int:
        """Nanoseconds, never going back."""
        ...

    def wait_until(self, at_ns: int) -> None:
        """Return at or after a moment."""
        ...


class MachineClock:
    """The machine's own."""

    def now_ns(self) -> int:
        """Nanoseconds."""
        return time.perf_counter_ns()

    def wait_until(self, at_ns: int) -> None:
        """Sleep: spinning would hold the interpreter that must take the answers."""
        while (left_ns := at_ns - time.perf_counter_ns()) > 0:
            time.sleep(left_ns / 1e9)


def schedule_ns(calls: int, rate_hz: float, seed: int) -> list[int]:
    """Poisson arrivals: when each call is due, in nanoseconds after the start.

    Args:
        calls: how many.
        rate_hz: calls per second on average.
        seed: fixes them.
    """
    draw, at_s, due = random.Random(seed), 0.0, []  # noqa: S311  a schedule, not a secret
    for _ in range(calls):
        at_s += draw.expovariate(rate_hz)
        due.append(round(at_s * 1e9))
    return due


def drive(send: Send, due_ns: Sequence[int], clock: Clock) -> list[float]:
    """Send every call when it is due and wait for all answers.

    Args:
        send: starts call i; calls `finished` with the fault, or "" for a good answer.
        due_ns: when each call is due after the start, ascending.
        clock: time.

    Returns:
        latency_us of each call, counted from when it was due.

    Raises:
        RuntimeError: when a call failed or was never answered; a failed call has no latency.
    """
    latency_us, faults = [0.0] * len(due_ns), list[str]()
    answered, start_ns = threading.Semaphore(0), clock.now_ns()

    def finish(index: int, fault: str) -> None:
        latency_us[index] = (clock.now_ns() - start_ns - due_ns[index]) / 1000
        faults.extend([fault] if fault else [])
        answered.release()

    for index, at_ns in enumerate(due_ns):
        clock.wait_until(start_ns + at_ns)
        send(index, lambda fault, index=index: finish(index, fault))  # type: ignore[misc]
    if not all(answered.acquire(timeout=ANSWER_S) for _ in due_ns):
        raise RuntimeError(f"a call was not answered within {ANSWER_S:g} s")
    if faults:
        raise RuntimeError(f"{len(faults)} of {len(due_ns)} calls failed: {faults[0]}")
    return latency_us


def pin(core: int) -> None:
    """Keep this process on one core, and its sleeps exact.

    Args:
        core: the core's number.
    """
    os.sched_setaffinity(0, {core})
    ctypes.CDLL(None).prctl(SET_TIMER_SLACK, 1, 0, 0, 0)
    gc.disable()  # a round is short and bounded; a collection here would look like a slow server


def run_load(load: Load) -> list[float]:
    """One round against a server, from this process; latency_us of each call."""
    with grpc.insecure_channel(load.target) as channel:
        grpc.channel_ready_future(channel).result(timeout=ANSWER_S)
        call = channel.unary_unary(load.method)  # bytes in, bytes out: no parsing on the client's side

        def send(index: int, finished: Finished) -> None:
            answer = call.future(load.questions[index % len(load.questions)], timeout=ANSWER_S)
            answer.add_done_callback(lambda done: finished(_fault(done)))

        return drive(send, schedule_ns(load.calls, load.rate_hz, load.seed), MachineClock())


def ask_all(load: Load) -> list[bytes]:
    """Every question once, one after the other; the answers."""
    with grpc.insecure_channel(load.target) as channel:
        call = channel.unary_unary(load.method)
        return [bytes(call(question, timeout=ANSWER_S)) for question in load.questions]


def _fault(done: Any) -> str:
    return "" if done.code() is grpc.StatusCode.OK else f"{done.code().name}: {done.details()}"
