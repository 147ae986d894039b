"""What distinguishes two models, by their manifests."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from models.artefact import Manifest

LISTED = ("ranges", "libraries", "metrics")


class Difference(NamedTuple):
    """One fact that is not the same; None where a side does not have it."""

    what: str
    before: str | None
    after: str | None


def differences(before: Manifest, after: Manifest) -> list[Difference]:
    """Facts in which two manifests differ, in the order of the manifest.

    Args:
        before: one model's.
        after: the other's.
    """
    old, new = dict(facts(before)), dict(facts(after))
    named = dict.fromkeys((*old, *new))
    return [Difference(what, old.get(what), new.get(what)) for what in named if old.get(what) != new.get(what)]


def facts(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """The manifest as names and words, a line for each feature, range, library and metric."""
    for name in manifest.__struct_fields__:
        value = getattr(manifest, name)
        if name == "spec":
            for feature in value.features:
                yield f"features.{feature.name}", _words(feature)
        elif name in LISTED:
            for key, entry in value.items():
                yield f"{name}.{key}", _words(entry)
        else:
            yield name, _words(value)


def _words(value: object) -> str:
    plain = msgspec.to_builtins(value, builtin_types=()) if hasattr(value, "__dataclass_fields__") else value
    if isinstance(plain, dict):
        return ", ".join(
            _words(content) for name, content in plain.items() if name != "name" and content not in ("", [])
        )
    if isinstance(plain, list | tuple):
        return " ".join(map(str, plain))
    return "none" if plain is None else str(plain)
