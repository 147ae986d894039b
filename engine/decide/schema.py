"""`schema.yaml`: what rules and models may read."""

import math
from collections.abc import Iterator, Mapping

from engine.decide.derived import NAME
from engine.decide.faults import unknown
from engine.decide.request import Plain
from engine.decide.source import Path, Source
from engine.decide.values import fits
from rules import KINDS, Domain, Schema

OF_ACTIONS = {
    "action_key": "string",
    "objective": "string",
    "group": "string",
    "channel": "string",
    "placement": "string",
    "value": "double",
    "cost": "double",
}
OF_CUSTOMERS = {"role": "string"}


def read_schema(source: Source) -> Schema:
    """The schema, with what the engine keeps of everyone but what it derives; faults go to the source."""
    said = {name: _kinds(source, name) for name in ("customer", "request", "action")}
    unsure = frozenset(f"{world}.{name}" for world in said for name, kind in said[world].items() if kind not in KINDS)
    worlds = {
        world: {name: kind if kind in KINDS else "string" for name, kind in kinds.items()}
        for world, kinds in said.items()
    }
    source.only((), source.value, set(worlds))
    for world, kept in (("customer", OF_CUSTOMERS), ("action", OF_ACTIONS)):
        for name in set(worlds[world]) & set(kept):
            source.fault((world, name), f"'{name}' is kept by the engine; leave it out")
    domains = {f"{world}.{name}": domain for world in worlds for name, domain in _domains(source, world, said[world])}
    customer, action = worlds["customer"] | OF_CUSTOMERS, worlds["action"] | OF_ACTIONS
    return Schema(customer, worlds["request"], action, domains, unsure=unsure)


def _kinds(source: Source, world: str) -> dict[str, str]:
    entries = source.mapping((world,), source.value.get(world))
    kinds = {name: raw.get("type") if isinstance(raw, dict) else raw for name, raw in entries.items()}
    for name, kind in kinds.items():
        if kind not in KINDS:
            source.fault((world, name), unknown("type", kind, KINDS))
        if not NAME.fullmatch(name):
            source.fault((world, name), f"'{name}' is no attribute name; use letters, digits and _")
    return {name: str(kind) for name, kind in kinds.items()}


def _domains(source: Source, world: str, kinds: Mapping[str, str]) -> Iterator[tuple[str, Domain]]:
    """The ranges and enumerations: `age: {type: int, min: 0, max: 120}`, `tier: {type: string, values: [a, b]}`."""
    for name, raw in source.mapping((world,), source.value.get(world)).items():
        if not isinstance(raw, dict):
            continue
        path = (world, name)
        source.only(path, raw, {"type", "min", "max", "values"})
        low, high = (source.number((*path, key), raw[key]) if key in raw else None for key in ("min", "max"))
        if low is not None and high is not None and low > high:
            source.fault((*path, "max"), f"max {high:g} is below min {low:g}")
        values = _values(source, (*path, "values"), raw["values"], kinds[name]) if "values" in raw else None
        yield name, Domain(-math.inf if low is None else low, math.inf if high is None else high, values)


def _values(source: Source, path: Path, raw: object, kind: str) -> frozenset[object]:
    """An enumeration; each of its values is of the attribute's type."""
    values = source.items(path, raw)
    if raw is None or raw == []:
        source.fault(path, "values is empty; name at least one, or leave it out")
    for at, value in enumerate(values):
        if kind in KINDS and not _is(kind, value):
            source.fault((*path, at), f"{value!r} is no {kind}")
    return frozenset(value for value in values if isinstance(value, Plain))


def _is(kind: str, value: object) -> bool:
    return isinstance(value, Plain) and (fits(kind, value) or (kind, type(value)) == ("double", int))
