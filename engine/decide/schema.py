"""`schema.yaml`: what rules and models may read."""

import re

from engine.decide.behaviour import BEHAVIOUR
from engine.decide.faults import unknown
from engine.decide.source import Source
from rules import KINDS, Schema

OF_ACTIONS = {
    "action_key": "string",
    "objective": "string",
    "group": "string",
    "channel": "string",
    "placement": "string",
    "value": "double",
}
OF_CUSTOMERS = BEHAVIOUR | {"role": "string"}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def read_schema(source: Source) -> Schema:
    """The schema, with what the engine keeps itself; faults go to the source."""
    worlds = {name: _kinds(source, name) for name in ("customer", "request", "action")}
    source.only((), source.value, set(worlds))
    for world, kept in (("customer", OF_CUSTOMERS), ("action", OF_ACTIONS)):
        for name in set(worlds[world]) & set(kept):
            source.fault((world, name), f"'{name}' is kept by the engine; leave it out")
    return Schema(worlds["customer"] | OF_CUSTOMERS, worlds["request"], worlds["action"] | OF_ACTIONS)


def _kinds(source: Source, world: str) -> dict[str, str]:
    kinds = source.mapping((world,), source.value.get(world))
    for name, kind in kinds.items():
        if kind not in KINDS:
            source.fault((world, name), unknown("type", kind, KINDS))
        if not NAME.fullmatch(name):
            source.fault((world, name), f"'{name}' is no attribute name; use letters, digits and _")
    return {name: str(kind) for name, kind in kinds.items()}
