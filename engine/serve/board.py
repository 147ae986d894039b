"""Figures of one process in a file that another one reads: counting costs no lock between processes and no message."""

import mmap
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

WORD = 8  # bytes of a float64


@dataclass(frozen=True)
class Family:
    """Figures of one name, one for each combination of its labels.

    Args:
        name: as Prometheus calls it; ends in its unit.
        says: help text.
        labels: label -> every value it may take: no label grows at run time.
        bounds: upper bounds of a histogram's buckets, ascending; none for a plain figure.
        gauge: a figure that is set and not added to.
    """

    name: str
    says: str
    labels: dict[str, Sequence[str]]
    bounds: tuple[float, ...] = ()
    gauge: bool = False

    @property
    def width(self) -> int:
        """Words for each combination: a histogram has its buckets, that beyond them, and the sum."""
        return len(self.bounds) + 2 if self.bounds else 1

    @property
    def combinations(self) -> list[tuple[str, ...]]:
        """Every combination of label values, in the order in which they lie."""
        return [*product(*self.labels.values())]


class Board:
    """A place for every figure; one for each process, and whoever replaces it goes on counting there.

    Args:
        file: made if absent.
        families: what is counted; the same in every process.
    """

    def __init__(self, file: Path, families: Iterable[Family]) -> None:
        self._at: dict[str, dict[tuple[str, ...], int]] = {}
        size = 0
        for family in families:
            places = {combination: size + at * family.width for at, combination in enumerate(family.combinations)}
            self._at[family.name], size = places, size + family.width * len(places)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as opened:
            opened.truncate(size * WORD)
        with file.open("r+b") as opened:
            self._words = memoryview(mmap.mmap(opened.fileno(), size * WORD)).cast("d")
        self._lock = threading.Lock()  # of this process's threads: an addition is a read and a write

    def of(self, family: Family, *labels: str) -> "Count":
        """Where to add to, found once and not at every call."""
        return Count(self._words, self._lock, self._at[family.name][labels], family.bounds)

    def read(self, family: Family) -> Iterator[tuple[tuple[str, ...], list[float]]]:
        """Each combination of labels and its words."""
        for labels, at in self._at[family.name].items():
            yield labels, list(self._words[at : at + family.width])


class Count:
    """One figure, or one histogram."""

    def __init__(self, words: "memoryview[float]", lock: threading.Lock, at: int, bounds: tuple[float, ...]) -> None:
        self._words, self._lock, self._at, self._bounds = words, lock, at, bounds

    def add(self, amount: float = 1.0) -> None:
        """Add to a plain figure."""
        with self._lock:
            self._words[self._at] += amount

    def set(self, amount: float) -> None:
        """Say what a gauge stands at."""
        self._words[self._at] = amount

    def observe(self, amount: float) -> None:
        """Count into a histogram."""
        bucket = self._at + bisect_left(self._bounds, amount)
        with self._lock:
            self._words[bucket] += 1
            self._words[self._at + len(self._bounds) + 1] += amount
