"""From files to a snapshot."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from engine.decide.bundle import FILES, TABLES, Bundle, read_bundle
from engine.decide.faults import BundleError, Fault
from engine.decide.fitting import misfit
from engine.decide.online import online
from engine.decide.parts import NOTHING, Parts
from engine.decide.pipeline import Effort, decide
from engine.decide.request import Ask, CustomerView, Request
from engine.decide.scoring import PRIOR, Contender, first_day
from engine.decide.snapshot import Snapshot, build_snapshot
from engine.serve.recipe import Recipe
from models import Binder, FeatureSpec, ModelError, Registry, write_whole
from rules import Library, Schema

DIGEST_BYTES = hashlib.sha256().digest_size
FIRST_DAY_RATE = 0.01  # with no model at all every row is equally likely; only value and lever then rank


def read_texts(directory: Path) -> dict[str, str]:
    """The bundle's files that exist, name -> content.

    Raises:
        BundleError: when there is no such directory, or a file is not UTF-8.
    """
    if not directory.is_dir():
        raise BundleError([Fault(str(directory), 1, 1, "there is no such directory; a bundle is one")])
    names = [*FILES, *(f"{TABLES}{path.name}" for path in sorted((directory / TABLES).glob("*.csv")))]
    data = {name: (directory / name).read_bytes() for name in names if (directory / name).is_file()}
    faults = [fault for name, content in data.items() for fault in _undecoded(name, content)]
    if faults:
        raise BundleError(faults)
    return {name: content.decode() for name, content in data.items()}


def _undecoded(name: str, content: bytes) -> list[Fault]:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return [Fault(name, line, 1, f"byte {error.start + 1} of the file is no UTF-8")]
    return []


def load_snapshot(
    bundle: Path, registry: Path | None, conditions: Path | None = None, previous: Snapshot | None = None
) -> Snapshot:
    """Compile a bundle directory and the models in force, and warm the snapshot up.

    Args:
        bundle: the bundle's directory.
        registry: the models' directory; None, or an empty one, serves the prior alone.
        conditions: file of the conditions compiled before, kept up to date; with it, only new ones need the parser.
        previous: the snapshot in force, whose parts are taken over where they are made of the same.

    Raises:
        BundleError: naming every fault.
        ModelError: when a model is there and does not fit.
    """
    parts = Parts(previous.made if previous else NOTHING)
    library = stored(conditions, parts)
    snapshot = make_snapshot(Recipe(read_texts(bundle)), registry, library, parts)
    packed = msgspec.msgpack.encode(library.packed)
    if conditions is not None and packed != _read(conditions):
        conditions.parent.mkdir(parents=True, exist_ok=True)
        write_whole(conditions, hashlib.sha256(packed).digest() + packed)
    return snapshot


def stored(conditions: Path | None, parts: Parts) -> Library:
    """Conditions compiled before; none when the file is missing or of another making."""
    return parts.make(_library, _read(conditions))


def _read(conditions: Path | None) -> bytes:
    """Nothing when a bit of it has changed: what stands there decides who may have what."""
    data = conditions.read_bytes() if conditions and conditions.is_file() else b""
    digest, packed = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
    return packed if hashlib.sha256(packed).digest() == digest else b""


def _library(packed: bytes) -> Library:
    try:
        return Library(msgspec.msgpack.decode(packed, type=dict[str, bytes]))
    except msgspec.DecodeError:
        return Library()


def make_snapshot(
    recipe: Recipe, registry: Path | None, library: Library | None = None, parts: Parts | None = None
) -> Snapshot:
    """Compile what a recipe says, and warm the snapshot up; raises what `load_snapshot` raises.

    Args:
        recipe: where it has a version, the snapshot must come out as that.
        registry: the models' directory.
        library: conditions compiled before; the bundle's are added.
        parts: of the snapshot before.
    """
    parts = parts or Parts()
    read = read_bundle(recipe.texts, library, parts)
    contenders = [_contender(recipe, read, registry, name, parts) for name in read.lineup.names]
    snapshot = build_snapshot(read, recipe.texts, contenders, recipe.ways, parts)
    if recipe.version not in ("", snapshot.version):
        raise ModelError(f"snapshot {recipe.version} came out as {snapshot.version}; start the server again")
    _warm_up(snapshot, parts.rest)
    return snapshot


def _contender(recipe: Recipe, bundle: Bundle, registry: Path | None, name: str, parts: Parts) -> Contender:
    """A model that the bundle names; a champion that is not trained yet is the prior, of any other that is a fault.

    Raises:
        ModelError: when it is missing, damaged, or does not fit the schema.
    """
    if name in bundle.lineup.online:
        return parts.make(online, name, bundle.lineup.online[name], FIRST_DAY_RATE)
    version = recipe.models.get(name) or _version(bundle, registry, name)
    if registry is None or version == PRIOR:
        return parts.make(first_day, name, FIRST_DAY_RATE)
    contender = parts.make(_loaded, str(registry), name, version)
    parts.make(_fits, contender.spec, bundle.schema)
    return contender


def _version(bundle: Bundle, registry: Path | None, name: str) -> str:
    champion = name in {champion.model for champion in bundle.lineup.champions}
    if registry is None or (champion and not Registry(registry).holds(name)):
        return PRIOR
    return Registry(registry).in_force(name)


def _loaded(registry: str, name: str, version: str) -> Contender:
    manifest, scorer = Registry(Path(registry)).load(name, version)
    bind = Binder(scorer, time.perf_counter_ns)
    return Contender(name, version, manifest.spec, scorer, manifest.base_rate, bind)


def _warm_up(snapshot: Snapshot, rest: Callable[[], None]) -> None:
    """Decide for nobody, each way, and score every row: what is made on first use is made before a request waits."""
    nobody = CustomerView({}, {}, dict.fromkeys(snapshot.consents, True))
    request = Request(tuple(Ask(channel.name) for channel in snapshot.bundle.channels), now_ms=0)
    moment = decide(snapshot, nobody, request).moment
    named = replace(request, action_keys=tuple(snapshot.action_of)[:1])
    for effort in Effort:
        rest()
        decide(snapshot, nobody, named, effort)
    for model in snapshot.scoring.models.values():
        rest()
        model.score(moment, np.arange(snapshot.catalogue.size))


def _fits(spec: FeatureSpec, schema: Schema) -> None:
    """A model that reads what nobody can know would score silence.

    Raises:
        ModelError: naming each feature that the schema does not have, or has as another type.
    """
    wrong = [words for words in (misfit(feature, schema) for feature in spec.features) if words]
    if wrong:
        raise ModelError(
            f"the model does not fit the bundle's schema: {'; '.join(wrong)}; train again or mend the schema"
        )
