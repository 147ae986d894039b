"""Whether what a model reads is there to be read: as the schema has it, and as the engine keeps it."""

from engine.decide.behaviour import DEALINGS
from engine.decide.faults import unknown
from models import Feature
from rules import Schema

FITTING = {
    "numeric": ("int", "uint", "double", "bool", "timestamp", "duration"),
    "boolean": ("bool",),
    "categorical": ("string",),
    "age": ("timestamp",),
    "embedding": ("list(double)", "list(int)"),
}
DEALT = ("numeric", "boolean", "age")  # what the record can say of a customer and a key


def misfit(feature: Feature, schema: Schema) -> str:
    """Why nobody can know what a feature reads, so that it would be missing for ever; empty when it fits."""
    if feature.side.startswith("with_"):
        if feature.fact not in DEALINGS:
            return f"{unknown('fact', feature.fact, DEALINGS)} (of '{feature.name}')"
        return "" if feature.kind in DEALT else f"{feature.name} is {feature.kind}, which no history is"
    kinds = schema.qualified()
    if feature.name not in kinds:
        return unknown("attribute", feature.name, kinds)
    kind = kinds[feature.name]
    if feature.name in schema.unsure or kind in FITTING[feature.kind]:
        return ""
    others = [name for name, fitting in FITTING.items() if kind in fitting]
    cure = f"its kind can be {' or '.join(others)}" if others else "no kind of feature is"
    return f"{feature.name} is {kind}, not {feature.kind}; {cure}"
