"""What distinguishes two models, by their manifests."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from models.artefact import Manifest
from models.spec import Feature


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
    """The manifest as names and words: a line for each feature, range, library and figure.

    Args:
        manifest: of one model.
    """
    for name in manifest.__struct_fields__:
        value = getattr(manifest, name)
        if name == "spec":
            yield from ((f"features.{feature.name}", _feature(feature)) for feature in value.features)
        elif name == "ranges":
            yield from ((f"ranges.{key}", f"{low:.6g} to {high:.6g}") for key, (low, high) in value.items())
        elif name in ("libraries", "metrics"):
            yield from ((f"{name}.{key}", str(entry)) for key, entry in value.items())
        elif name == "window":
            yield name, days(value)
        else:
            yield name, "none" if value is None else str(value)


def days(window: tuple[int, int]) -> str:
    """Start and end in epoch milliseconds as days: `2016-11-14 to 2017-11-08`."""
    start, end = (datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat() for at_ms in window)
    return f"{start} to {end}"


def _feature(feature: Feature) -> str:
    width = f" of {feature.width}" if feature.width > 1 else ""
    known = f": {' | '.join(feature.categories)}" if feature.categories else ""
    return f"{feature.kind}{width}{known}"
