"""`arbitration.yaml`: what the value is made of, the formula that ranks, and the weights of circumstances.

value:
  margin: {of: action.margin, at_most: 50}
  fatigue: {of: -0.1 * customer.behaviour.exposures_90d, at_least: -5, on_missing: -1}
formula: propensity * value * lever * weight
weights:
  - {name: umbrellas in the rain, scope: {group: umbrellas}, when: request.weather == 'rain', weight: 1.5}
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.decide.derived import NAME
from engine.decide.policies import Known, Language, read_condition, read_scope
from engine.decide.source import Path, Source
from rules import Expression, Formula, RuleError, Schema, UnsupportedError, compile_expression

KEYS = {"value", "formula", "weights"}
FACTORS = ("propensity", "value", "lever", "weight")
MIXED = "; whole numbers and doubles do not mix: write 2.0, or double(customer.age)"


@dataclass(frozen=True)
class Component:
    """One part of the value.

    Args:
        expression: of kind double.
        at_least, at_most: its caps.
        on_missing: what it is where it is not known, fails, or is no finite number.
    """

    name: str
    expression: Expression
    at_least: float = -math.inf
    at_most: float = math.inf
    on_missing: float = 0.0


@dataclass(frozen=True)
class Weight:
    """One context weight over a scope; `place` is its condition's line and column."""

    name: str
    scope: Mapping[str, str]
    expression: Expression
    weight: float
    place: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Valuation:
    """How rows are weighed.

    Args:
        components: they add up to the value; none: the action's value less its cost.
        weights: those that hold multiply.
        formula: what ranks, over FACTORS and the components' names; None for the product of FACTORS.
        place: the formula's line and column.
    """

    components: tuple[Component, ...] = ()
    weights: tuple[Weight, ...] = ()
    formula: Expression | None = None
    place: tuple[int, int] = (1, 1)

    @property
    def reads(self) -> frozenset[str]:
        """Every attribute that some part reads."""
        said = [part.expression for part in self.components] + [weight.expression for weight in self.weights]
        formula = [] if self.formula is None else [self.formula]
        return frozenset(name for expression in (*said, *formula) for name in expression.reads)


PLAIN = Valuation()


def read_valuation(source: Source, language: Language, known: Known) -> Valuation:
    """The value, the formula and the weights; faults go to the source."""
    entries = source.mapping(("value",), source.value.get("value"))
    made = [_component(source, name, raw, language) for name, raw in entries.items()]
    components = tuple(component for component in made if component is not None)
    weights = tuple(_weights(source, language, known))
    formula = _formula(source, ("formula",), list(entries), language) if "formula" in source.value else None
    return Valuation(components, weights, formula, source.place(("formula",)))


def _component(source: Source, name: str, raw: object, language: Language) -> Component | None:
    path: Path = ("value", name)
    entry = source.mapping(path, raw)
    source.only(path, entry, {"of", "at_least", "at_most", "on_missing"})
    if name in FACTORS or not NAME.fullmatch(name):
        source.fault(path, f"'{name}' is no name of a component; use letters, digits and _, and none of {_listed()}")
    numbers = {key: source.number((*path, key), entry[key]) for key in ("at_least", "at_most") if key in entry}
    low, high = numbers.get("at_least", -math.inf), numbers.get("at_most", math.inf)
    if low > high:
        source.fault((*path, "at_most"), f"at_most {high:g} is below at_least {low:g}")
    missing = source.number((*path, "on_missing"), entry.get("on_missing", 0.0))
    if "on_missing" in entry and low <= high and not low <= missing <= high:
        source.fault((*path, "on_missing"), f"on_missing {missing:g} is outside of the caps, {low:g} to {high:g}")
    expression = _number(source, (*path, "of"), entry.get("of"), language)
    return Component(name, expression, low, high, missing) if expression else None


def _listed() -> str:
    return ", ".join(FACTORS)


def _number(source: Source, path: Path, raw: object, language: Language) -> Expression | None:
    """A compiled formula; None, and a fault, when it is none."""
    text = source.text(path, raw)
    if not text:
        return None
    try:
        return compile_expression(text, language.schema, language.library, kind="double")
    except RuleError as error:
        cure = MIXED if "overload" in error.message or "INT" in error.message else ""
        source.fault(path, f"{error.message}{cure}", error.line - 1, error.column - 1)
        return None


def _formula(source: Source, path: Path, names: list[str], language: Language) -> Expression | None:
    """What ranks: it reads the factors and the components, by their bare names."""
    bare = dict.fromkeys((*FACTORS, *(name for name in names if NAME.fullmatch(name))), "double")
    own = Language(Schema({}, {}, {}, bare=bare), language.library)
    expression = _number(source, path, source.value.get("formula"), own)
    try:
        Formula(expression.tree) if expression else None
    except UnsupportedError as error:
        source.fault(path, str(error))
        return None
    return expression


def _weights(source: Source, language: Language, known: Known) -> Iterator[Weight]:
    seen: set[str] = set()
    for index, raw in enumerate(source.items(("weights",), source.value.get("weights"))):
        path = ("weights", index)
        entry = source.mapping(path, raw)
        if not isinstance(raw, dict):
            continue
        weight = _weight(source, path, entry, language, known)
        if weight is None:
            continue
        if weight.name in seen:
            source.fault((*path, "name"), f"'{weight.name}' stands twice")
        seen.add(weight.name)
        yield weight


def _weight(source: Source, path: Path, entry: Mapping[str, object], language: Language, known: Known) -> Weight | None:
    source.only(path, entry, {"name", "scope", "when", "weight"})
    name = source.text((*path, "name"), entry.get("name"))
    scope = read_scope(source, (*path, "scope"), entry.get("scope"), known)
    if "role" in scope:
        source.fault((*path, "scope", "role"), "a weight has no role in its scope; write when: customer.role == '...'")
    weight = source.number((*path, "weight"), entry.get("weight"))
    if weight < 0:
        source.fault((*path, "weight"), "a weight must not be below 0")
    expression = read_condition(source, (*path, "when"), entry.get("when"), language, name)
    return Weight(name, scope, expression, weight, source.place((*path, "when"))) if expression else None
