"""What every group of commands shares."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

State = Annotated[Path, typer.Option(help="Where records, journal and models live.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line instead of words.")]
Target = Annotated[str, typer.Option(help="Address of a running server.")]
STATE = Path(".nba")
ADDRESS = "127.0.0.1:50051"


@contextmanager
def faults() -> Iterator[None]:
    """What people can mend, as a sentence and exit 1; anything else is ours and shows its trace."""
    try:
        yield
    except OSError as error:
        typer.echo(f"{error.filename}: {error.strerror}" if error.filename else str(error), err=True)
        raise typer.Exit(1) from None
    except (ValueError, RuntimeError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
