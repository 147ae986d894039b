"""`nba journal`: what was recorded, in Parquet: rolled, asked, kept for as long as somebody says."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.commands.common import STATE, AsJson, State, faults

journal = typer.Typer(no_args_is_help=True, help="Decisions, interactions and what was learned, as they were recorded.")


@journal.command("roll")
def roll(state: State = STATE) -> None:
    """Bring what no worker writes any more into STATE/journal/parquet, each entry once; may be killed and run again."""
    from engine.serve.past.roll import roll as run

    with faults():
        typer.echo(json.dumps(run(state)))


@journal.command("sql")
def sql(
    question: Annotated[str, typer.Argument(help="One SELECT; docs/journal.md names the views and their columns.")],
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Ask the rolled journal in DuckDB's SQL; it is only read, and nothing else can be."""
    from engine.journal.parts import unrolled
    from engine.serve.past.sql import ask

    with faults():
        found = ask(state / "journal", question)
        waiting = len(unrolled(state / "journal"))
    if waiting:
        typer.echo(f"{waiting} segments are not rolled yet; `nba journal roll` brings in those that are done", err=True)
    if as_json:
        for row in found.rows:
            typer.echo(json.dumps(dict(zip(found.columns, map(_plain, row), strict=True)), default=str))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*found.columns, box=None, pad_edge=False, header_style="bold")
    for row in found.rows:
        table.add_row(*(str(_plain(value)) for value in row))
    Console(width=None if sys.stdout.isatty() else 200, markup=False).print(table)


@journal.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="The Parquet file to write.")],
    state: State = STATE,
) -> None:
    """Write what happened to decided actions as interaction history, in the layout that `pdstools.IH` reads."""
    from engine.serve.past.sql import export_history

    with faults():
        typer.echo(json.dumps({"exported": export_history(state / "journal", file)}))


@journal.command("retain")
def retain(
    keep: Annotated[list[str], typer.Option(help="KIND=DAYS, such as decisions=400d; may be given several times.")],
    state: State = STATE,
) -> None:
    """Delete what is older from Parquet, kind by kind; what is not named stays.

    `decisions` takes rankings and shadows along, and customers' records: what it keeps can be replayed. A change of the
    customer's record itself is another matter: this is the journal alone.
    """
    from engine.serve.past.retain import retain as run

    with faults():
        typer.echo(json.dumps(run(state / "journal", keep, time.time_ns() // 1_000_000)))


@journal.command("status")
def status(state: State = STATE) -> None:
    """Count segments, bytes and what waits in memory; what of it is in Parquet already."""
    from engine.journal.status import status as run

    with faults():
        typer.echo(json.dumps(run(state / "journal")))


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
