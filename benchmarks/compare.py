"""Two runs of the history side by side: what changed beyond noise."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

NOISE = 0.1  # of a figure without a spread of its own: what two runs of one commit differ by on a shared machine
Key = tuple[str, str, str]


class Change(NamedTuple):
    """One figure in two runs.

    Args:
        noise: by how much they may differ without saying anything.
    """

    key: Key
    before: float
    after: float
    noise: float

    @property
    def beyond(self) -> bool:
        """Whether that is more than noise."""
        return abs(self.after - self.before) > self.noise


def changes(history: Path, before: str, after: str) -> list[Change]:
    """Every figure that both runs have.

    Args:
        history: JSON lines.
        before, after: a commit, or when the run was made, or the beginning of either; the last run of it counts.

    Raises:
        ValueError: when no run is meant, with those that are known.
    """
    lines = [json.loads(line) for line in history.read_text().splitlines()]
    first, second = (_figures(lines, run) for run in (before, after))
    return [
        Change(key, first[key], second[key], _noise(first, second, key))
        for key in first
        if key in second and not key[2].endswith("_spread")
    ]


def _figures(lines: list[dict[str, Any]], run: str) -> dict[Key, float]:
    found: dict[Key, float] = {}
    known = dict[str, None]()
    for line in lines:
        made = line["run"]
        known[f"{made['commit']} of {made['at']}"] = None
        if str(made["commit"]).startswith(run) or str(made["at"]).startswith(run):
            found[str(line["bench"]), str(line["case"]), str(line["metric"])] = float(str(line["value"]))
    if not found:
        raise ValueError(f"no run '{run}' in the history; the last are: {', '.join([*known][-5:])}")
    return found


def _noise(first: Mapping[Key, float], second: Mapping[Key, float], key: Key) -> float:
    """The spread between rounds where it was measured, of whichever run had more of it."""
    spread = (*key[:2], f"{key[2]}_spread")
    if spread in first and spread in second:
        return max(first[spread], second[spread])
    return NOISE * abs(first[key])


def show(found: list[Change]) -> None:
    """Print what changed beyond noise, and how many figures did not."""
    table = Table("bench", "case", "metric", "before", "after", "noise", "change")
    for change in filter(lambda each: each.beyond, found):
        share = f"{change.after / change.before - 1:+.0%}" if change.before else ""
        figures = (f"{value:,.4g}" for value in (change.before, change.after, change.noise))
        table.add_row(*change.key, *figures, share)
    Console(width=140).print(table)
    print(f"{sum(not change.beyond for change in found)} figures of {len(found)} differ by no more than noise")
