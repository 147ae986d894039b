"""`nba bench`: measure, print, remember."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks import (
    bandits,
    capture,
    coldstart,
    converters,
    customer,
    imports,
    journal,
    online,
    rules,
    score,
    serve,
    service,
    stages,
    store,
    swaps,
)  # fmt: skip
from benchmarks.page import write_page
from benchmarks.report import HISTORY, Figure, append, machine, show

EVERY = ("stages", "service", "capture", "rules", "score", "online", "customer", "store", "journal", "export", "swaps")
# The first two bring worlds of their own and measure no time; the others take minutes, the last a quarter of an hour.
BENCHES = (*EVERY, "bandits", "coldstart", "imports", "serve")
ALONE = {
    "rules": rules.measure,
    "score": score.measure,
    "online": online.measure,
    "coldstart": coldstart.measure,
    "customer": customer.measure,
    "imports": imports.measure,
    "store": store.measure,
    "journal": journal.measure,
}
SIZES = (10, 100, 1_000)  # rows of the catalogue
RATE = {10: 300.0, 100: 300.0, 1_000: 60.0}  # calls a second: well below what one worker can do


def run(only: str, *, as_json: bool, quick: bool, history: Path = HISTORY, page: Path | None = None) -> int:
    """Measure in one run.

    Args:
        only: one of BENCHES; empty for EVERY one.
        as_json: print one object a line.
        quick: a tenth of the calls, one order of the rows; for a look, so the history is left alone.
        history: the figures are appended to it.
        page: where `serve` puts its page; none without.

    Returns:
        0, or 1 when a target was missed.

    Raises:
        ValueError: when there is no such bench.
    """
    if only and only not in BENCHES:
        raise ValueError(f"unknown bench '{only}'; known: {', '.join(BENCHES)}")
    scale = 1 if quick else 10
    with Progress(console=Console(stderr=True), transient=True) as progress:
        if only == "serve":
            figures = _serve(progress, page, quick=quick)
        else:
            chosen = [only] if only else EVERY
            figures = [figure for bench in progress.track(chosen) for figure in _measure(bench, scale)]
    if not quick:
        append(figures, history, machine())
    show(figures, as_json=as_json)
    return int(any(figure.reached is False for figure in figures))


def _measure(bench: str, scale: int) -> Iterator[Figure]:
    if bench in ALONE:
        yield from ALONE[bench](scale)
        return
    if bench == "export":
        yield from converters.measure()
        return
    if bench == "bandits":
        yield from bandits.measure(seeds=bandits.SEEDS[: 1 if scale == 1 else None])
        return
    with tempfile.TemporaryDirectory() as place:
        if bench == "swaps":
            yield from swaps.measure(Path(place), 50 * scale)
            return
        if bench == "capture":
            yield from capture.measure(Path(place), 200 * scale)
            return
        for rows in SIZES:
            if bench == "stages":
                yield from stages.measure(rows, Path(place) / str(rows), 200 * scale)
            else:
                yield from service.measure(rows, Path(place) / str(rows), int(RATE[rows] * scale), RATE[rows])


def _serve(progress: Progress, file: Path | None, *, quick: bool) -> list[Figure]:
    """Every workload, and the page of them all."""
    figures: list[Figure] = []
    climbs = {}
    for name in progress.track(tuple(serve.WORKLOADS)):
        with tempfile.TemporaryDirectory() as place:
            own, climbs[name] = serve.measure(name, Path(place), quick=quick)
        figures += own
    if file is not None:
        file.write_text(write_page(climbs, figures, machine()))
    return figures
