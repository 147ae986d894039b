"""`nba customer`, `nba segments` and `nba rebuild`: one person, who is in which segment, all records again."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.commands.common import ADDRESS, STATE, AsJson, State, Target, faults

if TYPE_CHECKING:
    from engine.decide.bundle import Bundle
    from engine.decide.derived import Derived

customers = typer.Typer(no_args_is_help=True, help="Look at one customer's record, link ids, export, erase.")
OfBundle = Annotated[
    Path | None, typer.Option("--bundle", help="Whose values, stages and segments; else the usual ones.")
]
LATEST_MS = 4_102_444_800_000  # the year 2100, as for every call
TheBundle = Annotated[Path, typer.Argument(help="The bundle's directory.")]


def _read(bundle: Path) -> "Bundle":
    from engine.decide.bundle import read_bundle
    from engine.serve.build import read_texts

    return read_bundle(read_texts(bundle))


def _derived(bundle: Path | None) -> "Derived":
    from engine.decide.derived import USUALLY

    return _read(bundle).derived if bundle else USUALLY


@customers.command("show")
def show(
    customer: str,
    state: State = STATE,
    bundle: OfBundle = None,
    now_ms: Annotated[int, typer.Option(min=0, max=LATEST_MS, help="As of this moment; 0 is now.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Print a record as a person would want to read it; --json gives all of it."""
    from engine.customer.as_of import AsOf
    from engine.customer.described import described
    from engine.serve.shown import show as run
    from engine.store.open import has_store, open_store

    with faults():
        derived = _derived(bundle)
        record = open_store(state).load(customer) if has_store(state) and customer else None
    if record is None:
        typer.echo(f"no customer '{customer}' in {state}", err=True)
        raise typer.Exit(1)
    as_of = AsOf(record, now_ms or time.time_ns() // 1_000_000, derived)
    if as_json:
        typer.echo(json.dumps(described(as_of)))
    else:
        run(as_of)


@customers.command("watch")
def watch(customer: str, target: Target = ADDRESS, as_json: AsJson = False) -> None:
    """Follow a record at a running server: a line for each change, with --json the whole record; until interrupted."""
    from google.protobuf import json_format

    from engine.serve.changes import changed
    from engine.serve.client import Client

    before = None
    with faults(), Client(target) as client:
        for record in client.watch(customer):
            whole = json_format.MessageToJson(record, preserving_proto_field_name=True, indent=None) if as_json else ""
            typer.echo(whole or changed(before, record))
            before = record


@customers.command("link")
def link(
    customer: Annotated[str, typer.Argument(help="An id of the person.")],
    others: Annotated[
        list[str], typer.Argument(help="Other ids: email:DIGEST, device:..., cookie:..., or an account.")
    ],
    state: State = STATE,
    at: Annotated[str, typer.Option(help="Since when it is known, ISO 8601; now unless said otherwise.")] = "",
    source: Annotated[str, typer.Option(help="Who says so.")] = "operator",
) -> None:
    """Make one person of several ids; it cannot be undone. A consent is never widened: the stricter holds."""
    from engine.customer.checks import Bounds, Checks
    from engine.decide.values import moment_ms
    from engine.store.open import open_store

    now_ms = time.time_ns() // 1_000_000
    with faults():
        links = Checks(Bounds()).links(customer, others, moment_ms(at) if at else now_ms, source, now_ms)
        record = open_store(state).link(links)
    typer.echo(json.dumps({"customer_id": record.customer_id, "revision": record.revision, "ids": record.ids}))


@customers.command("export")
def export(customer: str, state: State = STATE, bundle: OfBundle = None) -> None:
    """Print all that is held of a person as JSON, and where each part of it came from."""
    from engine.serve.rights.export import export as run

    with faults():
        derived = _derived(bundle)
        document = run(state, customer, derived) if state.is_dir() and customer else None
    if document is None:
        typer.echo(f"nothing of '{customer}' in {state}", err=True)
        raise typer.Exit(1)
    typer.echo(json.dumps(document))


@customers.command("erase")
def erase(
    customer: Annotated[
        list[str] | None, typer.Argument(help="An id of each person; none goes on where a run was broken off.")
    ] = None,
    state: State = STATE,
) -> None:
    """Erase people under every id: from decisions at once, then from every file of the state; it cannot be undone.

    A keyed hash of each id stays, so that no import and no event brings them back. The server may run.
    """
    from engine.serve.rights.erase import erase as run

    with faults():
        done = run(state, customer or [])
    if unknown := done.pop("unknown"):
        typer.echo(f"no record of {unknown} in {state}; what else named them is gone, and they are kept out", err=True)
    typer.echo(json.dumps(done))


@customers.command("readmit")
def readmit(customer: str, state: State = STATE) -> None:
    """Take a person again who was erased and asks to come back: as somebody new, with no consent."""
    from engine.store.open import open_store

    with faults():
        readmitted = state.is_dir() and open_store(state).readmit(customer)
    if not readmitted:
        typer.echo(f"'{customer}' was not erased from {state}", err=True)
        raise typer.Exit(1)
    typer.echo(json.dumps({"readmitted": customer}))


def segments(bundle: TheBundle, state: State = STATE, as_json: AsJson = False) -> None:
    """Count who is in which segment now, by rule and imported."""
    from rich.console import Console
    from rich.table import Table

    from engine.serve.segments import segment_counts
    from engine.store.open import open_store

    with faults():
        counts = segment_counts(open_store(state), _read(bundle).derived)
    if as_json:
        typer.echo(json.dumps(counts))
        return
    table = Table("segment", "customers")
    for name, count in counts.items():
        table.add_row(name, f"{count:,}")
    Console().print(table)


def rebuild(bundle: TheBundle, state: State = STATE) -> None:
    """Make every record again from what happened, as a bundle needs it; broken off, the next one goes on."""
    from rich.console import Console
    from rich.progress import Progress

    from engine.store.open import open_store

    with faults():
        keeping, store, made = _read(bundle).keeping, open_store(state), 0
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("rebuilding", total=store.count())
            for count in store.rebuild(keeping):
                made += count
                progress.update(task, advance=count)
        store.close()
    typer.echo(json.dumps({"rebuilt": made}))
