"""Numbers by row: arithmetic over columns that are known only when it is asked."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rules.columns import Columns, Texts
from rules.errors import UnsupportedError
from rules.functions import ORDERS
from rules.scalar import Worlds
from rules.tree import Call, Name, Node, place, worlds
from rules.vector import ARITHMETIC, LOGIC, Part, VectorPlan, kind_of, lifted, strict, vector

NUMBERS = {"int", "double"}
NO_COLUMNS = Columns({}, {}, Texts(()), 0)
NOBODY: Mapping[str, object] = {}


class Formula:
    """Arithmetic, comparisons, logic and `? :` over columns of numbers.

    Args:
        tree: of kind double; its bare names are the columns.

    Raises:
        UnsupportedError: when it asks of the columns what numpy has no equal of.
    """

    def __init__(self, tree: Node) -> None:
        self._run = _combined(tree)

    def evaluate(
        self,
        columns: Mapping[str, Part],
        customer: Mapping[str, object] = NOBODY,
        request: Mapping[str, object] = NOBODY,
    ) -> Part:
        """What it says of N rows.

        Args:
            columns: bare name -> its numbers.
            customer, request: what it reads of them is computed once, not by row.

        Returns:
            float64[N], or one for all rows; anything where it is not known.
        """
        with np.errstate(all="ignore"):  # what is divided by zero is infinite or no number, as the language has it
            return self._run(Worlds(customer, request, columns))


class Measure:
    """A number for some rows of a catalogue: what reads the action alone is computed here, once.

    Args:
        tree: of kind double.
        columns: every row.
    """

    def __init__(self, tree: Node, columns: Columns) -> None:
        parts: dict[str, Node] = {}
        self._formula = Formula(_without_rows(tree, parts))
        self._parts = {name: vector(part, columns) for name, part in parts.items()}

    def evaluate(self, customer: Mapping[str, object], request: Mapping[str, object], rows: NDArray[np.intp]) -> Part:
        """The number and whether it is known.

        Args:
            customer, request: plain values.
            rows: intp[N].

        Returns:
            float64[N], or one for all rows; anything where it is not known.
        """
        asked = Worlds(customer, request)
        columns = {name: _taken(run(asked), rows) for name, run in self._parts.items()}
        return self._formula.evaluate(columns, customer, request)


def _taken(part: Part, rows: NDArray[np.intp]) -> Part:
    value = part.value[rows] if np.ndim(part.value) else part.value
    return Part(value, part.known if isinstance(part.known, bool) else part.known[rows])


def _combined(node: Node) -> VectorPlan:
    if "action" not in worlds(node):
        return lifted(node, NO_COLUMNS)
    if isinstance(node, Name):
        return _column(place(node.name)[1])
    if isinstance(node, Call) and (combine := _operator(node)):
        return combine(*map(_combined, node.args))
    what = f"'{node.overload}'" if isinstance(node, Call) else "what is no arithmetic"
    raise UnsupportedError(f"{what} cannot be computed over columns; write + - * / comparisons && || ! and ? :")


def _column(name: str) -> VectorPlan:
    return lambda worlds: cast("Part", worlds.action[name])


def _without_rows(node: Node, parts: dict[str, Node]) -> Node:
    """The tree with a bare name for each part that reads the action alone, or that has no equal over some rows."""
    read = worlds(node)
    if "action" not in read:
        return node
    if isinstance(node, Call) and read != {"action"} and _operator(node):
        return Call(node.overload, tuple(_without_rows(arg, parts) for arg in node.args))
    name = f"${len(parts)}"
    parts[name] = node
    return Name(name, kind_of(node))


def _operator(node: Call) -> Callable[..., VectorPlan] | None:
    """What combines the arguments' columns; None where numpy has no equal."""
    if node.overload in OPERATORS:
        return OPERATORS[node.overload]
    if node.overload in EQUALITY and {kind_of(arg) for arg in node.args} <= NUMBERS:
        return EQUALITY[node.overload]
    return None


def _unary(function: Callable[[Any], Any]) -> Callable[..., VectorPlan]:
    def compile_(arg: VectorPlan) -> VectorPlan:
        def run(worlds: Worlds) -> Part:
            part = arg(worlds)
            return Part(function(part.value), part.known)

        return run

    return compile_


def _compared(function: Callable[..., object]) -> Callable[..., VectorPlan]:
    return lambda left, right: strict(function, [left, right])


EQUALITY = {"equals": _compared(operator.eq), "not_equals": _compared(operator.ne)}
OPERATORS: Mapping[str, Callable[..., VectorPlan]] = {
    **LOGIC,
    **ARITHMETIC,
    **{f"{order}_{kind}": _compared(compare) for order, compare in ORDERS.items() for kind in ("int64", "double")},
    "negate_double": _unary(np.negative),
    "int64_to_double": _unary(np.float64),
    "double_to_double": _unary(np.float64),
}
