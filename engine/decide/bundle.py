"""A bundle: what operators write, read into plain values with every fault named at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.decide.actions import Action, read_actions
from engine.decide.behaviour import BEHAVIOUR
from engine.decide.faults import BundleError, Fault, unknown
from engine.decide.source import Path, Source, read_yaml
from engine.decide.values import duration_ms
from rules import KINDS, Expression, RuleError, Schema, compile_expression

FILES = ("schema.yaml", "channels.yaml", "actions.csv", "policies.yaml", "arbitration.yaml")
TIERS = ("eligibility", "applicability", "suitability")
SCOPES = ("objective", "group", "action", "channel")
COUNTED = ("everything", *SCOPES)
BUILT_IN = {"action_key": "string", "objective": "string", "group": "string", "channel": "string", "value": "double"}


@dataclass(frozen=True)
class Channel:
    """Where messages are shown; outbound ones go to the customer, inbound ones wait for them."""

    name: str
    outbound: bool
    placements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """One engagement rule over a scope."""

    name: str
    tier: str
    scope: Mapping[str, str]
    expression: Expression
    pass_missing: bool


@dataclass(frozen=True)
class ContactPolicy:
    """At most `at_most` outcomes of a kind within a sliding window, counted per `per`."""

    name: str
    scope: Mapping[str, str]
    kind: str
    at_most: int
    within_ms: int
    per: str


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


def read_bundle(texts: Mapping[str, str]) -> Bundle:
    """Read and check a bundle.

    Args:
        texts: file name -> content.

    Raises:
        BundleError: naming every fault of every file.
    """
    files = {name: read_yaml(name, texts.get(name)) for name in ("schema.yaml", "channels.yaml", "policies.yaml")}
    files["arbitration.yaml"] = read_yaml("arbitration.yaml", texts.get("arbitration.yaml", "{}"))
    schema = _schema(files["schema.yaml"])
    channels = _channels(files["channels.yaml"])
    names = [channel.name for channel in channels]
    actions, faults = read_actions(texts.get("actions.csv"), schema.action, names)
    known = _known(actions, names)
    policies = tuple(_policies(files["policies.yaml"], schema, known))
    contacts = tuple(_contacts(files["policies.yaml"], known))
    _unique(files["policies.yaml"], ("contact", "cooldown"))
    _unique(files["policies.yaml"], TIERS)
    levers, fallback = _arbitration(files["arbitration.yaml"], known)
    faults = [*faults, *(fault for source in files.values() for fault in source.faults)]
    if faults:
        raise BundleError(faults)
    return Bundle(schema, channels, actions, policies, contacts, levers, fallback)


def _known(actions: tuple[Action, ...], channels: list[str]) -> dict[str, set[str]]:
    return {
        "objective": {action.objective for action in actions},
        "group": {action.group for action in actions},
        "action": {action.key for action in actions},
        "channel": set(channels),
    }


def _schema(source: Source) -> Schema:
    worlds = {name: _kinds(source, name) for name in ("customer", "request", "action")}
    _only(source, (), source.value, set(worlds))
    for world, kept in (("customer", BEHAVIOUR), ("action", BUILT_IN)):
        for name in set(worlds[world]) & set(kept):
            source.fault((world, name), f"'{name}' is kept by the engine; leave it out")
    return Schema(worlds["customer"] | BEHAVIOUR, worlds["request"], worlds["action"] | BUILT_IN)


def _kinds(source: Source, world: str) -> dict[str, str]:
    kinds = source.mapping((world,), source.value.get(world))
    for name, kind in kinds.items():
        if kind not in KINDS:
            source.fault((world, name), unknown("type", kind, KINDS))
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name):
            source.fault((world, name), f"'{name}' is no attribute name; use letters, digits and _")
    return {name: str(kind) for name, kind in kinds.items()}


def _channels(source: Source) -> tuple[Channel, ...]:
    made = []
    for name, raw in source.mapping((), source.value).items():
        entry = source.mapping((name,), raw)
        if not isinstance(raw, dict):
            continue
        _only(source, (name,), entry, {"direction", "placements"})
        direction = entry.get("direction")
        if direction not in ("inbound", "outbound", "paid"):
            source.fault((name, "direction"), unknown("direction", direction, ("inbound", "outbound", "paid")))
        placements = source.items((name, "placements"), entry.get("placements"))
        made.append(Channel(name, direction == "outbound", tuple(str(place) for place in placements)))
    if not source.value and not source.faults:
        source.fault((), "no channel is declared; write 'email: {direction: outbound}'")
    return tuple(sorted(made, key=lambda channel: channel.name))


def _policies(source: Source, schema: Schema, known: Mapping[str, set[str]]) -> list[Policy]:
    _only(source, (), source.value, {*TIERS, "contact", "cooldown"})
    made = []
    for tier in TIERS:
        for index, raw in enumerate(source.items((tier,), source.value.get(tier))):
            made.append(_policy(source, (tier, index), raw, schema, known))
    return [policy for policy in made if policy is not None]


def _unique(source: Source, sections: tuple[str, ...]) -> None:
    """Names are how a rule is spoken of: each stands once."""
    seen: dict[object, str] = {}
    for section in sections:
        for index, raw in enumerate(source.items((section,), source.value.get(section), quiet=True)):
            name = raw.get("name") if isinstance(raw, dict) else None
            if isinstance(name, str) and name in seen:
                source.fault((section, index, "name"), f"'{name}' stands twice, in {seen[name]} and here")
            seen.setdefault(name, section)


def _policy(source: Source, path: Path, raw: object, schema: Schema, known: Mapping[str, set[str]]) -> Policy | None:
    entry = source.mapping(path, raw)
    if not isinstance(raw, dict):
        return None
    _only(source, path, entry, {"name", "scope", "when", "on_missing"})
    name = source.text((*path, "name"), entry.get("name"))
    missing = entry.get("on_missing", "block")
    if missing not in ("pass", "block"):
        source.fault((*path, "on_missing"), unknown("on_missing", missing, ("pass", "block")))
    expression = _expression(source, (*path, "when"), entry.get("when"), schema, name)
    if expression is None:
        return None
    scope = _scope(source, (*path, "scope"), entry.get("scope"), known)
    return Policy(name, str(path[0]), scope, expression, missing == "pass")


def _expression(source: Source, path: Path, raw: object, schema: Schema, rule: str) -> Expression | None:
    text = source.text(path, raw)
    if not text:
        return None
    try:
        return compile_expression(text, schema)
    except RuleError as error:
        source.fault(path, f"{error.message} in rule '{rule}'", error.line - 1, error.column - 1)
        return None


def _scope(source: Source, path: Path, raw: object, known: Mapping[str, set[str]]) -> dict[str, str]:
    scope = source.mapping(path, raw)
    _only(source, path, scope, set(SCOPES))
    for kind, name in scope.items():
        if kind in known and name not in known[kind]:
            source.fault((*path, kind), unknown(kind, name, known[kind]))
    return {kind: str(name) for kind, name in scope.items()}


def _contacts(source: Source, known: Mapping[str, set[str]]) -> list[ContactPolicy]:
    caps = enumerate(source.items(("contact",), source.value.get("contact")))
    cools = enumerate(source.items(("cooldown",), source.value.get("cooldown")))
    return [
        *(_cap(source, ("contact", index), raw, known) for index, raw in caps),
        *(_cooldown(source, ("cooldown", index), raw, known) for index, raw in cools),
    ]


def _cap(source: Source, path: Path, raw: object, known: Mapping[str, set[str]]) -> ContactPolicy:
    entry = source.mapping(path, raw)
    _only(source, path, entry, {"name", "scope", "kind", "at_most", "within", "per"})
    most = source.number((*path, "at_most"), entry.get("at_most"))
    if most < 0 or most != int(most):
        source.fault((*path, "at_most"), "at_most must be a whole number of at least 0")
    return _contact(source, path, entry, ("kind", "within", int(most)), known)


def _cooldown(source: Source, path: Path, raw: object, known: Mapping[str, set[str]]) -> ContactPolicy:
    entry = source.mapping(path, raw)
    _only(source, path, entry, {"name", "scope", "after", "for", "per"})
    return _contact(source, path, entry, ("after", "for", 1), known)  # one such outcome is already too many


def _contact(
    source: Source, path: Path, entry: dict[str, object], terms: tuple[str, str, int], known: Mapping[str, set[str]]
) -> ContactPolicy:
    kind, within, most = terms
    per = str(entry.get("per", "everything"))
    if per not in COUNTED:
        source.fault((*path, "per"), unknown("per", per, COUNTED))
    return ContactPolicy(
        source.text((*path, "name"), entry.get("name")),
        _scope(source, (*path, "scope"), entry.get("scope"), known),
        source.text((*path, kind), entry.get(kind)),
        most,
        _duration_ms(source, (*path, within), entry.get(within)),
        per,
    )


def _duration_ms(source: Source, path: Path, raw: object) -> int:
    try:
        return duration_ms(str(raw))
    except ValueError as error:
        source.fault(path, str(error))
        return 0


def _arbitration(source: Source, known: Mapping[str, set[str]]) -> tuple[dict[str, float], dict[str, str]]:
    _only(source, (), source.value, {"levers", "fallback"})
    levers = source.mapping(("levers",), source.value.get("levers"))
    fallback = source.mapping(("fallback",), source.value.get("fallback"))
    for group in levers:
        if group not in known["group"]:
            source.fault(("levers", group), unknown("group", group, known["group"]))
    for channel, action in fallback.items():
        if channel not in known["channel"]:
            source.fault(("fallback", channel), unknown("channel", channel, known["channel"]))
        if action not in known["action"]:
            source.fault(("fallback", channel), unknown("action", action, known["action"]))
    weights = {group: source.number(("levers", group), lever) for group, lever in levers.items()}
    for group in (group for group, lever in weights.items() if lever < 0):
        source.fault(("levers", group), "a lever must not be below 0")
    return weights, {channel: str(action) for channel, action in fallback.items()}


def _only(source: Source, path: Path, entry: Mapping[str, object], known: set[str]) -> None:
    for key in set(entry) - known:
        source.fault((*path, key), unknown("key", key, known))


__all__ = ["Bundle", "BundleError", "Channel", "ContactPolicy", "Fault", "Policy", "read_bundle"]
