"""`nba`: the commands. The composition root; everything heavy is imported when its command runs."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.commands.backups import backup, restore
from engine.commands.bench import bench
from engine.commands.common import ADDRESS, STATE, AsJson, State, Target, faults
from engine.commands.customers import customers, rebuild, segments
from engine.commands.journal import journal
from engine.commands.models import models
from engine.commands.past import replay

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
imports = typer.Typer(no_args_is_help=True, help="Bring customers, interactions or segments in from files.")
app.add_typer(imports, name="import")
app.add_typer(customers, name="customer")
app.add_typer(models, name="models")
app.add_typer(journal, name="journal")
app.command()(segments)
app.command()(rebuild)
app.command()(backup)
app.command()(restore)
app.command()(bench)
app.command()(replay)

Bundle = Annotated[Path, typer.Argument(help="The bundle's directory.")]


@app.callback()
def root() -> None:
    """Next best action: consent, rules and models, ranked per channel, over gRPC."""


@app.command()
def check(
    bundle: Bundle,
    as_json: AsJson = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 on warnings, too.")] = False,
) -> None:
    """Name every fault of a bundle with file, line, column and cure; exit 1 when there is one.

    What compiles and cannot be meant (a condition that never holds, an action that nobody can receive) is a warning.
    """
    from engine.decide.bundle import read_bundle
    from engine.decide.faults import BundleError
    from engine.decide.review import review
    from engine.serve.build import read_texts

    try:
        read = read_bundle(read_texts(bundle))
    except BundleError as error:
        for fault in error.faults:
            typer.echo(json.dumps(vars(fault)) if as_json else str(fault))
        raise typer.Exit(1) from None
    counts = {"actions": len(read.actions), "channels": len(read.channels), "policies": len(read.policies)}
    warnings = review(read)
    for warning in warnings:
        typer.echo(json.dumps({**vars(warning), "warning": True}) if as_json else f"warning: {warning}")
    for purpose in sorted(read.declared.exempt):
        typer.echo(json.dumps({"exempt": purpose}) if as_json else f"note: '{purpose}' is exempt from consent and caps")
    typer.echo(json.dumps(counts) if as_json else f"{bundle} is good: {counts}")
    raise typer.Exit(1 if strict and warnings else 0)


@app.command("test")
def test_(bundle: Bundle, as_json: AsJson = False) -> None:
    """Run a bundle's own cases (BUNDLE/cases/*.yaml: given, ask, expect, because); exit 1 when one fails."""
    from engine.serve.cases import run_cases

    with faults():
        outcomes = list(run_cases(bundle))
    for outcome in outcomes:
        if as_json:
            typer.echo(json.dumps(vars(outcome)))
        for fault in () if as_json else outcome.faults:
            typer.echo(f"{outcome.file}: {outcome.case}: {fault}")
    failed = sum(bool(outcome.faults) for outcome in outcomes)
    if not outcomes:
        typer.echo(f"there is no case in {bundle}/cases/*.yaml; nothing was tested", err=True)
    elif not as_json:
        typer.echo(f"{len(outcomes) - failed} of {len(outcomes)} cases hold")
    raise typer.Exit(0 if outcomes and not failed else 1)


@imports.command("customers")
def import_customers(
    file: Path,
    state: State = STATE,
    bundle: Annotated[Path | None, typer.Option(help="Take only this bundle's attributes, channels, purposes.")] = None,
    source: Annotated[str, typer.Option(help="Where the rows come from; the file's name unless said otherwise.")] = "",
    at: Annotated[str, typer.Option(help="As of when they are, ISO 8601; now unless said otherwise.")] = "",
) -> None:
    """Upsert customers from .csv, .jsonl or .parquet; bad lines go to FILE.rejected.jsonl, the rest goes in.

    Columns: customer_id; optional time_zone, updated_at (as of when the row is: epoch milliseconds or ISO 8601; a field
    that was said later already stays) and consent:PURPOSE:CHANNEL (true or false, no channel = every channel); every
    other column is an attribute. With --bundle, a row with an attribute, channel or purpose that the bundle does not
    know is kept aside; without it the cells of a CSV are texts, and what does not fit the schema counts as missing.
    """
    from engine.decide.bundle import read_bundle
    from engine.decide.values import moment_ms
    from engine.serve.build import read_texts
    from engine.serve.imports import import_customers as run

    with faults():
        known = read_bundle(read_texts(bundle)) if bundle else None
        typer.echo(json.dumps(run(file, state, known, source, moment_ms(at) if at else 0)))


@imports.command("interactions")
def import_interactions(
    file: Path,
    state: State = STATE,
    bundle: Annotated[
        Path | None,
        typer.Option(help="Take only this bundle's channels, keep what it needs; groups are its actions'."),
    ] = None,
) -> None:
    """Record interactions from .csv, .jsonl or .parquet; bad lines go to FILE.rejected.jsonl, the rest goes in.

    Columns: key (once counted, never again), customer_id, kind, at_ms (epoch milliseconds or ISO 8601); optional
    channel, placement, action_key, group, objective, decision_id, amount, discount, and also_known_as (another id of
    the same person, as a login says). A JSON line may be a CloudEvent, or a dead letter
    (STATE/dead_letters/DAY.jsonl), which is so sent again.
    """
    from engine.decide.bundle import read_bundle
    from engine.serve.build import read_texts
    from engine.serve.imports import import_interactions as run
    from engine.store.open import open_store
    from engine.store.settle import settle

    with faults():
        read = read_bundle(read_texts(bundle)) if bundle else None
        if read:
            store = open_store(state)
            settle(store, read.keeping)
            store.close()
        typer.echo(json.dumps(run(file, state, read)))


