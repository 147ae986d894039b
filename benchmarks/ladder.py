"""One server under rising load: what it costs unloaded, how far it goes, and what the tail is on the way."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.load import WARM_UP, Plan, schedule
from benchmarks.service import loading, measured

Float64Array = NDArray[np.float64]
UNPACED, UNLOADED = 0.0, 0.05  # two calls are hardly ever under way together at a twentieth of the peak
STEPS = (UNLOADED, 0.3, 0.5, 0.7, 0.85, 1.0)  # of the peak: what it answers when it is never left idle
TAIL_US = 50_000.0  # a rate is kept up with while its p99 is below this: beyond the peak it grows with the round
LEAST = 200  # calls of a round: the p99 is of two
UNPACED_CALLS = 500  # for each second of a round: what most subjects answer in about one
ALL_AT_ONCE = 1e9
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Subject:
    """A running server that is asked one method.

    Args:
        name: as the page calls it.
        target: `host:port`.
        method: full name of the gRPC method.
        requests: file of messages, as the load reads them.
        pids: of its processes, whose time counts.
    """

    name: str
    target: str
    method: str
    requests: Path
    pids: Callable[[], list[int]]


@dataclass(frozen=True)
class Round:
    """One round at one rate.

    Args:
        step: of STEPS, or UNPACED.
        offered: calls a second.
        answered: calls a second.
        cpu_us: of the server, a call.
        load_busy: share of the round that the load itself was computing; near 1 it is the load that is measured.
        latency_us: float64[calls], from when each was due; infinite where it failed.
    """

    step: float
    offered: float
    answered: float
    cpu_us: float
    load_busy: float
    latency_us: Float64Array = field(repr=False)

    def at(self, percent: float) -> float:
        """A percentile of the latency, microseconds."""
        return float(np.percentile(self.latency_us, percent, method="higher"))


def run_round(subject: Subject, step: float, plan: Plan) -> Round:
    """One round of an open-loop load from a process of its own.

    Args:
        subject: who is asked.
        step: as the round is to be called.
        plan: calls a second, how many after a few to warm up, and the seed of the schedule.
    """
    rate, calls = plan.rate, plan.calls
    before_s = _cpu_s(subject.pids())
    load_s, latency_us = measured(loading(subject.target, subject.method, subject.requests, plan, tolerant=True))
    cpu_us = (_cpu_s(subject.pids()) - before_s) / (calls + WARM_UP) * 1e6
    answered = np.isfinite(latency_us)
    ended_s = np.fromiter(schedule(plan.rate, plan.calls, plan.seed), np.float64)[answered] + latency_us[answered] / 1e6
    took_s = float(ended_s.max(initial=1e-9))
    return Round(step, rate, len(ended_s) / took_s, cpu_us, load_s / took_s, latency_us)


def climb(subjects: Sequence[Subject], seconds: float, rounds: int) -> dict[str, list[Round]]:
    """Unpaced, then step by step up; subjects take turns, so that the machine's noise meets all of them.

    Args:
        subjects: each climbs to its own peak.
        seconds: of a round.
        rounds: at every rate.

    Returns:
        of each subject every round.
    """
    found: dict[str, list[Round]] = {subject.name: [] for subject in subjects}
    for step in (UNPACED, *STEPS):
        for seed in range(rounds):
            for subject in subjects:
                own = found[subject.name]
                rate = step * peak(own) if step else ALL_AT_ONCE
                calls = max(LEAST, int(rate * seconds)) if step else int(UNPACED_CALLS * seconds)
                own.append(run_round(subject, step, Plan(rate, calls, seed)))
    return found


def peak(rounds: Sequence[Round]) -> float:
    """Calls a second when it is never left idle: the median of the rounds."""
    return float(np.median([each.answered for each in rounds if each.step == UNPACED]))


def knee(rounds: Sequence[Round]) -> float:
    """The highest rate, calls a second, that is kept up with and has a tail that is still one; 0 when there is none."""
    kept = [step for step in STEPS if all(_kept(each) for each in rounds if each.step == step)]
    return max(kept, default=0.0) * peak(rounds)


def _kept(of_rate: Round) -> bool:
    return bool(np.isfinite(of_rate.latency_us).all()) and of_rate.at(99) < TAIL_US


def _cpu_s(pids: Iterable[int]) -> float:
    """User and system time of some processes so far; field 14 and 15 of proc(5)'s stat."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields) / TICKS
