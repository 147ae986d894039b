"""`nba bench`: measure, and compare what was measured."""

from pathlib import Path
from typing import Annotated

import typer

from engine.commands.common import AsJson, faults

WHAT = (
    "stages, service, capture, rules, score, online, customer, store, journal, export, swaps (all without); "
    "imports, bandits, coldstart; serve: under rising load; compare: two runs of the history."
)


def bench(
    only: Annotated[str, typer.Argument(help=WHAT)] = "",
    runs: Annotated[
        list[str] | None, typer.Argument(help="compare: two commits, or times.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    quick: Annotated[bool, typer.Option(help="A tenth of the calls: for a look, not for the record.")] = False,
    page: Annotated[Path | None, typer.Option(help="serve: where its page of charts goes.", show_default=False)] = None,
) -> None:
    """Measure stages, Decide beside a bare echo, events until seen, rules, exports, exploration; keeps a history."""
    from benchmarks import compare
    from benchmarks.report import HISTORY
    from benchmarks.run import run

    code = 0
    with faults():
        if only == "compare":
            if runs is None or len(runs) != 2:
                raise ValueError("compare wants two runs: nba bench compare 0f50114 a1b2c3d")
            compare.show(compare.changes(HISTORY, *runs))
        else:
            code = run(only, as_json=as_json, quick=quick, page=page)
    raise typer.Exit(code)
