"""Figures: one JSON object a line, the form of every benchmark; a table for people; a history in git."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

HISTORY = Path(__file__).parent / "history.jsonl"
PERCENTS = (50, 90, 99, 99.9)


@dataclass(frozen=True)
class Figure:
    """One figure.

    Args:
        bench, case, metric: what was measured; the metric's unit stands last in its name.
        value: the figure.
        unit: of the value.
        target: what it should at most be; None where nothing is promised.
    """

    bench: str
    case: str
    metric: str
    value: float
    unit: str
    target: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        return None if self.target is None else self.value <= self.target

    def line(self) -> dict[str, object]:
        """The seven keys."""
        return {**asdict(self), "value": float(f"{self.value:.4g}"), "reached": self.reached}


def percentiles(bench: str, case: str, latency_us: Iterable[float]) -> list[Figure]:
    """p50, p90, p99 and p99.9 of some latencies in microseconds."""
    found = np.percentile(np.fromiter(latency_us, np.float64), PERCENTS)
    return [
        Figure(bench, case, f"latency_us_p{percent:g}", float(value), "us")
        for percent, value in zip(PERCENTS, found, strict=True)
    ]


def machine() -> dict[str, object]:
    """Where and when the run was made."""
    cpu = next((line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")), "")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "commit": _commit(),
    }


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _commit() -> str:
    command = ["git", "-C", str(HISTORY.parent), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own command
    return done.stdout.strip()


def append(figures: Iterable[Figure], history: Path, run: Mapping[str, object]) -> None:
    """Add the run to the history."""
    with history.open("a") as out:
        for figure in figures:
            out.write(json.dumps({**figure.line(), "run": run}) + "\n")


def show(figures: Iterable[Figure], *, as_json: bool) -> None:
    """Print lines of JSON, or a table."""
    if as_json:
        for figure in figures:
            print(json.dumps(figure.line()))
        return
    table = Table("bench", "case", "metric", "value", "unit", "target", "reached")
    for figure in figures:
        line = figure.line()
        table.add_row(*("" if cell is None else str(cell) for cell in line.values()))
    Console(width=140).print(table)
