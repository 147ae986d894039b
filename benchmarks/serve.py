"""`Decide` under rising load, at four sizes, beside a bare echo of messages of the same size, in one run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.ladder import UNLOADED, UNPACED, Round, Subject, climb, knee, peak
from benchmarks.report import Figure
from benchmarks.service import DECIDE, ECHO, Served, decider, echoing, reply_bytes, write_requests
from benchmarks.workload import build


@dataclass(frozen=True)
class Workload:
    """A size, and what is promised at it; None where nothing is.

    Args:
        rows: of the catalogue, all asked for: actions x four channels.
        attributes: of each customer.
        p99_us: unloaded.
        promised: whether TARGETS are.
    """

    rows: int
    attributes: int = 60
    p99_us: float | None = None
    promised: bool = False


WORKLOADS = {
    "small": Workload(10),
    "usual": Workload(400, promised=True),
    "large": Workload(1_000, p99_us=3_000.0),
    "huge": Workload(10_000, p99_us=12_000.0),
}
# At least 45 % of the echo's peak, and so on; the tail is at 70 % of the peak.
TARGETS = {"cpu_ratio": 2.0, "ratio_p50": 1.6, "peak_ratio": 1 / 0.45, "latency_us_p99": 1e4, "latency_us_p99.9": 2.5e4}
SEVENTY = 0.7
SECONDS, ROUNDS = 4.0, 3


def measure(name: str, directory: Path, *, quick: bool) -> tuple[list[Figure], dict[str, list[Round]]]:
    """One workload.

    Args:
        name: of WORKLOADS.
        directory: for its files.
        quick: one short round at each rate.

    Returns:
        the figures, and every round of `decide` and `echo`.
    """
    workload = WORKLOADS[name]
    bundle, state = build(directory, workload.rows, attributes=workload.attributes)
    asked = write_requests(directory)
    with ExitStack() as stack:
        served = stack.enter_context(decider(bundle, state))
        echo = stack.enter_context(echoing(reply_bytes(served.target, state)))
        subjects = [
            Subject("decide", served.target, DECIDE, asked, lambda: workers_of(served)),
            Subject("echo", echo.target, ECHO, asked, lambda: [echo.process.pid]),
        ]
        rounds = climb(subjects, 1.0 if quick else SECONDS, 1 if quick else ROUNDS)
    return [*_figures(name, workload, rounds)], rounds


def workers_of(served: Served) -> list[int]:
    """The processes of a server, the supervisor and the learner among them: their time counts."""
    pid = served.process.pid
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def _figures(name: str, workload: Workload, rounds: Mapping[str, Sequence[Round]]) -> Iterator[Figure]:
    for of, own in rounds.items():
        case = f"{of}, {name}"
        yield Figure("serve", case, "peak_per_s", peak(own), "per_s")
        yield Figure("serve", case, "knee_per_s", knee(own), "per_s")
        yield Figure("serve", case, "load_busy_ratio", _median(own, UNPACED, lambda each: each.load_busy), "ratio")
        yield Figure("serve", case, "cpu_us", _median(own, SEVENTY, lambda each: each.cpu_us), "us")
        for percent in (50, 99, 99.9):
            found = [each.at(percent) for each in own if each.step == UNLOADED]
            target = workload.p99_us if (of, percent) == ("decide", 99) else None
            unloaded = f"{of} unloaded, {name}"
            yield Figure("serve", unloaded, f"latency_us_p{percent:g}", float(np.median(found)), "us", target)
            yield Figure("serve", unloaded, f"latency_us_p{percent:g}_spread", max(found) - min(found), "us")
    yield from _ratios(name, rounds["decide"], rounds["echo"], promised=workload.promised)


def _ratios(name: str, decide: Sequence[Round], echo: Sequence[Round], *, promised: bool) -> Iterator[Figure]:
    """Decide beside the echo, and its tail under a usual load."""
    case, targets = f"decide to echo, {name}", TARGETS if promised else {}
    cpu = _median(decide, SEVENTY, lambda each: each.cpu_us) / _median(echo, SEVENTY, lambda each: each.cpu_us)
    p50 = _median(decide, UNLOADED, lambda each: each.at(50)) / _median(echo, UNLOADED, lambda each: each.at(50))
    for metric, value in (("cpu_ratio", cpu), ("ratio_p50", p50), ("peak_ratio", peak(echo) / peak(decide))):
        yield Figure("serve", case, metric, value, "ratio", targets.get(metric))
    for percent in (99, 99.9):
        metric = f"latency_us_p{percent:g}"
        tail = _median(decide, SEVENTY, lambda each, at=percent: each.at(at))  # type: ignore[misc]
        yield Figure("serve", f"decide at 70 % of its peak, {name}", metric, tail, "us", targets.get(metric))


def _median(rounds: Sequence[Round], step: float, of: Callable[[Round], float]) -> float:
    return float(np.median([of(each) for each in rounds if each.step == step]))
