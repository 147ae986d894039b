"""What a server is started with, and the snapshot that this makes, now and at every reload."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from engine.decide.faults import BundleError
from engine.decide.parts import Made, Parts
from engine.decide.snapshot import Snapshot
from engine.serve.build import load_snapshot, make_snapshot, stored
from engine.serve.past.archive import Archive
from engine.serve.recipe import read_recipe, recipe_of, write_recipe
from engine.store.open import open_store
from engine.store.protocol import StoreError
from engine.store.settle import settle
from models import ModelError

log = structlog.get_logger()


@dataclass(frozen=True)
class Settings:
    """What a server is started with."""

    bundle: Path
    state: Path
    address: str = "127.0.0.1"
    port: int = 50051
    workers: int = 1
    config: Path | None = None
    metrics_port: int = 0

    @property
    def recipe(self) -> Path:
        """Where the supervisor says what is in force; one file for each server that shares the state."""
        return self.state / f"in_force_{self.address}_{self.port}"

    @property
    def boards(self) -> list[Path]:
        """Where each worker counts; likewise."""
        return [self.state / "metrics" / f"{self.address}_{self.port}-{worker:03d}" for worker in range(self.workers)]

    def snapshot(self, previous: Snapshot | None = None) -> Snapshot:
        """Compile what lies there now, and archive it; what the previous one has prepared and holds is taken over.

        Raises:
            BundleError, ModelError: naming every fault.
            OSError: when it cannot be archived; what cannot be replayed is not served.
        """
        snapshot = load_snapshot(self.bundle, self.state / "models", self.state / "conditions", previous)
        Archive(self.state).keep(snapshot)
        return snapshot

    def in_force(self, made: Made, rest: Callable[[], None]) -> Snapshot:
        """Compile what the supervisor found good.

        Args:
            made: parts of the snapshot before.
            rest: called between parts.

        Raises:
            BundleError, ModelError, OSError: when it is not there any more, or does not come out the same.
        """
        parts = Parts(made, rest)
        library = stored(self.state / "conditions", parts)
        return make_snapshot(read_recipe(self.recipe), self.state / "models", library, parts)

    def put_in_force(self, snapshot: Snapshot) -> None:
        """Say that it is good, so that workers compile the same.

        Raises:
            StoreError: when the records do not keep what it needs, or the state cannot be used.
        """
        store = open_store(self.state)
        settle(store, snapshot.bundle.keeping)
        store.close()
        write_recipe(recipe_of(snapshot), self.recipe)


def reloaded(old: Snapshot, settings: Settings) -> Snapshot:
    """What lies there now, or, with its faults in the log, the old snapshot."""
    try:
        new = settings.snapshot(old)
        _nothing_gone(old, new)
    except (BundleError, ModelError, OSError) as error:
        _refuse(error)
        return old
    return new


def put_in_force(new: Snapshot, settings: Settings) -> bool:
    """Let workers follow; false, with the reason in the log, where the records do not keep what it needs."""
    try:
        settings.put_in_force(new)
    except (StoreError, OSError) as error:
        _refuse(error)
        return False
    return True


def _refuse(error: Exception) -> None:
    log.error("reload refused, the old snapshot stays", faults=str(error))


def _nothing_gone(old: Snapshot, renewed: Snapshot) -> None:
    """Otherwise the prior would take over without a word.

    Raises:
        ModelError: when a model in force has left the registry.
    """
    trained = {name for name, model in old.scoring.models.items() if model.contender.trained}
    gone = [name for name, model in renewed.scoring.models.items() if name in trained and not model.contender.trained]
    if gone:
        raise ModelError(f"{', '.join(gone)}: in force, and gone from the registry; train again, or restart without")
