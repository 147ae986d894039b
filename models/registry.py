"""Models on disk: a directory a version, each with what it is and how good it was."""

import os
import tempfile
from pathlib import Path

from models.artefact.load import MANIFEST, MODEL, admit, read_artefact, read_bounded, read_manifest
from models.artefact.manifest import MODEL_NAME, Manifest, from_json, to_json
from models.errors import ModelError
from models.scorers import OnnxScorer

RESPONSE = "response"  # the name under which the model of the wished response is registered
LATEST = "latest"


class Registry:
    """Models under `<directory>/<name>/<version>`, and `<name>/latest` naming the one in force."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def save(self, model: bytes, manifest: Manifest) -> str:
        """Check a model as loading would, write it aside and put it in force.

        Returns:
            its version.

        Raises:
            ModelError: when it would be refused; the one in force stays.
        """
        admit(manifest, model)
        facts = to_json(manifest)
        from_json(facts)  # what cannot be read again, such as a figure that is no number, is found now
        home = self.directory / manifest.name
        place = home / manifest.version
        place.mkdir(parents=True, exist_ok=True)
        # A version is there when its manifest is, and in force when `latest` says so: each whole, in this order.
        write_whole(place / MODEL, model)
        write_whole(place / MANIFEST, facts)
        write_whole(home / LATEST, manifest.version.encode())
        return manifest.version

    def load(self, name: str, version: str = "") -> tuple[Manifest, OnnxScorer]:
        """The model in force under a name, or another version of it, checked and warmed up.

        Raises:
            ModelError: when it is missing, damaged, hostile, or not what its directory says.
        """
        manifest, model = self.read(name, version)
        return manifest, admit(manifest, model)

    def read(self, name: str, version: str = "") -> tuple[Manifest, bytes]:
        """Manifest and bytes of a version, not looked into; raises what `load` raises."""
        place = self._place(name, version or self.in_force(name))
        manifest, model = read_artefact(place)
        return _own(manifest, place), model

    def manifest(self, name: str, version: str) -> Manifest:
        """The manifest of a version; raises what `load` raises."""
        place = self._place(name, version)
        return _own(read_manifest(place), place)

    def names(self) -> list[str]:
        """Names with at least one version."""
        return sorted(place.name for place in _directories(self.directory) if self.versions(place.name))

    def versions(self, name: str) -> list[str]:
        """Versions under a name, the one registered last at the end."""
        there = [place / MANIFEST for place in _directories(self.directory / name) if (place / MANIFEST).is_file()]
        return [path.parent.name for path in sorted(there, key=lambda path: (path.stat().st_mtime_ns, path.parent))]

    def holds(self, name: str) -> bool:
        """Is a version in force, be it one that will be refused?"""
        return os.path.lexists(self.directory / name / LATEST)

    def in_force(self, name: str) -> str:
        """The version that `latest` names.

        Raises:
            ModelError: when there is none.
        """
        version = read_bounded(self._place(name) / LATEST, 64).decode("ascii", "replace").strip()
        self._place(name, version)
        return version

    def parent(self, name: str, version: str) -> str | None:
        """The version that a new one follows: the one in force, or, for that one made again, its own parent.

        None when there is none, or none that can be read: training is the cure for that, and must not need it.
        """
        try:
            current = self.in_force(name)
            return current if current != version else self.manifest(name, version).parent
        except ModelError:
            return None

    def find(self, reference: str) -> tuple[str, str]:
        """Name and version meant by `NAME` (in force), `NAME/VERSION` or a version's first digits.

        Raises:
            ModelError: when nothing is meant, or several.
        """
        every = [(name, version) for name in self.names() for version in self.versions(name)]
        if reference in self.names():
            return reference, self.in_force(reference)
        meant = [(n, v) for n, v in every if reference and (v.startswith(reference) or f"{n}/{v}" == reference)]
        if len(meant) != 1:
            known = ", ".join(f"{name}/{version}" for name, version in every) or "none"
            raise ModelError(f"'{reference}' means {len(meant)} models in {self.directory}; there are: {known}")
        return meant[0]

    def _place(self, *parts: str) -> Path:
        """A directory below the registry's own; nothing leads out of it."""
        for part in parts:
            if not MODEL_NAME.fullmatch(part):
                raise ModelError(f"'{part[:80]}' is no name of a model or version: letters, digits, '-' and '_'")
        place = self.directory.joinpath(*parts)
        # realpath, not resolve: a circle of links is a wrong place, no error of its own.
        if os.path.realpath(place) != os.path.join(os.path.realpath(self.directory), *parts):  # noqa: PTH118
            raise ModelError(f"{place} is a link; a model lies in the registry's own directory")
        return place


def _directories(place: Path) -> list[Path]:
    plain = (entry for entry in place.iterdir() if MODEL_NAME.fullmatch(entry.name)) if place.is_dir() else ()
    return [entry for entry in plain if entry.is_dir() and not entry.is_symlink()]


def _own(manifest: Manifest, place: Path) -> Manifest:
    if (manifest.name, manifest.version) != (place.parent.name, place.name):
        raise ModelError(
            f"{place / MANIFEST} is the manifest of {manifest.name}/{manifest.version}, which lies elsewhere"
        )
    return manifest


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file whole: a reader meets the old one or the new one, after a power cut, too."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as aside:
        try:
            aside.write(data)
            aside.flush()
            os.fsync(aside.fileno())
            Path(aside.name).replace(path)
        except BaseException:
            Path(aside.name).unlink(missing_ok=True)
            raise
    directory = os.open(path.parent, os.O_RDONLY)  # the new name, too, must outlast a power cut
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
