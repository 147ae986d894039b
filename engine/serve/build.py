"""From files to a snapshot."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from engine.decide.bundle import FILES, TABLES, Bundle, read_bundle
from engine.decide.faults import BundleError, Fault
from engine.decide.fitting import misfit
from engine.decide.online import online
from engine.decide.pipeline import Effort, decide
from engine.decide.request import Ask, CustomerView, Request
from engine.decide.scoring import Contender, first_day
from engine.decide.snapshot import Snapshot, build_snapshot
from models import Binder, FeatureSpec, ModelError, Registry, write_whole
from rules import Library, Schema

FIRST_DAY_RATE = 0.01  # with no model at all every row is equally likely; only value and lever then rank


class Models:
    """Which version of each model is meant: the one in force, or one that is named.

    Args:
        registry: the models' directory; None, or an empty one, has the prior alone.
        named: name -> version; None for the prior. Without it those in force are meant.
    """

    def __init__(self, registry: Path | None, named: Mapping[str, str | None] | None = None) -> None:
        self.registry = Registry(registry) if registry else None
        self._named = named

    def version(self, name: str, *, needed: bool) -> str | None:
        """The version of a model; None for the prior, where the model is not needed.

        Raises:
            ModelError: when there is none and it is needed.
        """
        if self._named is not None:
            return self._named[name]
        if self.registry is None or not (needed or self.registry.holds(name)):
            return None
        return self.registry.in_force(name)


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
        previous: the snapshot in force, whose models are taken over where they are the same.

    Raises:
        BundleError: naming every fault.
        ModelError: when a model is there and does not fit.
    """
    return compile_texts(read_texts(bundle), Models(registry), conditions, previous)


def compile_texts(
    texts: Mapping[str, str], models: Models, conditions: Path | None = None, previous: Snapshot | None = None
) -> Snapshot:
    """Compile a bundle's files with some models, and warm the snapshot up; raises what `load_snapshot` raises."""
    known = _stored(conditions)
    library = Library(known)
    read = read_bundle(texts, library)
    if conditions is not None and library.packed != known:
        conditions.parent.mkdir(parents=True, exist_ok=True)
        write_whole(conditions, msgspec.msgpack.encode(library.packed))
    before = previous.scoring.contenders if previous else ()
    contenders = [_contender(read, models, name, before) for name in read.lineup.names]
    snapshot = build_snapshot(read, texts, contenders, previous)
    _warm_up(snapshot)
    return snapshot


def _contender(bundle: Bundle, models: Models, name: str, before: Sequence[Contender]) -> Contender:
    """A model that the bundle names; a champion that is not trained yet is the prior, of any other that is a fault.

    Raises:
        ModelError: when it is missing, damaged, or does not fit the schema.
    """
    if name in bundle.lineup.online:
        return _online(bundle.lineup.online[name], name, before)
    champion = name in {champion.model for champion in bundle.lineup.champions}
    version = models.version(name, needed=not champion)
    if models.registry is None or version is None:
        return first_day(name, FIRST_DAY_RATE)
    same = next((each for each in before if (each.name, each.version) == (name, version)), None)
    if same is None:
        manifest, scorer = models.registry.load(name, version)
        same = Contender(name, version, manifest.spec, scorer, manifest.base_rate, Binder(scorer, time.perf_counter_ns))
    _fits(same.spec, bundle.schema)
    return same


def _online(spec: FeatureSpec, name: str, before: Sequence[Contender]) -> Contender:
    """Needs no registry; of the same name and reading the same, it knows what it knew."""
    made = online(name, spec, FIRST_DAY_RATE)
    return next((each for each in before if (each.name, each.version) == (name, made.version)), made)


def _warm_up(snapshot: Snapshot) -> None:
    """Decide for nobody, each way, and score every row: what is made on first use is made before a request waits."""
    nobody = CustomerView({}, {}, dict.fromkeys(snapshot.consents, True))
    request = Request(tuple(Ask(channel.name) for channel in snapshot.bundle.channels), now_ms=0)
    moment = decide(snapshot, nobody, request).moment
    named = replace(request, action_keys=tuple(snapshot.action_of)[:1])
    for effort in Effort:
        decide(snapshot, nobody, named, effort)
    for model in snapshot.scoring.models.values():
        model.score(moment, np.arange(snapshot.catalogue.size))


def _stored(conditions: Path | None) -> Mapping[str, bytes]:
    """Conditions compiled before; none when the file is missing or of another making."""
    if conditions is None or not conditions.is_file():
        return {}
    try:
        return msgspec.msgpack.decode(conditions.read_bytes(), type=dict[str, bytes])
    except msgspec.DecodeError:
        return {}


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
