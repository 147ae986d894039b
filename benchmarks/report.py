"""What a run says: lines of one figure each, tables for people, and the history in git."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

DEFAULT = Path(__file__).parent / "history.jsonl"
KEYS = ("bench", "case", "metric", "value", "unit", "target", "reached")
# (bench, case, metric) -> the most it may be; what stands here is compared on every run.
TARGETS: Mapping[tuple[str, str, str], float] = {}


@dataclass(frozen=True)
class Line:
    """One figure.

    Args:
        bench: "stages" or "service".
        case: the stage, or who was asked and over how many rows: "decide@1000".
        metric: its name, unit and percentile last: "latency_us_p99".
        value: the median over the repeats or rounds.
        unit: "us" or "ratio".
        target: the most it may be; None when there is none.
        low, high: the smallest and the largest of the repeats or rounds.
    """

    bench: str
    case: str
    metric: str
    value: float
    unit: str
    target: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the value is within its target; None when there is none."""
        return None if self.target is None else self.value <= self.target

    def facts(self) -> dict[str, object]:
        """The seven keys, in order."""
        values = {**asdict(self), "reached": self.reached}
        return {key: values[key] for key in KEYS}


def percentile(values: Iterable[float], percent: float) -> float:
    """The nearest-rank percentile: a value that was really measured.

    Args:
        values: at least one.
        percent: 0 < percent <= 100.
    """
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)  # rounded up
    return ordered[max(0, int(rank) - 1)]


def line(
    name: tuple[str, str, str], values: Sequence[float], unit: str, targets: Mapping[tuple[str, str, str], float] = TARGETS
) -> Line:
    """One figure from its repeats.

    Args:
        name: bench, case and metric.
        values: one for each repeat or round.
        unit: theirs.
        targets: name -> the most it may be.
    """
    rounded = [round(value, 3) for value in values]
    middle = round(statistics.median(rounded), 3)
    return Line(*name, middle, unit, targets.get(name), min(rounded), max(rounded))


def as_json(lines: Iterable[Line]) -> str:
    """One object a line, with the seven keys."""
    return "\n".join(json.dumps(each.facts()) for each in lines)


def show(lines: Sequence[Line], console: Console) -> None:
    """A table for each bench: cases down, metrics across, each with its spread."""
    for bench in dict.fromkeys(each.bench for each in lines):
        console.print(_table(bench, [each for each in lines if each.bench == bench]))


def _table(bench: str, lines: Sequence[Line]) -> Table:
    metrics = list(dict.fromkeys(each.metric for each in lines if each.unit != "ratio"))
    ratios = [each.metric for each in lines if each.unit == "ratio" and each.metric.count("_") == 1]
    metrics += dict.fromkeys(ratios)
    found = {(each.case, each.metric): each for each in lines}
    table = Table("case", *metrics, title=f"{bench}: median (smallest to largest of the repeats)")
    for case in dict.fromkeys(each.case for each in lines):
        table.add_row(case, *(_cell(found.get((case, metric))) for metric in metrics))
    return table


def _cell(found: Line | None) -> str:
    if found is None:
        return ""
    mark = {None: "", True: " reached", False: f" above {found.target}"}[found.reached]
    digits = 2 if found.unit == "ratio" else 1
    return f"{found.value:,.{digits}f} ({found.low:,.{digits}f} to {found.high:,.{digits}f}){mark}"


def metadata(*, quick: bool, now: datetime | None = None) -> dict[str, object]:
    """What a figure means nothing without: when, where, on which code."""
    return {
        "date": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
        "commit": _commit(),
        "cpu": _cpu(),
        "cores": _cores(),
        "python": platform.python_version(),
        "mode": "quick" if quick else "full",
    }


def _commit() -> str:
    """The commit in force, with a + when files differ from it; empty outside git."""
    asked = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return ""


def _cpu() -> str:
    try:
        facts = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((fact.partition(":")[2].strip() for fact in facts if fact.startswith("model name")), "")


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def append(history: Path, lines: Iterable[Line], facts: Mapping[str, object]) -> None:
    """Add a run to the history, one figure a line.

    Args:
        history: the file, made if absent.
        lines: the figures.
        facts: as `metadata` returns them; they stand on every line.
    """
    with history.open("a") as out:
        for each in lines:
            out.write(json.dumps({**facts, **each.facts(), "low": each.low, "high": each.high}) + "\n")
