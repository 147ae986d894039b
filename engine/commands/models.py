"""`nba models`: what is registered, what distinguishes two, and the way to and from a shared registry."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from engine.commands.common import STATE, AsJson, State, faults

if TYPE_CHECKING:
    from models import Manifest, Registry
    from models.mlflow_registry import MlflowRegistry

models = typer.Typer(no_args_is_help=True, help="Look at registered models, compare them, share them.")
Model = Annotated[str, typer.Argument(help="NAME (the one in force), NAME/VERSION or the first digits of a version.")]
Uri = Annotated[str, typer.Option(help="Address of MLflow's tracking server.")]
WIDTH = 160  # of tables in a pipe


@models.command("list")
def list_(state: State = STATE, as_json: AsJson = False) -> None:
    """Every registered model, the newest last: trained when, how good, which one is in force.

    What cannot be read is listed with the reason; exit 1 then.
    """
    from models import Registry

    registry = Registry(state / "models")
    with faults():
        listed = [each for name in registry.names() for each in _listed(registry, name)]
    for each in listed if as_json else ():
        typer.echo(json.dumps(each.facts()))
    if not as_json:
        _table(("name", "version", "in force", "trained on", "parent", "metrics"), [each.cells() for each in listed])
    raise typer.Exit(1 if any(each.fault for each in listed) else 0)


@models.command("show")
def show(model: Model = "response", state: State = STATE, as_json: AsJson = False) -> None:
    """Print a model's manifest: features, training, figures with their intervals."""
    from models import Registry
    from models.artefact import to_json
    from models.differences import facts

    with faults():
        registry = Registry(state / "models")
        manifest = registry.manifest(*registry.find(model))
    if as_json:
        typer.echo(json.dumps(json.loads(to_json(manifest))))
    else:
        _table(("what", "is"), facts(manifest))


@models.command("diff")
def diff(a: Model, b: Model, state: State = STATE, as_json: AsJson = False) -> None:
    """Say what distinguishes two models: features, ranges, figures, window, libraries, digests."""
    from models import Registry
    from models.differences import differences

    with faults():
        registry = Registry(state / "models")
        before, after = (registry.manifest(*registry.find(model)) for model in (a, b))
    found = differences(before, after)
    for difference in found if as_json else ():
        typer.echo(json.dumps(difference._asdict()))
    if not as_json:
        _table(("what", before.version, after.version), [(what, old or "-", new or "-") for what, old, new in found])


@models.command("publish")
def publish(uri: Uri, model: Model = "response", state: State = STATE) -> None:
    """Put a model into MLflow's registry, as a new version under its name."""
    from models import Registry

    with faults():
        registry = Registry(state / "models")
        name, version = registry.find(model)
        number = _mlflow(uri).publish(*registry.read(name, version))
    typer.echo(f"{name}/{version} is version {number} of '{name}' at {uri}")


@models.command("fetch")
def fetch(
    uri: Uri,
    name: Annotated[str, typer.Argument(help="The model's name.")] = "response",
    number: Annotated[str, typer.Option("--version", help="MLflow's number of the version; the last without.")] = "",
    state: State = STATE,
) -> None:
    """Take a model from MLflow's registry and put it in force, after the same checks as any other."""
    from models import Registry

    with faults():
        manifest, model = _mlflow(uri).fetch(name, number)
        version = Registry(state / "models").save(model, manifest)
    typer.echo(f"{name}/{version} is in force in {state / 'models'}")


def _mlflow(uri: str) -> "MlflowRegistry":
    # Otherwise MLflow reports every use to its makers.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # Its own 7 retries wait for minutes at an address where nobody listens.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    from models.mlflow_registry import MlflowRegistry

    return MlflowRegistry(uri)


class _Listed(NamedTuple):
    """One line of the list; `manifest` is None, and `fault` says why, where it cannot be read."""

    name: str
    version: str
    in_force: bool
    manifest: "Manifest | None" = None
    fault: str = ""

    def facts(self) -> dict[str, object]:
        """The line as JSON has it."""
        import msgspec

        own = {"name": self.name, "version": self.version, "in_force": self.in_force}
        if self.manifest is None:
            return {**own, "fault": self.fault}
        kept = ("window", "parent", "metrics")
        return {**own, **{name: msgspec.to_builtins(getattr(self.manifest, name)) for name in kept}}

    def cells(self) -> tuple[str, ...]:
        """The line as the table has it; of the figures those with an interval: counts are no measure of a model."""
        from models.differences import days

        own = self.name, self.version, "yes" if self.in_force else ""
        if self.manifest is None:
            return *own, "", "", self.fault
        figures = (f"{name} {metric}" for name, metric in self.manifest.metrics.items() if metric.low is not None)
        return *own, days(self.manifest.window), self.manifest.parent or "", ", ".join(figures)


def _listed(registry: "Registry", name: str) -> Iterator[_Listed]:
    """Every version under a name, and what `latest` names if that is not among them."""
    from models import ModelError

    versions, current = registry.versions(name), ""
    if registry.holds(name):
        try:
            current = registry.in_force(name)
        except ModelError as error:
            yield _Listed(name, "latest", in_force=False, fault=str(error))
    for version in dict.fromkeys([*versions, *filter(None, [current])]):
        try:
            yield _Listed(name, version, version == current, registry.manifest(name, version))
        except ModelError as error:
            yield _Listed(name, version, version == current, fault=str(error))


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    Console(width=None if sys.stdout.isatty() else WIDTH).print(table)
