"""A list of features, as `models.yaml` has them: what a model reads."""

from collections.abc import Sequence

from engine.decide.fitting import misfit
from engine.decide.source import Path, Source
from models import Feature, ModelError
from models.artefact.manifest import COLUMNS
from rules import Schema


def read_features(source: Source, path: Path, raw: object, schema: Schema) -> tuple[Feature, ...]:
    """The features listed at a path; faults go to the source.

    Args:
        schema: what they may read.
    """
    listed = source.items(path, raw)
    made = [_feature(source, (*path, at), each, schema) for at, each in enumerate(listed)]
    twice(source, path, "feature", [feature.name if feature else "" for feature in made])
    features = tuple(feature for feature in made if feature is not None)
    if sum(feature.width for feature in features) > COLUMNS:
        source.fault(path, f"the features have over {COLUMNS} columns together, which no model reads")
    return features


def _feature(source: Source, path: Path, raw: object, schema: Schema) -> Feature | None:
    entry = {"name": raw} if isinstance(raw, str) else source.mapping(path, raw)
    source.only(path, entry, {"name", "kind", "categories", "width"})
    categories = source.items((*path, "categories"), entry.get("categories"))
    for at, category in enumerate(categories):
        place = (*path, "categories", at)
        if source.present(place, category) and not isinstance(category, str):
            source.fault(place, f"category {category!r} is no text, so no value would be it; write it in quotes")
    width = source.number((*path, "width"), entry.get("width", 1))
    if not width.is_integer():
        source.fault((*path, "width"), f"width {width:g} is no whole number of columns")
    try:
        name = source.text((*path, "name"), entry.get("name"))
        feature = Feature(name, str(entry.get("kind", "numeric")), tuple(map(str, categories)), int(width))
    except ModelError as error:
        source.fault(path, str(error))
        return None
    if wrong := misfit(feature, schema):
        source.fault(path, wrong)
    return feature


def twice(source: Source, path: Path, what: str, names: Sequence[str]) -> None:
    """A fault where a name of a list stands there before."""
    for at, name in enumerate(names):
        if name and name in names[:at]:
            source.fault((*path, at), f"{what} '{name}' stands twice")
