"""A checked tree to numpy: three-valued, one value for the request or one for each row."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.ast import Call, Const, Items, Name, Node, UnsupportedError

Array = NDArray[np.generic]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """A value and where it is unknown; both are scalars (0-d) or arrays by row.

    Args:
        value: any dtype; meaningless where unknown.
        unknown: bool, the same shape or 0-d.
    """

    value: Array
    unknown: Mask


@dataclass(frozen=True)
class Worlds:
    """What one evaluation reads; keys without prefix."""

    customer: Mapping[str, object]
    request: Mapping[str, object]
    columns: Mapping[str, Array]


Plan = Callable[[Worlds], Part]
KNOWN = np.zeros((), np.bool_)


def plan(node: Node) -> Plan:
    """Compile a tree to a function.

    Raises:
        UnsupportedError: for functions that are not compiled.
    """
    return _PLANNERS[type(node)](node)


def _scalar(value: object) -> Array:
    made = np.empty((), object)
    made[()] = value
    return made if isinstance(value, str) else np.asarray(value)


def _const(node: Const) -> Plan:
    part = Part(_scalar(node.value), KNOWN)
    return lambda _: part


def _name(node: Name) -> Plan:
    if node.name.startswith("has_."):
        inner = _name(Name(node.name.removeprefix("has_.")))
        return lambda worlds: Part(~inner(worlds).unknown, KNOWN)
    world, _, name = node.name.partition(".")
    if world == "action":
        return lambda worlds: _column(worlds.columns.get(name))
    if world == "customer":
        return lambda worlds: _attribute(worlds.customer.get(name))
    return lambda worlds: _attribute(worlds.request.get(name))


def _attribute(value: object) -> Part:
    missing = value is None or value != value  # noqa: PLR0124  NaN alone differs from itself
    return Part(_scalar(0 if missing else value), np.asarray(missing))


def _column(column: Array | None) -> Part:
    if column is None:
        return Part(_scalar(0), np.ones((), np.bool_))
    if column.dtype == object:
        return Part(column, np.fromiter((value is None for value in column), np.bool_, len(column)))
    if np.issubdtype(column.dtype, np.floating):
        return Part(column, np.isnan(column))
    return Part(column, KNOWN)


def _call(node: Call) -> Plan:
    if node.function == "@in" and isinstance(node.args[1], Items):
        return _member(plan(node.args[0]), [plan(item) for item in node.args[1].items])
    args = [plan(arg) for arg in node.args]
    if node.function in _LOGIC:
        return _LOGIC[node.function](args)
    if node.function not in _STRICT:
        raise UnsupportedError(f"'{node.function}' is not supported")
    return _strict(_STRICT[node.function], args)


def _strict(function: Callable[..., Array], args: list[Plan]) -> Plan:
    def run(worlds: Worlds) -> Part:
        parts = [arg(worlds) for arg in args]
        unknown = KNOWN
        for part in parts:
            unknown = unknown | part.unknown
        return _apply(function, parts, unknown)

    return run


def _apply(function: Callable[..., Array], parts: list[Part], unknown: Mask) -> Part:
    if unknown.all():
        return Part(_scalar(0), np.ones((), np.bool_))
    if unknown.any() and any(part.value.dtype == object for part in parts):
        # Texts cannot be computed where they are missing: compute where everything is known.
        values = np.broadcast_arrays(*(part.value for part in parts), unknown)
        made = np.zeros(unknown.shape, np.float64)
        made[~unknown] = function(*(value[~unknown] for value in values[:-1]))
        return Part(made, unknown)
    with np.errstate(all="ignore"):
        made = np.asarray(function(*(part.value for part in parts)))
    bad = ~np.isfinite(made) if np.issubdtype(made.dtype, np.floating) else KNOWN
    return Part(made, unknown | bad)


def _member(needle: Plan, items: list[Plan]) -> Plan:
    equals = [_strict(operator.eq, [needle, item]) for item in items]
    return _either(equals) if equals else lambda _: Part(np.zeros((), np.bool_), KNOWN)


def _truth(part: Part) -> tuple[Mask, Mask]:
    value = part.value.astype(np.bool_)
    return value & ~part.unknown, ~value & ~part.unknown


def _either(args: list[Plan]) -> Plan:
    def run(worlds: Worlds) -> Part:
        parts = [_truth(arg(worlds)) for arg in args]
        true, false = parts[0]
        for more_true, more_false in parts[1:]:
            true, false = true | more_true, false & more_false
        return Part(true, ~(true | false))

    return run


def _both(args: list[Plan]) -> Plan:
    def run(worlds: Worlds) -> Part:
        parts = [_truth(arg(worlds)) for arg in args]
        true, false = parts[0]
        for more_true, more_false in parts[1:]:
            true, false = true & more_true, false | more_false
        return Part(true, ~(true | false))

    return run


def _negate(args: list[Plan]) -> Plan:
    def run(worlds: Worlds) -> Part:
        true, false = _truth(args[0](worlds))
        return Part(false, ~(true | false))

    return run


def _choose(args: list[Plan]) -> Plan:
    def run(worlds: Worlds) -> Part:
        condition, then, other = (arg(worlds) for arg in args)
        true, _ = _truth(condition)
        value = np.where(true, then.value, other.value)
        return Part(value, condition.unknown | np.where(true, then.unknown, other.unknown))

    return run


def _texts(function: Callable[..., object]) -> Callable[..., Array]:
    made = np.frompyfunc(function, 2, 1)
    return lambda text, other: np.asarray(made(text, other)).astype(np.bool_)


def _size(text: Array) -> Array:
    return np.asarray(np.frompyfunc(len, 1, 1)(text)).astype(np.int64)


_LOGIC: dict[str, Callable[[list[Plan]], Plan]] = {
    "_||_": _either,
    "_&&_": _both,
    "!_": _negate,
    "_?_:_": _choose,
}
_STRICT: dict[str, Callable[..., Array]] = {
    "_==_": operator.eq,
    "_!=_": operator.ne,
    "_<_": operator.lt,
    "_<=_": operator.le,
    "_>_": operator.gt,
    "_>=_": operator.ge,
    "startsWith": _texts(str.startswith),
    "endsWith": _texts(str.endswith),
    "contains": _texts(str.__contains__),
    "size": _size,
    "double": lambda number: number.astype(np.float64),
}


def _refuse(_: Node) -> Plan:
    raise UnsupportedError("a list may stand only to the right of 'in'")


_PLANNERS: dict[type, Callable[..., Plan]] = {Const: _const, Name: _name, Call: _call, Items: _refuse}
