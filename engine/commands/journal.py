"""`nba journal`: what was recorded, in Parquet: rolled, asked, kept for as long as somebody says."""

import json
import sys
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


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
