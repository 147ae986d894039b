"""Every snapshot that was served, by its version: the bundle's files, and which models it was compiled with."""

import shutil
import tempfile
import time
from importlib.metadata import version as installed
from pathlib import Path

import msgspec

from engine.decide.faults import BundleError
from engine.decide.scoring import PRIOR
from engine.decide.snapshot import Snapshot
from engine.serve.build import make_snapshot, read_texts
from engine.serve.recipe import Recipe
from models import ModelError, write_whole

MADE_BY = ("nba-engine", "numpy", "onnxruntime", "tzdata", "holidays")  # what can change an answer beside the files


class Made(msgspec.Struct):
    """What a snapshot was compiled of, beside the bundle's files.

    Args:
        models: name -> version; None for the prior, where nothing was trained yet.
        made_by: package -> version.
    """

    models: dict[str, str | None]
    made_by: dict[str, str]
    at_ms: int


class ArchiveError(ValueError):
    """A snapshot of the past that cannot be made again."""


class Archive:
    """The snapshots of one state.

    Args:
        state: the server's; below it `snapshots/VERSION/` and the registry.
    """

    def __init__(self, state: Path) -> None:
        self._directory, self._registry = state / "snapshots", state / "models"

    def keep(self, snapshot: Snapshot) -> None:
        """Keep a snapshot, before it decides anything, unless it is there."""
        place = self._directory / snapshot.version
        if place.is_dir():
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=self._directory))
        try:
            for name, text in snapshot.texts.items():
                (aside / "bundle" / name).parent.mkdir(parents=True, exist_ok=True)
                write_whole(aside / "bundle" / name, text.encode())
            write_whole(aside / "made.json", msgspec.json.encode(_made(snapshot)))
            aside.rename(place)
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)
            if not place.is_dir():  # else another worker was quicker
                raise

    def texts(self, version: str) -> dict[str, str]:
        """The bundle's files of a snapshot; raises what `read_texts` raises."""
        return read_texts(self._directory / version / "bundle")

    def load(self, version: str) -> Snapshot:
        """A snapshot as it was.

        Raises:
            ArchiveError: when it is not there, cannot be compiled, or comes out as another one; the message says why.
        """
        place = self._directory / version
        try:
            made = msgspec.json.decode((place / "made.json").read_bytes(), type=Made)
            models = {name: named or PRIOR for name, named in made.models.items()}
            snapshot = make_snapshot(Recipe(self.texts(version), models), self._registry)
        except (OSError, ValueError, BundleError, ModelError) as error:
            raise ArchiveError(f"snapshot {version}: {error}") from error
        if snapshot.version != version:
            raise ArchiveError(f"snapshot {version} comes out as {snapshot.version}: it was made by {made.made_by}")
        return snapshot


def _made(snapshot: Snapshot) -> Made:
    models = {each.name: each.version if each.trained else None for each in snapshot.scoring.contenders}
    return Made(models, {name: _installed(name) for name in MADE_BY}, time.time_ns() // 1_000_000)


def _installed(name: str) -> str:
    try:
        return installed(name)
    except ImportError:  # run from a checkout
        return ""
