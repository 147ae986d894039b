"""A compiled condition."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.ast import Call, Items, Name, Node, UnsupportedError
from rules.check import PRESENT, check
from rules.errors import RuleError
from rules.evaluate import Plan, Worlds, plan
from rules.schema import Schema


@dataclass(frozen=True)
class Verdict:
    """What a condition says: bool for the request, or bool[R] where it reads the action.

    Args:
        passed: true where it holds; false wherever it is unknown.
        unknown: true where a missing attribute or an error leaves it open.
    """

    passed: bool | NDArray[np.bool_]
    unknown: bool | NDArray[np.bool_]


@dataclass(frozen=True)
class Expression:
    """A condition, checked and compiled; `reads` names its attributes."""

    text: str
    reads: frozenset[str]
    run: Plan

    @property
    def is_scalar(self) -> bool:
        """True when it does not read the action."""
        return not any(name.startswith("action.") for name in self.reads)

    def evaluate(
        self,
        customer: Mapping[str, object],
        request: Mapping[str, object],
        columns: Mapping[str, NDArray[np.generic]],
    ) -> Verdict:
        """Evaluate for one request.

        Args:
            customer, request: attribute -> value; an absent one is unknown.
            columns: action attribute -> array[R]; NaN and None are unknown.
        """
        part = self.run(Worlds(customer, request, columns))
        passed = part.value.astype(np.bool_) & ~part.unknown
        return Verdict(passed, part.unknown) if passed.ndim else Verdict(bool(passed), bool(part.unknown))


def compile_expression(text: str, schema: Schema) -> Expression:
    """Check and compile one condition.

    Raises:
        RuleError: with line and column inside the text.
    """
    tree = check(text, schema)
    try:
        return Expression(text, frozenset(_names(tree)), plan(tree))
    except UnsupportedError as error:
        raise RuleError(str(error)) from None


def _names(node: Node) -> set[str]:
    if isinstance(node, Name):
        return {node.name.removeprefix(PRESENT)}
    inner = node.args if isinstance(node, Call) else node.items if isinstance(node, Items) else ()
    return {name for part in inner for name in _names(part)}