@imports.command("segments")
def import_segments(
    file: Path,
    state: State = STATE,
    version: Annotated[str, typer.Option(help="Of the table; a digest of the file unless said otherwise.")] = "",
) -> None:
    """Write segments back that were computed off-line; the table says all of each segment that it names.

    Columns: customer_id, segment; optional expires (ISO 8601).
    """
    from engine.serve.segments import import_segments as run

    with faults():
        typer.echo(json.dumps(run(file, state, version)))


@app.command()
def train(
    bundle: Bundle,
    state: State = STATE,
    model: Annotated[str, typer.Option(help="One of the models that the bundle's models.yaml names.")] = "response",
) -> None:
    """Train on the earlier campaigns, test on the last eight, export, and register the model."""
    from training.run import train as run

    with faults():
        typer.echo(json.dumps(run(bundle, state, model)))


@app.command()
def serve(
    bundle: Bundle,
    state: State = STATE,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 50051,
    workers: Annotated[int, typer.Option(help="Worker processes.", min=1, max=256)] = 1,
    config: Annotated[
        Path | None, typer.Option(help="Limits, and what a full journal does; docs/limits.md and docs/journal.md.")
    ] = None,
    store: Annotated[
        str,
        typer.Option(help="valkey://HOST:PORT[,HOST:PORT...][?replicas=N]; kept in STATE/store.url for all commands."),
    ] = "",
    metrics_port: Annotated[int, typer.Option(help="Port of Prometheus' /metrics; 0 for none.", min=0, max=65535)] = 0,
) -> None:
    """Serve decisions until SIGTERM; SIGHUP reloads the bundle, keeping the old one if the new one is faulty."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # while it starts: what a reload asks for is read afterwards
    from engine.serve.server import serve as run
    from engine.serve.settings import Settings
    from engine.store.open import keep_in

    with faults():
        if store:
            keep_in(state, store)
        code = run(Settings(bundle, state, address, port, workers, config, metrics_port))
    raise typer.Exit(code)


@app.command()
def capture(
    bundle: Bundle,
    state: State = STATE,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8081,
    origin: Annotated[list[str] | None, typer.Option(help="Pages that may send here: https://shop.example.")] = None,
    config: Annotated[Path | None, typer.Option(help="Limits, as for the server; docs/limits.md says which.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="Holds the token of those who may send events.")] = None,
) -> None:
    """Collect events over HTTP until SIGTERM: CloudEvents and the beacon's; SIGHUP reads the bundle again.

    Without a token, from --token-file or NBA_CAPTURE_TOKEN, CloudEvents are taken from this machine alone.
    """
    from engine.decide.bundle import read_bundle
    from engine.serve.build import read_texts
    from engine.serve.config import read_limits
    from engine.web.server import Settings
    from engine.web.server import capture as run

    with faults():
        token = token_file.read_text().strip() if token_file else os.environ.get("NBA_CAPTURE_TOKEN")
        place, pages = (address, port), tuple(origin or ())
        run(Settings(lambda: read_bundle(read_texts(bundle)), read_limits(config), state, place, pages, token))


@app.command()
def decide(
    customer: Annotated[str, typer.Argument(help="A stored customer's id.")],
    channel: Annotated[list[str], typer.Option(help="A channel; may be given several times.")],
    target: Target = ADDRESS,
    limit: Annotated[int, typer.Option(help="Actions per channel.", min=1, max=2**32 - 1)] = 3,
    now_ms: Annotated[int, typer.Option(help="The moment to decide for; 0 is now.", min=0, max=2**63 - 1)] = 0,
    as_json: AsJson = False,
) -> None:
    """Ask a running server for the next action per channel."""
    from engine.serve.client import Client, as_words

    with faults(), Client(target) as client:
        reply = client.ask(customer, channel, limit=limit, now_ms=now_ms)
    typer.echo(as_words(reply, as_json=as_json))


@app.command()
def explain(
    subject: Annotated[str, typer.Argument(help="A decision's id; or, with --channel, a stored customer's.")],
    channel: Annotated[list[str] | None, typer.Option(help="Decide now, here; may be given several times.")] = None,
    target: Target = ADDRESS,
    now_ms: Annotated[int, typer.Option(help="The moment to decide for; 0 is now.", min=0, max=2**63 - 1)] = 0,
    state: State = STATE,
    what_if: Annotated[bool, typer.Option("--what-if", help="Only what one single change would let through.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say for every action why it was held back, all reasons, and what the rules saw.

    Of a decision that was made, from the journal in STATE; with --channel, of one that a running server makes now.
    """
    from engine.serve.client import LEVELS, Client, as_words
    from engine.serve.past.explained import explained

    level = "what_if" if what_if else "full"
    with faults():
        if channel:
            with Client(target) as client:
                reply = client.ask(subject, channel, level=level, now_ms=now_ms)
        else:
            reply = explained(state, subject, LEVELS[level])
    typer.echo(as_words(reply, as_json=as_json))
    if what_if and not reply.trace and not as_json:
        typer.echo("no single change would let anything else through")


@app.command()
def demo(
    bundle: Annotated[Path, typer.Option(help="The grocer's bundle.")] = Path("examples/grocer"),
    state: State = STATE,
    households: Annotated[int, typer.Option(help="How many households; 0 is all.", min=0)] = 0,
    port: Annotated[int, typer.Option(help="Port of the demo's server.", min=1, max=65535)] = 50551,
) -> None:
    """Run the whole chain on the grocer's data: load, import, train, serve, decide."""
    from training.demo import run

    with faults():
        code = run(bundle, state, households, port)
    raise typer.Exit(code)


def main() -> None:
    """Run `nba`."""
    sys.exit(app())


if __name__ == "__main__":
    main()
