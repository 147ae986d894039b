"""`nba backup` and `nba restore`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from engine.commands.common import STATE, State, faults


def backup(
    target: Annotated[Path, typer.Argument(help="A new directory.")],
    state: State = STATE,
) -> None:
    """Copy a state while servers work on it: store, journal, models, snapshots, consistent with one another.

    The copy names people, and so does every earlier one: whoever is erased later has to be erased in it, too, which
    `nba restore --erased` does.
    """
    from engine.serve.backup import backup as run

    with faults():
        typer.echo(json.dumps(run(state, target)))


def restore(
    source: Annotated[Path, typer.Argument(help="A backup.")],
    state: Annotated[Path, typer.Option(help="A new directory; no server runs on it.")],
    erased: Annotated[
        Path | None, typer.Option(help="A later backup, or the old state: whoever was erased there is erased here.")
    ] = None,
) -> None:
    """Put a backup in place, every file of it checked."""
    from engine.serve.backup import restore as run

    with faults():
        typer.echo(json.dumps(run(source, state, erased)))
