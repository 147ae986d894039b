"""`nba`: the commands. The composition root; everything heavy is imported when its command runs."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
imports = typer.Typer(no_args_is_help=True, help="Bring customers or interactions in from files.")
customers = typer.Typer(no_args_is_help=True, help="Look at one customer's record.")
app.add_typer(imports, name="import")
app.add_typer(customers, name="customer")

Bundle = Annotated[Path, typer.Argument(help="The bundle's directory.")]
State = Annotated[Path, typer.Option(help="Where records, journal and models live.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line instead of words.")]
Target = Annotated[str, typer.Option(help="Address of a running server.")]
STATE = Path(".nba")
ADDRESS = "127.0.0.1:50051"


@app.callback()
def root() -> None:
    """Next best action: consent, rules and models, ranked per channel, over gRPC."""


@app.command()
def check(bundle: Bundle, as_json: AsJson = False) -> None:
    """Name every fault of a bundle with file, line, column and cure; exit 1 when there is one."""
    from engine.decide.bundle import read_bundle
    from engine.decide.faults import BundleError
    from engine.serve.build import read_texts

    try:
        read = read_bundle(read_texts(bundle))
    except BundleError as error:
        for fault in error.faults:
            typer.echo(json.dumps(vars(fault)) if as_json else str(fault))
        raise typer.Exit(1) from None
    counts = {"actions": len(read.actions), "channels": len(read.channels), "policies": len(read.policies)}
    typer.echo(json.dumps(counts) if as_json else f"{bundle} is good: {counts}")


@imports.command("customers")
def import_customers(file: Path, state: State = STATE) -> None:
    """Upsert customers: column customer_id, optional time_zone, consent:PURPOSE:CHANNEL, any other = attribute."""
    from engine.serve.imports import import_customers as run

    typer.echo(json.dumps(run(file, state)))


@imports.command("interactions")
def import_interactions(file: Path, state: State = STATE) -> None:
    """Record interactions: columns key, customer_id, kind, at_ms; optional channel, action_key, group, amount."""
    from engine.serve.imports import import_interactions as run

    typer.echo(json.dumps(run(file, state)))


@app.command()
def train(bundle: Bundle, state: State = STATE) -> None:
    """Train on the earlier campaigns, test on the last eight, export, and register the model."""
    from training.run import train as run

    typer.echo(json.dumps(run(bundle, state)))


@app.command()
def serve(
    bundle: Bundle,
    state: State = STATE,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 50051,
    workers: Annotated[int, typer.Option(help="Worker processes.", min=1, max=256)] = 1,
) -> None:
    """Serve decisions until SIGTERM; SIGHUP reloads the bundle, keeping the old one if the new one is faulty."""
    from engine.decide.faults import BundleError
    from engine.serve.server import Settings
    from engine.serve.server import serve as run
    from models import ModelError

    try:
        raise typer.Exit(run(Settings(bundle, state, address, port, workers)))
    except (BundleError, ModelError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command()
def decide(
    customer: Annotated[str, typer.Argument(help="A stored customer's id.")],
    channel: Annotated[list[str], typer.Option(help="A channel; may be given several times.")],
    target: Target = ADDRESS,
    limit: Annotated[int, typer.Option(help="Actions per channel.")] = 3,
    now_ms: Annotated[int, typer.Option(help="The moment to decide for; 0 is now.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Ask a running server for the next action per channel."""
    from engine.serve.client import Client, as_words

    with Client(target) as client:
        reply = client.ask(customer, channel, limit=limit, now_ms=now_ms)
    typer.echo(as_words(reply, as_json=as_json))


@app.command()
def explain(
    customer: Annotated[str, typer.Argument(help="A stored customer's id.")],
    channel: Annotated[list[str], typer.Option(help="A channel; may be given several times.")],
    target: Target = ADDRESS,
    now_ms: Annotated[int, typer.Option(help="The moment to decide for; 0 is now.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say for every action why it was held back, all reasons."""
    from engine.serve.client import Client, as_words

    with Client(target) as client:
        reply = client.ask(customer, channel, level="full", now_ms=now_ms)
    typer.echo(as_words(reply, as_json=as_json))


@customers.command("show")
def show(customer: str, state: State = STATE) -> None:
    """Print a customer's record as it stands, as JSON."""
    import msgspec

    from engine.store.lmdb import LmdbStore

    record = LmdbStore(state / "store").load(customer)
    if record is None:
        typer.echo(f"no customer '{customer}' in {state}", err=True)
        raise typer.Exit(1)
    typer.echo(msgspec.json.format(msgspec.json.encode(record), indent=1).decode())


@app.command()
def demo(
    bundle: Annotated[Path, typer.Option(help="The grocer's bundle.")] = Path("examples/grocer"),
    state: State = STATE,
    households: Annotated[int, typer.Option(help="How many households; 0 is all.")] = 0,
    port: Annotated[int, typer.Option(help="Port of the demo's server.")] = 50551,
) -> None:
    """Run the whole chain on the grocer's data: load, import, train, serve, decide."""
    from training.demo import run

    raise typer.Exit(run(bundle, state, households, port))


def main() -> None:
    """Run `nba`."""
    sys.exit(app())


if __name__ == "__main__":
    main()
