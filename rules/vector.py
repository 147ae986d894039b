"""A tree to a function over P rows at once: numpy where it pays, each distinct row once where it does not."""

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rules.columns import Array, Column, Columns, Mask, coded
from rules.functions import ORDERS
from rules.scalar import UNKNOWN, Plan, Worlds, plan
from rules.tree import Call, Const, Has, Name, Node, walk, worlds

INT64 = np.iinfo(np.int64)
COMPARED = ("int64", "double", "string", "bool", "timestamp", "duration")
KIND_OF_ENDING = {"int64": "int", "double": "double", "string": "string", "bool": "bool"}
RESULTS = {f"{op}_{end}": KIND_OF_ENDING[end] for op in ("add", "subtract", "multiply", "divide", "modulo", "negate")
           for end in ("int64", "double")}  # fmt: skip


class Part(NamedTuple):
    """What a node says of P rows.

    Args:
        value: [P] or one value for all; anything where it is not known.
        known: bool[P], or one bool for all.
    """

    value: Any
    known: "Mask | bool"


VectorPlan = Callable[[Worlds], Part]
NOTHING = Part(0, known=False)


def vector(node: Node, columns: Columns) -> VectorPlan:
    """Compile a tree over the rows of `columns`.

    Args:
        node: the tree.
        columns: P rows of action attributes.

    Returns:
        a function of the customer and the request; what reads the action alone is computed here, once.
    """
    read = worlds(node)
    if "action" not in read:
        return lifted(node, columns)
    if isinstance(node, Name) or read == {"action"}:
        part = _fixed(node, columns)
        return lambda _: part
    if isinstance(node, Call) and (made := _vectorised(node, columns)):
        return made
    return _distinct(node, columns)


def kind_of(node: Node) -> str:
    """The kind of a node's value; empty when it is not told by the node alone."""
    if isinstance(node, Name):
        return node.kind
    if isinstance(node, Const):
        return {bool: "bool", int: "int", float: "double", str: "string"}.get(type(node.value), "")
    if isinstance(node, Call):
        if node.overload == "conditional":
            return kind_of(node.args[1])
        told = node.overload.rpartition("_to_")[2] if "_to_" in node.overload else ""
        return RESULTS.get(node.overload) or KIND_OF_ENDING.get(told, told if told in COMPARED else "")
    return ""


def lifted(node: Node, columns: Columns) -> VectorPlan:
    """What does not read the action: computed once for all rows; texts become codes."""
    run = plan(node)

    def lift(worlds: Worlds) -> Part:
        value = run(worlds)
        if value is UNKNOWN:
            return NOTHING
        if isinstance(value, str):
            return Part(columns.texts.code(value), known=True)
        return Part(np.bool_(value) if isinstance(value, bool) else value, known=True)

    return lift


def _fixed(node: Node, columns: Columns) -> Part:
    """What reads the action alone."""
    if isinstance(node, Name):
        column = columns.column(node.name.partition(".")[2])
        return Part(column.values, column.known) if column else NOTHING
    return _distinct(node, columns)(Worlds({}, {}))


def _vectorised(node: Call, columns: Columns) -> VectorPlan | None:
    """The node over whole columns; None where numpy has no equal of it."""
    order, _, ending = node.overload.rpartition("_")
    if node.overload in LOGIC:
        return LOGIC[node.overload](*(vector(arg, columns) for arg in node.args))
    if node.overload == "in_list":
        return _member(node, columns)
    if order in ORDERS and ending in COMPARED and _comparable(node):
        return strict(ORDERS[order], [vector(arg, columns) for arg in node.args])
    if node.overload in ("equals", "not_equals") and _comparable(node):
        compare = operator.eq if node.overload == "equals" else operator.ne
        return strict(compare, [vector(arg, columns) for arg in node.args])
    if node.overload in ARITHMETIC:
        return ARITHMETIC[node.overload](*(vector(arg, columns) for arg in node.args))
    return None


def _comparable(node: Call) -> bool:
    """Whether codes and numbers compare as the values do; texts that are computed by row have no code."""
    kinds = {kind_of(arg) for arg in node.args} - {""}
    if "string" in kinds:
        return all(isinstance(arg, Name) or "action" not in worlds(arg) for arg in node.args)
    return len(kinds) > 0 and kinds <= {"int", "double", "bool", "timestamp", "duration"}


def _and(left: "Mask | bool", right: "Mask | bool") -> "Mask | bool":
    if left is True:
        return right
    return left if right is True else left & right


def strict(function: Callable[..., object], args: list[VectorPlan]) -> VectorPlan:
    left, right = args

    def run(worlds: Worlds) -> Part:
        first, second = left(worlds), right(worlds)
        return Part(function(first.value, second.value), _and(first.known, second.known))

    return run


def _member(node: Call, columns: Columns) -> VectorPlan | None:
    """`needle in items`, one of them a column."""
    needle, items = node.args
    kind = kind_of(needle)
    if kind not in ("string", "int") or (kind == "string" and not _comparable(Call("", (needle, needle)))):
        return None
    if "action" not in worlds(items):
        return _in_shared(vector(needle, columns), plan(items), columns)
    held = columns.plain.get(items.name.partition(".")[2]) if isinstance(items, Name) else None
    lists = [] if held is None else held.tolist()
    return None if held is None or None in lists else _in_own(vector(needle, columns), lists, columns)


def _codes(items: Iterable[object], columns: Columns) -> list[object]:
    return [columns.texts.code(item) if isinstance(item, str) else item for item in items]


