"""What the snapshot in force is made of: written by the supervisor when all is found good, followed by every worker."""

from pathlib import Path

import msgspec

from engine.decide.snapshot import Snapshot
from models import ModelError, write_whole


class Recipe(msgspec.Struct, frozen=True):
    """What a snapshot is made of; without `version` nobody has tried it, and what is left out has to be found out.

    Args:
        texts: the bundle's files, name -> content.
        models: name -> version.
        ways: name of a model -> how its rows are scored, as `Model.way`.
        version: what the snapshot must come out as.
    """

    texts: dict[str, str]
    models: dict[str, str] = {}
    ways: dict[str, str] = {}
    version: str = ""


def recipe_of(snapshot: Snapshot) -> Recipe:
    """What a good snapshot was made of."""
    models = snapshot.scoring.models
    return Recipe(
        dict(snapshot.texts),
        {name: model.contender.version for name, model in models.items()},
        {name: model.way for name, model in models.items()},
        snapshot.version,
    )


def write_recipe(recipe: Recipe, file: Path) -> None:
    """Put it in force."""
    write_whole(file, msgspec.msgpack.encode(recipe))


def read_recipe(file: Path) -> Recipe:
    """The one in force.

    Raises:
        ModelError: when it cannot be read.
        OSError: when it is not there.
    """
    try:
        return msgspec.msgpack.decode(file.read_bytes(), type=Recipe)
    except ValueError as error:  # msgspec's own, and what it lets through of texts that are no UTF-8
        raise ModelError(f"{file}: {error}; start the server again, which writes it") from error
