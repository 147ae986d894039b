"""`nba replay`: what was decided, decided again."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.commands.common import STATE, AsJson, State, faults

if TYPE_CHECKING:
    from engine.serve.past.replay import Window

Spilled = Annotated[list[Path] | None, typer.Option(help="A directory that the journal was spilled to.")]
Since = Annotated[str, typer.Option(help="Only what was decided at or after it: ISO 8601, or 7d for a week ago.")]
Until = Annotated[str, typer.Option(help="Only what was decided before it.")]


def _window(since: str, until: str) -> "Window":
    from engine.serve.past.replay import Window

    return Window(_moment(since) if since else 0, _moment(until) if until else 1 << 62)


def _moment(text: str) -> int:
    import time

    from engine.decide.values import duration_ms, moment_ms

    try:
        return time.time_ns() // 1_000_000 - duration_ms(text)
    except ValueError:
        return moment_ms(text)


def replay(
    state: State = STATE,
    since: Since = "",
    until: Until = "",
    spilled: Spilled = None,
    as_json: AsJson = False,
) -> None:
    """Decide again what the journal holds, with what decided then, and compare byte for byte.

    Exit 1 when a decision comes out differently, or cannot be made again.
    """
    from engine.serve.past.replay import replay as run

    with faults():
        found = run(state, spilled or (), _window(since, until))
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo(f"{found['same']} of {found['decisions']} decisions are the same, to the byte")
        for name in found["differing"]:
            typer.echo(f"  different: {name}; `nba explain {name}` explains it")
        for reason, count in found["not_replayable"].items():
            typer.echo(f"  {count} cannot be made again: {reason}")
    raise typer.Exit(0 if found["same"] == found["decisions"] else 1)
