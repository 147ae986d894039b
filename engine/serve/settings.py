"""What a server is started with, and the snapshot that this makes, now and at every reload."""

from dataclasses import dataclass
from pathlib import Path

import structlog

from engine.decide.faults import BundleError
from engine.decide.snapshot import Snapshot
from engine.serve.build import Models, compile_texts, read_texts
from engine.serve.past.archive import Archive
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

    def snapshot(self, previous: Snapshot | None = None) -> Snapshot:
        """Compile what lies there now, and archive it; what the previous one has prepared and holds is taken over.

        Raises:
            BundleError, ModelError: naming every fault.
            OSError: when it cannot be archived; what cannot be replayed is not served.
        """
        texts = read_texts(self.bundle)
        snapshot = compile_texts(texts, Models(self.state / "models"), self.state / "conditions", previous)
        Archive(self.state).keep(snapshot, texts)
        return snapshot

    def settle(self, snapshot: Snapshot) -> None:
        """Check that the records keep what a snapshot needs.

        Raises:
            StoreError: when they do not, or the state cannot be used.
        """
        store = open_store(self.state)
        settle(store, snapshot.bundle.keeping)
        store.close()


def renewed(old: Snapshot, settings: Settings) -> Snapshot:
    """What lies there now, if it is good and the records keep what it needs; else the old one."""
    new = reloaded(old, settings)
    try:
        settings.settle(new)
    except StoreError as error:
        log.error("reload refused, the old snapshot stays", faults=str(error))
        return old
    return new


def reloaded(old: Snapshot, settings: Settings) -> Snapshot:
    """What lies there now, or, with its faults in the log, the old snapshot."""
    try:
        renewed = settings.snapshot(old)
        _nothing_gone(old, renewed)
    except (BundleError, ModelError, OSError) as error:
        log.error("reload refused, the old snapshot stays", faults=str(error))
        return old
    return renewed


def _nothing_gone(old: Snapshot, renewed: Snapshot) -> None:
    """Otherwise the prior would take over without a word.

    Raises:
        ModelError: when a model in force has left the registry.
    """
    trained = {name for name, model in old.scoring.models.items() if model.contender.trained}
    gone = [name for name, model in renewed.scoring.models.items() if name in trained and not model.contender.trained]
    if gone:
        raise ModelError(f"{', '.join(gone)}: in force, and gone from the registry; train again, or restart without")
