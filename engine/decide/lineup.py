"""`models.yaml`: what models read, and which of them scores what; optional: one model, `response`, scores every row."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.decide.faults import unknown
from engine.decide.features import read_features, twice
from engine.decide.online_file import read_online
from engine.decide.policies import Known, read_scope
from engine.decide.source import Path, Source
from models import RESPONSE, Feature, FeatureSpec
from models.artefact.manifest import MODEL_NAME
from rules import Schema

EVERYBODY: Mapping[str, str] = {}
NAMES_MOST = 64  # models of a line-up: each is compiled, warmed up and remembered by what outcomes taught it


@dataclass(frozen=True)
class Champion:
    """A model in force for the rows of a scope; of several the last one that fits a row scores it."""

    model: str
    scope: Mapping[str, str]


@dataclass(frozen=True)
class Challenger:
    """A model that scores instead of a champion, for a standing share of the customers."""

    model: str
    instead_of: str
    share: float


@dataclass(frozen=True)
class Shadow:
    """A model that scores what another one scores, for the journal alone."""

    model: str
    of: str


@dataclass(frozen=True)
class Lineup:
    """Which models there are, and what they read.

    Args:
        features: what training builds; empty leaves it to training.
        online: the models that need no training, name -> what they read.
        salt: sets which customers are in which share; another salt draws anew.
    """

    champions: tuple[Champion, ...] = (Champion(RESPONSE, EVERYBODY),)
    challengers: tuple[Challenger, ...] = ()
    shadows: tuple[Shadow, ...] = ()
    features: tuple[Feature, ...] = ()
    salt: str = ""
    online: Mapping[str, FeatureSpec] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Every model, once."""
        every: tuple[Champion | Challenger | Shadow, ...] = (*self.champions, *self.challengers, *self.shadows)
        return tuple(dict.fromkeys(each.model for each in every))

    def scope_of(self, model: str) -> Mapping[str, str]:
        """The rows that a model scores: its own scope, or that of the one it challenges or follows.

        Raises:
            KeyError: when the line-up does not name it.
        """
        scopes = {champion.model: champion.scope for champion in self.champions}
        return scopes[self.champion_of(model)]

    def champion_of(self, model: str) -> str:
        """The champion itself, or the one that a model challenges or follows.

        Raises:
            KeyError: when the line-up does not name it.
        """
        if model in {champion.model for champion in self.champions}:
            return model
        follows = {each.model: each.of for each in self.shadows}
        follows |= {each.model: each.instead_of for each in self.challengers}  # last: no circle
        return self.champion_of(follows[model])

    def scoring(self, champion: str, customer_id: str) -> str:
        """The model that scores a champion's rows for one customer; who has no id stays with the champion."""
        place = place_of(self.salt, customer_id) if customer_id else 1.0
        for challenger in self.challengers:
            if challenger.instead_of == champion:
                if place < challenger.share:
                    return challenger.model
                place -= challenger.share
        return champion


def place_of(salt: str, customer_id: str) -> float:
    """Where a salt puts a customer between 0 and 1: the same place on every machine, evenly spread over customers."""
    digest = hashlib.blake2b(f"{salt}\0{customer_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") / 2**64


ALONE = Lineup()


def read_lineup(source: Source, known: Known, schema: Schema) -> Lineup:
    """What the file says; faults go to the source.

    Args:
        known: names that scopes may have.
        schema: what features may read.
    """
    if not source.value:
        return ALONE
    source.only((), source.value, {"features", "online", "use", "challengers", "shadows", "salt"})
    champions = tuple(_champion(source, path, entry, known) for path, entry in _entries(source, "use"))
    champions = champions or ALONE.champions
    if champions[0].scope:
        source.fault(("use", 0), "the first model scores what no other does, so it has no scope")
    for at, champion in enumerate(champions[1:], 1):
        if not champion.scope:
            source.fault(("use", at), f"'{champion.model}' has no scope, so those before it would score no row")
    used = {champion.model for champion in champions}
    challengers = tuple(_challenger(source, path, entry, used) for path, entry in _entries(source, "challengers"))
    _check_shares(source, challengers)
    used |= {challenger.model for challenger in challengers}
    shadows = tuple(_shadow(source, path, entry, used) for path, entry in _entries(source, "shadows"))
    for section, entries in (("use", champions), ("challengers", challengers), ("shadows", shadows)):
        twice(source, (section,), "model", [each.model for each in entries])
    salt = source.text(("salt",), source.value["salt"]) if "salt" in source.value else ""
    features = read_features(source, ("features",), source.value.get("features"), schema)
    lineup = Lineup(champions, challengers, shadows, features, salt)
    if len(lineup.names) > NAMES_MOST:
        source.fault((), f"{len(lineup.names)} models are named; a line-up holds {NAMES_MOST}")
    return replace(lineup, online=read_online(source, schema, lineup.names))


def _check_shares(source: Source, challengers: Sequence[Challenger]) -> None:
    for name in {challenger.instead_of for challenger in challengers}:
        # Added exactly: .33, .56 and .11 are the whole; added in order they are an ulp more.
        if math.fsum(each.share for each in challengers if each.instead_of == name) > 1:
            source.fault(("challengers",), f"the challengers of '{name}' have more than the whole share together")


def _entries(source: Source, section: str) -> list[tuple[Path, dict[str, object]]]:
    listed = source.items((section,), source.value.get(section))
    return [((section, at), source.mapping((section, at), raw)) for at, raw in enumerate(listed)]


def _name(source: Source, path: Path, entry: Mapping[str, object]) -> str:
    name = source.text((*path, "model"), entry.get("model"))
    if name and not MODEL_NAME.fullmatch(name):
        source.fault((*path, "model"), f"'{name}' is no name of a model: letters, digits, _ and - only, at most 64")
    return name


def _champion(source: Source, path: Path, entry: Mapping[str, object], known: Known) -> Champion:
    source.only(path, entry, {"model", "scope"})
    scope = read_scope(source, (*path, "scope"), entry.get("scope"), known)
    if "role" in scope:
        source.fault((*path, "scope", "role"), "a model is chosen by row: a scope of role says nothing here")
    return Champion(_name(source, path, entry), scope)


def _challenger(source: Source, path: Path, entry: Mapping[str, object], used: set[str]) -> Challenger:
    source.only(path, entry, {"model", "instead_of", "share"})
    share = source.number((*path, "share"), entry.get("share"))
    if not 0 <= share <= 1:
        source.fault((*path, "share"), f"a share lies between 0 and 1, and {share:g} does not")
    return Challenger(_name(source, path, entry), _of(source, path, entry, "instead_of", used), share)


def _shadow(source: Source, path: Path, entry: Mapping[str, object], used: set[str]) -> Shadow:
    source.only(path, entry, {"model", "of"})
    return Shadow(_name(source, path, entry), _of(source, path, entry, "of", used))


def _of(source: Source, path: Path, entry: Mapping[str, object], key: str, used: set[str]) -> str:
    name = source.text((*path, key), entry.get(key))
    if name and name not in used:
        source.fault((*path, key), unknown("model", name, used))
    elif name and name == entry.get("model"):
        source.fault((*path, key), f"'{name}' cannot stand beside itself; name another model")
    return name
