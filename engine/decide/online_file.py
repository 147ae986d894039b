"""`models.yaml`, `online`: the models that need no training, and what they read."""

from collections.abc import Collection, Mapping, Sequence

from engine.decide.actions import Action
from engine.decide.faults import unknown
from engine.decide.features import read_features, twice
from engine.decide.source import Path, Source
from models import Feature, FeatureSpec, ModelError
from models.online import INPUTS_MOST, STATE_BYTES, bytes_of_cell, width_of
from models.spec import SHARED
from rules import Schema

KEY = "online"


def read_online(source: Source, schema: Schema, used: Collection[str]) -> dict[str, FeatureSpec]:
    """Name -> what it reads; faults go to the source.

    Args:
        schema: what features may read.
        used: the models that score some row.
    """
    specs: dict[str, FeatureSpec] = {}
    listed = source.items((KEY,), source.value.get(KEY))
    for at, raw in enumerate(listed):
        path = (KEY, at)
        entry = source.mapping(path, raw)
        source.only(path, entry, {"model", "features"})
        name = source.text((*path, "model"), entry.get("model"))
        if name and name not in used:
            source.fault(
                (*path, "model"), f"{unknown('model', name, used)}; `use`, challengers or shadows must name it"
            )
        features = read_features(source, (*path, "features"), entry.get("features"), schema)
        _check(source, (*path, "features"), features)
        try:
            specs[name] = FeatureSpec(features)
        except ModelError:
            continue  # a feature that stands twice was told
    twice(source, (KEY,), "model", [str(raw.get("model", "")) for raw in listed if isinstance(raw, dict)])
    return specs


def _check(source: Source, path: Path, features: Sequence[Feature]) -> None:
    if not features:
        source.fault(path, "an online model reads at least one feature of customer. or request.")
    for at, feature in enumerate(features):
        if feature.side not in SHARED:
            words = "an online model learns each action by itself, from features of customer. and request."
            source.fault((*path, at), f"'{feature.name}' is the row's; {words}")
        elif feature.kind == "categorical" and not feature.categories:
            source.fault((*path, at), f"'{feature.name}' needs its `categories`: there are no data to take them from")
    if (width := width_of(features)) > INPUTS_MOST:
        each = "a categorical one for each category"
        source.fault(path, f"the features have {width} columns together, {each}; an online model reads {INPUTS_MOST}")


def check_size(
    source: Source,
    online: Mapping[str, FeatureSpec],
    scopes: Mapping[str, Mapping[str, str]],
    actions: Sequence[Action],
) -> None:
    """A fault where what the models may learn would be too large to publish.

    Args:
        scopes: of each of the models.
        actions: the catalogue.
    """
    sizes = {
        name: _cells(actions, scopes[name]) * bytes_of_cell(width_of(spec.features)) for name, spec in online.items()
    }
    if (size := sum(sizes.values())) > STATE_BYTES:
        each = ", ".join(f"'{name}' {size:,}" for name, size in sizes.items())
        cure = "read fewer features, or narrow the scope: each action in each channel counts"
        source.fault((KEY,), f"online models may learn {STATE_BYTES:,} bytes together, not {size:,} ({each}); {cure}")


def _cells(actions: Sequence[Action], scope: Mapping[str, str]) -> int:
    """How many actions in channels a scope holds."""
    count = 0
    for action in actions:
        own = {"action": action.key, "group": action.group, "objective": action.objective}
        inside = all(own.get(kind, name) == name for kind, name in scope.items())
        if inside and ("tag" not in scope or scope["tag"] in action.tags):
            count += sum(scope.get("channel", channel) == channel for channel in action.channels)
    return count