def _in_shared(find: VectorPlan, listed: Plan, columns: Columns) -> VectorPlan:
    """Every row's value in one list of the request."""

    def run(worlds: Worlds) -> Part:
        wanted, found = listed(worlds), find(worlds)
        if not isinstance(wanted, list):
            return NOTHING
        return Part(np.isin(found.value, _codes(wanted, columns)), found.known)  # type: ignore[arg-type]  # a column

    return run


def _in_own(find: VectorPlan, lists: Sequence[object], columns: Columns) -> VectorPlan:
    """One value, or every row's, in the row's own list."""
    sizes = np.array([len(items) for items in lists], np.intp)  # type: ignore[arg-type]  # lists: the type checker saw to it
    flat = np.array([code for items in lists for code in _codes(items, columns)], np.int64)  # type: ignore[arg-type]
    row_of_entry = np.repeat(np.arange(len(lists)), sizes)

    def run(worlds: Worlds) -> Part:
        found = find(worlds)
        wanted = found.value[row_of_entry] if np.ndim(found.value) else found.value
        hits = np.zeros(len(lists), np.bool_)
        hits[row_of_entry[flat == wanted]] = True
        return Part(hits, found.known)

    return run


def _distinct(node: Node, columns: Columns) -> VectorPlan:
    """Row by row, but rows that are alike in what the node reads only once."""
    names = sorted({part.name for part in walk(node) if isinstance(part, (Name, Has))})
    read = [name.partition(".")[2] for name in names if name.startswith("action.")]
    held = [columns.plain[name] for name in read if name in columns.plain]
    rows: dict[object, int] = {}
    first: list[int] = []
    inverse = np.empty(columns.size, np.intp)
    for at in range(columns.size):
        seen = rows.setdefault(repr([values[at] for values in held]), len(first))
        if seen == len(first):
            first.append(at)
        inverse[at] = seen
    alike = [columns.row(at) for at in first]
    run = plan(node)

    def spread(worlds: Worlds) -> Part:
        values = [run(Worlds(worlds.customer, worlds.request, row)) for row in alike]
        return _gathered(values, inverse, columns)

    return spread


def _gathered(values: list[object], inverse: "Array", columns: Columns) -> Part:
    plain = [None if value is UNKNOWN else value for value in values]
    kinds = {type(value) for value in plain if value is not None}
    if not kinds:
        return NOTHING
    kind = {bool: "bool", int: "int", float: "double", str: "string"}.get(next(iter(kinds), object), "")
    if kind == "int" and any(value is not None and not INT64.min <= value <= INT64.max for value in plain):  # type: ignore[operator]
        kind = ""
    column: Column = coded(kind if len(kinds) == 1 else "", plain, columns.texts)
    taken = column.take(inverse)  # type: ignore[arg-type]  # intp, as np.empty made it
    return Part(taken.values, taken.known)


def _truth(part: Part) -> tuple["Mask", "Mask"]:
    value = np.asarray(part.value, np.bool_)
    if part.known is True:
        return value, ~value
    return value & part.known, ~value & part.known


def _either(left: VectorPlan, right: VectorPlan) -> VectorPlan:
    def run(worlds: Worlds) -> Part:
        (true, false), (more_true, more_false) = _truth(left(worlds)), _truth(right(worlds))
        true, false = true | more_true, false & more_false
        return Part(true, true | false)

    return run


def _both(left: VectorPlan, right: VectorPlan) -> VectorPlan:
    def run(worlds: Worlds) -> Part:
        (true, false), (more_true, more_false) = _truth(left(worlds)), _truth(right(worlds))
        true, false = true & more_true, false | more_false
        return Part(true, true | false)

    return run


def _negated(arg: VectorPlan) -> VectorPlan:
    def run(worlds: Worlds) -> Part:
        part = arg(worlds)
        return Part(~np.asarray(part.value, np.bool_), part.known)

    return run


def _chosen(condition: VectorPlan, then: VectorPlan, other: VectorPlan) -> VectorPlan:
    def run(worlds: Worlds) -> Part:
        true, false = _truth(condition(worlds))
        first, second = then(worlds), other(worlds)
        known = (true & first.known) | (false & second.known)
        return Part(np.where(true, first.value, second.value), known)

    return run


LOGIC: dict[str, Callable[..., VectorPlan]] = {
    "logical_or": _either,
    "logical_and": _both,
    "logical_not": _negated,
    "conditional": _chosen,
}


def _plain(function: Callable[..., object]) -> Callable[..., VectorPlan]:
    return lambda left, right: strict(function, [left, right])


def _checked(function: Callable[..., Array], flips: Callable[..., Any]) -> Callable[..., VectorPlan]:
    """int64 arithmetic; where it wraps around, the sign tells, and the value is not known."""

    def compile_(left: VectorPlan, right: VectorPlan) -> VectorPlan:
        def run(worlds: Worlds) -> Part:
            (first, known), (second, more) = left(worlds), right(worlds)
            made = function(np.asarray(first, np.int64), np.asarray(second, np.int64))
            wrapped = flips(np.asarray(first, np.int64), np.asarray(second, np.int64), made) < 0
            both = _and(known, more)
            return Part(made, ~wrapped if both is True else both & ~wrapped)

        return run

    return compile_


ARITHMETIC: dict[str, Callable[..., VectorPlan]] = {
    "add_double": _plain(operator.add),
    "subtract_double": _plain(operator.sub),
    "multiply_double": _plain(operator.mul),
    "divide_double": _plain(np.divide),
    "add_int64": _checked(np.add, lambda left, right, made: (left ^ made) & (right ^ made)),
    "subtract_int64": _checked(np.subtract, lambda left, right, made: (left ^ right) & (left ^ made)),
}
