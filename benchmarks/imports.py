"""Files into the store at scale: how fast, in how much memory and on how much disk, as customers grow."""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import csv

from benchmarks.customer import CHANNELS, GROUPS, KEEPING, KINDS, NOW_MS, SPAN_DAYS
from benchmarks.plot import Series, plot
from benchmarks.report import Figure
from benchmarks.service import ROOT
from engine.decide.values import DAY_MS
from engine.store.lmdb import LmdbStore

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)  # customers
EACH = 10  # interactions of one, on average
RATE, MEMORY_MB = 40_000.0, 400.0
CHUNK = 100_000
SPREAD = 1.2  # of the logarithm of how active people are: the busiest hundredth does a tenth of everything
PLOT = ROOT / "docs" / "import.svg"
LINES = csv.WriteOptions(include_header=False, quoting_style="none")


class Run(NamedTuple):
    """One import: what it took; `cpu_s` is processor time, of all its processes."""

    customers: int
    spent_s: float
    cpu_s: float
    memory_mb: float
    store_bytes: int
    file_bytes: int


def measure(scale: int) -> Iterator[Figure]:
    """Import ever more customers, each time into an empty store; all of them make the plot of `docs`.

    Args:
        scale: tenths of the sizes.
    """
    runs = []
    for customers in SIZES:
        with tempfile.TemporaryDirectory() as place:
            runs.append(_run(Path(place), customers * scale // 10))
        yield from _figures(runs[-1])
    if scale == 10:
        PLOT.write_text(_plot(runs))


def _plot(runs: list[Run]) -> str:
    curves = (
        Series("seconds", [run.spent_s for run in runs]),
        Series("seconds of processor", [run.cpu_s for run in runs]),
        Series("MB of disk", [run.store_bytes / 1e6 for run in runs]),
        Series("MB of memory", [run.memory_mb for run in runs]),
    )
    return plot(f"customers, {EACH} interactions each", [run.customers for run in runs], curves)


def _figures(run: Run) -> Iterator[Figure]:
    case, count = f"{run.customers} customers", run.customers * EACH
    # As a cost, so that "at most" holds for every figure.
    yield Figure("imports", case, "us_each", 1e6 * run.spent_s / count, "us", 1e6 / RATE)
    yield Figure("imports", case, "cpu_us_each", 1e6 * run.cpu_s / count, "us")
    yield Figure("imports", case, "memory_mb", run.memory_mb, "MB", MEMORY_MB)
    yield Figure("imports", case, "store_bytes_each", run.store_bytes / count, "bytes")
    yield Figure("imports", case, "file_bytes_each", run.file_bytes / count, "bytes")


def _run(directory: Path, customers: int) -> Run:
    file, state = directory / "interactions.csv", directory / "state"
    write_log(file, customers)
    store = LmdbStore(state / "store")
    list(store.rebuild(KEEPING))
    store.close()
    start, before_s = time.perf_counter(), _cpu_s()
    memory_mb = imported(file, state, customers * EACH)
    spent_s, cpu_s = time.perf_counter() - start, _cpu_s() - before_s
    made = Run(customers, spent_s, cpu_s, memory_mb, _size(state), file.stat().st_size)
    shutil.rmtree(state)
    return made


def imported(file: Path, state: Path, count: int) -> float:
    """The command, in processes of its own; returns the most memory they had together, in MB."""
    command = [sys.executable, "-m", "engine.cli", "import", "interactions", str(file), "--state", str(state)]
    most_kb = 0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own command
        while process.poll() is None:
            most_kb = max(most_kb, sum(map(_own_kb, [process.pid, *_children(process.pid)])))
            time.sleep(0.05)
        said = process.stdout.read() if process.stdout else ""
    if json.loads(said) != {"imported": count, "duplicates": 0, "rejected": 0}:
        raise RuntimeError(f"the import went wrong: {said}")
    return most_kb / 1024


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _children(pid: int) -> list[int]:
    file = Path(f"/proc/{pid}/task/{pid}/children")
    return list(map(int, file.read_text().split())) if file.exists() else []


def _own_kb(pid: int) -> int:
    """Memory that is the process's own: pages of the store, which it maps, the kernel takes back when it likes."""
    file = Path(f"/proc/{pid}/status")
    lines = file.read_text().splitlines() if file.exists() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def _size(directory: Path) -> int:
    """Bytes on disk."""
    return sum(512 * file.stat().st_blocks for file in directory.rglob("*"))


def write_log(file: Path, customers: int) -> None:
    """Two years of everybody by time, as CSV: everybody at least once, some far more often.

    Args:
        file: to be written, in pieces, so that its size is not bound by memory.
        customers: ten interactions for each; their number is the seed.
    """
    rng = np.random.default_rng(customers)
    once, activity = rng.permutation(customers), np.cumsum(rng.lognormal(0, SPREAD, customers))
    total, start_ms = EACH * customers, NOW_MS - SPAN_DAYS * DAY_MS
    with file.open("wb") as out:
        for first in range(0, total, CHUNK):
            number = np.arange(first, min(first + CHUNK, total))
            who = np.searchsorted(activity, rng.random(len(number)) * activity[-1])
            every_tenth = number % EACH == 0
            who[every_tenth] = once[number[every_tenth] // EACH]
            lines = _lines(rng, number, who, start_ms + number * (SPAN_DAYS * DAY_MS) // total)
            if not first:
                out.write(",".join(lines.column_names).encode() + b"\n")
            csv.write_csv(lines, out, LINES)


def _lines(rng: np.random.Generator, number: np.ndarray, who: np.ndarray, at_ms: np.ndarray) -> pa.Table:
    count = len(number)
    kind = rng.choice(len(KINDS), count, p=list(KINDS.values()))
    action, bought = rng.integers(0, 100, count), kind == list(KINDS).index("purchase")
    seen = kind == list(KINDS).index("page_view")
    return pa.table(
        {
            "key": pa.array(number).cast(pa.string()),
            "customer_id": pa.array([f"customer_{each:07d}" for each in who]),
            "kind": _named(list(KINDS), kind),
            "at_ms": at_ms,
            "channel": _named(CHANNELS, rng.integers(0, len(CHANNELS), count)),
            "action_key": _named([f"action_{each:05d}" for each in range(100)], action, seen | bought),
            "group": _named(GROUPS, action % len(GROUPS)),
            "amount": pa.array(np.round(rng.gamma(2, 20, count), 2), mask=~bought),
        }
    )


def _named(names: tuple[str, ...] | list[str], code: np.ndarray, absent: np.ndarray | None = None) -> pa.Array:
    return pa.array(names).take(pa.array(code, mask=absent))
