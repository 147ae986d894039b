"""One decision in plain loops: obvious, slow, and what the fast one is compared with.

It knows the engine's words and plain values only; conditions are functions of (customer, request, action) to True,
False or None, None being unknown.
"""

import math
from dataclasses import dataclass, field


@dataclass
class World:
    """What is decided about: plain lists of plain values."""

    actions: list  # dicts: key, objective, group, purposes, value, lever, start_ms, end_ms, channels, attributes
    policies: list = field(default_factory=list)  # dicts: name, tier, scope, test, lenient
    contacts: list = field(default_factory=list)  # dicts: name, scope, kind, at_most, within_ms, per
    levers: dict = field(default_factory=dict)
    components: list = field(default_factory=list)  # dicts: name, number, at_least, at_most, on_missing
    weights: list = field(default_factory=list)  # dicts: scope, test, weight
    formula: tuple = ()  # its text, and a function of the factors and components; empty for the product


@dataclass
class Person:
    """Who it is decided for."""

    facts: dict
    allowed: set  # of (purpose, channel)
    history: list  # dicts: at_ms, kind, action, group, objective, channel


@dataclass
class Answer:
    """What comes out: for each ask the ranked keys with priorities, and all reasons of each row held back."""

    ranked: list
    reasons: dict


def decide(world, person, asks, now_ms, context, keys=(), chance=0.1):
    """Ask every gate of every row, then rank what is left and has a priority."""
    reasons, standing = {}, []  # what stands, with its priority
    asked_channels = {ask["channel"] for ask in asks}
    for action in world.actions:
        for channel in action["channels"]:
            if channel not in asked_channels or (keys and action["key"] not in keys):
                continue
            row = {**action, "channel": channel, "action": action["key"]}
            found = reasons_of(world, person, row, now_ms, context)
            weight = None if found else priority(world, row, chance, (person.facts, context, attributes_of(row)))
            if weight is None:
                reasons[action["key"], channel] = found or {("arbitration", "no priority")}
            else:
                standing.append((row, weight))
    return Answer([ranked(standing, ask) for ask in asks], reasons)


def reasons_of(world, person, row, now_ms, context):
    """Every gate that holds a row back."""
    found = set()
    if not row["start_ms"] <= now_ms < row["end_ms"]:
        found.add(("window", "validity window"))
    for purpose in row["purposes"]:
        if (purpose, row["channel"]) not in person.allowed:
            found.add(("consent", f"{purpose} in {row['channel']}"))
    for policy in world.policies:
        if not inside(row, policy["scope"]):
            continue
        verdict = policy["test"](person.facts, context, attributes_of(row))
        if verdict is False or (verdict is None and not policy["lenient"]):
            found.add((policy["tier"], policy["name"]))
    for contact in world.contacts:
        if inside(row, contact["scope"]) and count(person, contact, row, now_ms) >= contact["at_most"]:
            found.add(("contact policy", contact["name"]))
    return found


def inside(row, scope):
    """Whether a row, or a contact of the history, bears every name of a scope."""
    return all(row[kind] == name for kind, name in scope.items())


def attributes_of(row):
    """What conditions see of a row."""
    own = {"action_key": row["action"], "channel": row["channel"], "value": row["value"]}
    return {**row["attributes"], **own, "group": row["group"], "objective": row["objective"]}


def count(person, contact, row, now_ms):
    """Outcomes of the kind, in the scope, within the window, that bear the row's name."""
    total = 0
    for event in person.history:
        recent = now_ms - contact["within_ms"] < event["at_ms"] <= now_ms
        alike = contact["per"] == "everything" or event[contact["per"]] == row[contact["per"]]
        if recent and alike and event["kind"] == contact["kind"] and inside(event, contact["scope"]):
            total += 1
    return total


def priority(world, row, chance, seen):
    """What a row is ranked by; None for what is no finite number."""
    parts = {component["name"]: amount(component, seen) for component in world.components}
    value = row["value"]
    for place, part in enumerate(parts.values()):
        value = value + part if place else part
    lever = row["lever"] * world.levers.get(row["group"], 1.0)
    weight = 1.0
    for entry in world.weights:
        if inside(row, entry["scope"]) and entry["test"](*seen) is True:
            weight *= entry["weight"]
    found = chance * value * lever * weight
    if world.formula:
        found = world.formula[1]({"propensity": chance, "value": value, "lever": lever, "weight": weight, **parts})
    return found if math.isfinite(found) else None


def amount(component, seen):
    """One part of the value: unknown or not finite counts as said for that, then the caps."""
    value = component["number"](*seen)
    if value is None or not math.isfinite(value):
        value = component["on_missing"]
    return min(max(value, component["at_least"]), component["at_most"])


def ranked(standing, ask):
    """The best rows of one channel: by priority, then by key."""
    rows = [(row["key"], found) for row, found in standing if row["channel"] == ask["channel"]]
    rows.sort(key=lambda pair: (-pair[1], pair[0]))
    return rows[: ask["limit"]]
