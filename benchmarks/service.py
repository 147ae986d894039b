"""`Decide` as a channel system meets it, beside a bare echo of messages of the same size, in one run."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np

from benchmarks.echo import METHOD, SERVICE
from benchmarks.load import Plan
from benchmarks.report import Figure, percentiles
from benchmarks.stages import message
from benchmarks.workload import CUSTOMERS, build
from engine.journal.reading import read

ROOT = Path(__file__).parent.parent
DECIDE = "/nba.v1.DecisionService/Decide"
ECHO = f"/{SERVICE}/{METHOD}"


def measure(rows: int, directory: Path, calls: int, rate: float, rounds: int = 3) -> list[Figure]:
    """Decide and echo in turn, so that the machine's noise meets both.

    Args:
        rows: of the catalogue; all are asked for.
        directory: for the workload's files.
        calls: of each round.
        rate: calls a second.
        rounds: of each; the figures are of all rounds together, the spread is between them.
    """
    bundle, state = build(directory, rows)
    asked = write_requests(directory)
    found: dict[str, list[np.ndarray]] = {"decide": [], "echo": []}
    with decider(bundle, state) as served, echoing(reply_bytes(served.target, state)) as echo:
        for seed in range(rounds):
            found["decide"].append(latencies(loading(served.target, DECIDE, asked, Plan(rate, calls, seed))))
            found["echo"].append(latencies(loading(echo.target, ECHO, asked, Plan(rate, calls, seed))))
    return _figures(rows, found)


def write_requests(directory: Path) -> Path:
    """One request for each customer, as the load reads them; returns the file."""
    file = directory / "requests"
    packed = [message(customer).SerializeToString() for customer in range(CUSTOMERS)]
    file.write_bytes(b"".join(len(each).to_bytes(4, "little") + each for each in packed))
    return file


def _figures(rows: int, found: dict[str, list[np.ndarray]]) -> list[Figure]:
    case = f"{rows} candidates"
    figures: list[Figure] = []
    for name, rounds in found.items():
        figures += percentiles("service", f"{name}, {case}", np.concatenate(rounds))
        medians = [float(np.median(of_round)) for of_round in rounds]
        figures.append(Figure("service", f"{name}, {case}", "latency_us_p50_spread", max(medians) - min(medians), "us"))
    for percent in (50, 99):
        decide, echo = (np.percentile(np.concatenate(found[name]), percent) for name in ("decide", "echo"))
        figures.append(Figure("service", f"decide to echo, {case}", f"ratio_p{percent}", float(decide / echo), "ratio"))
    return figures


def loading(target: str, method: str, file: Path, plan: Plan, *, tolerant: bool = False) -> subprocess.Popen[str]:
    """One round in a process of its own, on the core that the servers leave free where there is one."""
    patience = ["tolerant"] if tolerant else []
    command = [sys.executable, "-m", "benchmarks.load", target, method, str(file), *map(str, plan), *patience]
    cores = {max(os.sched_getaffinity(0))}
    return subprocess.Popen(  # noqa: S603  our own command
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cores)
    )


def latencies(load: subprocess.Popen[str]) -> np.ndarray:
    """What a round measured, in microseconds, when it has ended.

    Raises:
        CalledProcessError: when a call failed.
    """
    return measured(load)[1]


def measured(load: subprocess.Popen[str]) -> tuple[float, np.ndarray]:
    """The processor time that a round took in its own process, in seconds, and what it measured.

    Raises:
        CalledProcessError: when a call failed and the load is not tolerant.
    """
    out, _ = load.communicate()
    if load.returncode:
        raise subprocess.CalledProcessError(load.returncode, load.args)
    load_s, *latency_us = map(float, out.split())
    return load_s, np.array(latency_us)


def reply_bytes(target: str, state: Path) -> int:
    """The median size of real replies, as the journal holds them."""
    with grpc.insecure_channel(target) as channel:
        ask = channel.unary_unary(DECIDE)
        for customer in range(50):
            ask(message(customer).SerializeToString(), timeout=30)
    replies = [entry["reply"] for entry in read(state / "journal")]
    return int(np.median([len(reply) for reply in replies if isinstance(reply, bytes)]))


def free_port() -> int:
    """A port that nobody holds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Served:
    """A running server."""

    target: str
    process: subprocess.Popen[bytes]

    def reload(self) -> None:
        """Ask it to read its bundle and models again."""
        self.process.send_signal(signal.SIGHUP)


@contextmanager
def decider(bundle: Path, state: Path, workers: int = 1) -> Iterator[Served]:
    """A server of its own process; stopped at the end."""
    port = free_port()
    places = [str(bundle), "--state", str(state), "--port", str(port), "--workers", str(workers)]
    command = [sys.executable, "-m", "engine.cli", "serve", *places]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:  # noqa: S603  our own command
        try:
            _ready(f"127.0.0.1:{port}")
            yield Served(f"127.0.0.1:{port}", process)
        finally:
            process.send_signal(signal.SIGTERM)


@contextmanager
def echoing(size: int) -> Iterator[Served]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.echo", str(port), str(size)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603
        try:
            _ready(f"127.0.0.1:{port}")
            yield Served(f"127.0.0.1:{port}", process)
        finally:
            process.communicate(timeout=20)


def _ready(target: str) -> None:
    with grpc.insecure_channel(target) as channel:
        grpc.channel_ready_future(channel).result(timeout=60)
