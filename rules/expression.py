"""A compiled condition or formula."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from rules.errors import RuleError, UnsupportedError
from rules.library import Library
from rules.scalar import UNKNOWN, Plan, Worlds, plan
from rules.schema import Schema
from rules.tree import Has, Name, Node, walk


@dataclass(frozen=True)
class Verdict:
    """What a condition says of one row.

    Args:
        passed: true where it holds; false where it is unknown.
        unknown: true where a missing attribute or an error leaves it open.
    """

    passed: bool
    unknown: bool


@dataclass(frozen=True)
class Expression:
    """A condition or a formula, checked and compiled; `tree` is what a snapshot stores."""

    text: str
    tree: Node

    @cached_property
    def reads(self) -> frozenset[str]:
        """The attributes it reads, qualified: `customer.age`."""
        return frozenset(node.name for node in walk(self.tree) if isinstance(node, (Name, Has)))

    @cached_property
    def plan(self) -> Plan:
        """The compiled form for one row."""
        return plan(self.tree)

    @property
    def is_scalar(self) -> bool:
        """True when it does not read the action."""
        return not any(name.startswith("action.") for name in self.reads)

    def evaluate(
        self, customer: Mapping[str, object], request: Mapping[str, object], action: Mapping[str, object]
    ) -> Verdict:
        """Evaluate for one request and one row; an absent attribute is unknown."""
        value = self.plan(Worlds(customer, request, action))
        return Verdict(value is True, value is UNKNOWN)


def compile_expression(text: str, schema: Schema, library: Library | None = None, *, kind: str = "bool") -> Expression:
    """Check and compile one expression.

    Args:
        text: the expression.
        schema: what it may read.
        library: expressions compiled before; this one is added.
        kind: bool for a condition, double for a formula.

    Raises:
        RuleError: with line and column inside the text.
    """
    expression = Expression(text, (library or Library()).tree(text, schema, kind))
    try:
        expression.plan  # noqa: B018  compiled now, so that what is not supported is refused now
    except UnsupportedError as error:
        raise RuleError(str(error)) from None
    return expression
