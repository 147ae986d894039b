"""A bundle: what operators write, read into plain values with every fault named at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

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


def read_bundle(texts: Mapping[str, str], library: Library | None = None) -> Bundle:
    """Read and check a bundle.

    Args:
        texts: file name -> content.
        library: conditions compiled before; the bundle's are added.

    Raises:
        BundleError: naming every fault of every file.
    """
    files = {name: read_yaml(name, texts.get(name)) for name in NEEDED}
    files |= {name: read_yaml(name, texts.get(name, "{}")) for name in OPTIONAL}
    schema, channels = read_schema(files["schema.yaml"]), read_channels(files["channels.yaml"])
    actions, faults = read_actions(texts, schema.action, [channel.name for channel in channels])
    known = _known(actions, channels)
    language = Language(schema, library or Library())
    derived, schema = read_customer(files["customer.yaml"], language, known)
    language = replace(language, schema=schema)
    policies, contacts = read_policies(files["policies.yaml"], language, known)
    valuation = read_valuation(files["arbitration.yaml"], language, known)
    levers, fallback = _arbitration(files["arbitration.yaml"], known)
    adaptive = read_adaptive(files["arbitration.yaml"])
    explore = read_explore(files["arbitration.yaml"], known["objective"])
    declared = read_purposes(files["purposes.yaml"])
    lineup = read_lineup(files["models.yaml"], known, schema)
    _check_online(files["models.yaml"], lineup, actions, adaptive)
    read = [read_table(name, text, schema) for name, text in sorted(texts.items()) if name.startswith(TABLES)]
    faults += [fault for _, of_table in read for fault in of_table]
    faults = [
        *faults,
        *_undeclared(actions, declared),
        *(fault for source in files.values() for fault in source.faults),
    ]
    if faults:
        raise BundleError(faults)
    return Bundle(
        schema, channels, actions, policies, contacts, levers, fallback, declared, tuple(table for table, _ in read),
        lineup, explore, valuation, adaptive, derived,
    )  # fmt: skip


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
