"""`nba bench`: measure, print, remember."""

import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks import service, stages
from benchmarks.report import HISTORY, Figure, append, machine, show

SIZES = (10, 100, 1_000)  # rows of the catalogue
RATE = {10: 300.0, 100: 300.0, 1_000: 60.0}  # calls a second: well below what one worker can do


def run(*, as_json: bool, quick: bool = False, history: Path = HISTORY) -> int:
    """Measure everything in one run.

    Args:
        as_json: print one object a line.
        quick: a tenth of the calls; for a look, not for the record.
        history: the figures are appended to it.

    Returns:
        0, or 1 when a target was missed.
    """
    scale = 1 if quick else 10
    figures: list[Figure] = []
    with Progress(console=Console(stderr=True), transient=True) as progress, tempfile.TemporaryDirectory() as place:
        for rows in progress.track(SIZES, description="stages"):
            figures += stages.measure(rows, Path(place) / f"stages-{rows}", 200 * scale)
        for rows in progress.track(SIZES, description="service"):
            calls = int(RATE[rows] * scale)
            figures += service.measure(rows, Path(place) / f"service-{rows}", calls, RATE[rows])
    append(figures, history, machine())
    show(figures, as_json=as_json)
    return int(any(figure.reached is False for figure in figures))
