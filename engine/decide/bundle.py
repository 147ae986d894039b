"""A bundle: what operators write, read into plain values with every fault named at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Concatenate, TypeVar

from engine.decide.actions import FILE, YAML_FILE, Action, read_actions
from engine.decide.adaptive import KEY, USUAL, Adaptivity, read_adaptive
from engine.decide.channels import Channel, read_channels
from engine.decide.customer_file import read_customer
from engine.decide.derived import USUALLY, Derived
from engine.decide.exploration import Explorer
from engine.decide.explore_file import read_explore
from engine.decide.faults import BundleError, Fault, unknown
from engine.decide.keeping import Keeping, keeping_of
from engine.decide.lineup import ALONE, Lineup, read_lineup
from engine.decide.online_file import check_size
from engine.decide.parts import Parts
from engine.decide.policies import ContactPolicy, Known, Language, Policy, read_policies
from engine.decide.purposes import UNDECLARED, Declared, read_purposes
from engine.decide.schema import read_schema
from engine.decide.source import Source, read_yaml
from engine.decide.tables import Table, read_table
from engine.decide.valuation import KEYS, PLAIN, Valuation, read_valuation
from rules import Library, Schema

NEEDED = ("schema.yaml", "channels.yaml", "policies.yaml")
OPTIONAL = ("arbitration.yaml", "customer.yaml", "models.yaml", "purposes.yaml")
FILES = (*NEEDED, *OPTIONAL, FILE, YAML_FILE)
TABLES = "tables/"  # every CSV below is a decision table
T = TypeVar("T")


@dataclass(frozen=True)
class Bundle:
    """Everything operators wrote."""

    schema: Schema
    channels: tuple[Channel, ...]
    actions: tuple[Action, ...]
    policies: tuple[Policy, ...]
    contacts: tuple[ContactPolicy, ...]
    levers: Mapping[str, float] = field(default_factory=dict)
    fallback: Mapping[str, str] = field(default_factory=dict)
    declared: Declared = UNDECLARED
    tables: tuple[Table, ...] = ()
    lineup: Lineup = ALONE
    explore: Mapping[str, Explorer] = field(default_factory=dict)
    valuation: Valuation = PLAIN
    adaptive: Adaptivity | None = USUAL
    derived: Derived = USUALLY

    @cached_property
    def channel_of(self) -> dict[str, Channel]:
        """Name -> channel."""
        return {channel.name: channel for channel in self.channels}

    @cached_property
    def keeping(self) -> Keeping:
        """What records must keep for it."""
        return keeping_of(self.contacts, self.derived)


def read_bundle(texts: Mapping[str, str], library: Library | None = None, parts: Parts | None = None) -> Bundle:
    """Read and check a bundle.

    Args:
        texts: file name -> content.
        library: conditions compiled before; the bundle's are added.
        parts: where what is read of the same texts is taken over from.

    Raises:
        BundleError: naming every fault of every file.
    """
    reading = _Reading(texts, parts or Parts())
    schema, channels = reading.of("schema.yaml", read_schema), reading.of("channels.yaml", read_channels)
    actions = reading.beside(_actions, texts.get(FILE), texts.get(YAML_FILE), schema, channels)
    known = reading.parts.make(_known, actions, channels)
    language = reading.parts.make(Language, schema, library or Library())
    derived, schema = reading.of("customer.yaml", read_customer, language, known)
    language = reading.parts.make(Language, schema, language.library)
    policies, contacts = reading.of("policies.yaml", read_policies, language, known)
    levers, fallback = reading.of("arbitration.yaml", _arbitration, known)
    tables = [reading.beside(read_table, name, texts[name], schema) for name in _tables(texts)]
    adaptive = reading.of("arbitration.yaml", read_adaptive)
    bundle = Bundle(
        schema, channels, actions, policies, contacts, levers, fallback,
        declared=reading.of("purposes.yaml", read_purposes),
        tables=reading.parts.make(_together, *tables),
        lineup=reading.of("models.yaml", _lineup, known, schema, actions, adaptive),
        explore=reading.of("arbitration.yaml", _explore, known),
        valuation=reading.of("arbitration.yaml", read_valuation, language, known),
        adaptive=adaptive,
        derived=derived,
    )  # fmt: skip
    faults = [*reading.faults, *_undeclared(actions, bundle.declared)]
    if faults:
        raise BundleError(faults)
    return bundle


class _Reading:
    """The files of a bundle while they are read, and every fault found so far."""

    def __init__(self, texts: Mapping[str, str], parts: Parts) -> None:
        self.parts = parts
        self._files = {name: parts.make(read_yaml, name, texts.get(name)) for name in NEEDED}
        self._files |= {name: parts.make(read_yaml, name, texts.get(name, "{}")) for name in OPTIONAL}
        self.faults = [fault for source in self._files.values() for fault in source.faults]

    def of(self, name: str, reader: Callable[Concatenate[Source, ...], T], *others: object) -> T:
        """What a reader finds in a YAML file."""
        found, faults = self.parts.make(_found, reader, self._files[name], *others)
        self.faults += faults
        return found  # type: ignore[no-any-return]  # as the reader's

    def beside(self, reader: Callable[..., tuple[T, list[Fault]]], *of: object) -> T:
        """What a reader finds that returns the faults beside it."""
        found, faults = self.parts.make(reader, *of)
        self.faults += faults
        return found


def _found(reader: Callable[..., T], source: Source, *others: object) -> tuple[T, list[Fault]]:
    """A source that is taken over must not gather the faults of every reading, so a reader gets a copy."""
    own = replace(source, faults=list(source.faults))
    return reader(own, *others), own.faults[len(source.faults) :]


def _tables(texts: Mapping[str, str]) -> list[str]:
    return sorted(name for name in texts if name.startswith(TABLES))


def _together(*tables: Table) -> tuple[Table, ...]:
    return tables


def _actions(
    table: str | None, listed: str | None, schema: Schema, channels: tuple[Channel, ...]
) -> tuple[tuple[Action, ...], list[Fault]]:
    texts = {name: text for name, text in ((FILE, table), (YAML_FILE, listed)) if text is not None}
    return read_actions(texts, schema.action, [channel.name for channel in channels])


def _explore(source: Source, known: Known) -> dict[str, Explorer]:
    return read_explore(source, known["objective"])


def _lineup(
    source: Source, known: Known, schema: Schema, actions: tuple[Action, ...], adaptive: Adaptivity | None
) -> Lineup:
    lineup = read_lineup(source, known, schema)
    _check_online(source, lineup, actions, adaptive)
    return lineup


def _check_online(source: Source, lineup: Lineup, actions: tuple[Action, ...], adaptive: Adaptivity | None) -> None:
    if source.faults or not lineup.online:
        return
    check_size(source, lineup.online, {name: lineup.scope_of(name) for name in lineup.online}, actions)
    if adaptive is None:
        cure = "`adaptive: off` in arbitration.yaml leaves it none; take one of the two away"
        source.fault(("online",), f"an online model learns from outcomes, and {cure}")


def _known(actions: tuple[Action, ...], channels: tuple[Channel, ...]) -> dict[str, set[str]]:
    return {
        "objective": {action.objective for action in actions},
        "group": {action.group for action in actions},
        "action": {action.key for action in actions},
        "tag": {tag for action in actions for tag in action.tags},
        "channel": {channel.name for channel in channels},
        "placement": {placement for channel in channels for placement in channel.placements},
    }


def _undeclared(actions: tuple[Action, ...], declared: Declared) -> list[Fault]:
    used = {purpose: action for action in reversed(actions) for purpose in action.purposes}
    return [
        Fault(
            used[name].file,
            used[name].line,
            1,
            f"{unknown('purpose', name, declared.purposes)} (action '{used[name].key}')",
        )
        for name in declared.missing(used)
    ]


def _arbitration(source: Source, known: Known) -> tuple[dict[str, float], dict[str, str]]:
    source.only((), source.value, {"levers", "fallback", "explore", KEY, *KEYS})
    levers = source.mapping(("levers",), source.value.get("levers"))
    fallback = source.mapping(("fallback",), source.value.get("fallback"))
    for group in levers:
        if group not in known["group"]:
            source.fault(("levers", group), unknown("group", group, known["group"]))
    chosen = {channel: source.text(("fallback", channel), action) for channel, action in fallback.items()}
    for channel, action in chosen.items():
        if channel not in known["channel"]:
            source.fault(("fallback", channel), unknown("channel", channel, known["channel"]))
        if action and action not in known["action"]:
            source.fault(("fallback", channel), unknown("action", action, known["action"]))
    weights = {group: source.number(("levers", group), lever) for group, lever in levers.items()}
    for group in (group for group, lever in weights.items() if lever < 0):
        source.fault(("levers", group), "a lever must not be below 0")
    return weights, chosen
