"""Every strict function of the expression language, by the overload the type checker chose."""

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import re2

from rules.numbers import NUMBERS, Function
from rules.times import TIMES

FAILURES = (ArithmeticError, ValueError, LookupError, TypeError, re2.error)
COMPARED = ("int64", "uint64", "double", "string", "bool", "bytes", "timestamp", "duration")
ORDERS: dict[str, Callable[..., bool]] = {
    "less": operator.lt,
    "less_equals": operator.le,
    "greater": operator.gt,
    "greater_equals": operator.ge,
}
TRUTHS = {
    **dict.fromkeys(("true", "True", "TRUE", "t", "1"), True),
    **dict.fromkeys(("false", "False", "FALSE", "f", "0"), False),
}


def equal(left: object, right: object) -> bool:
    """Equality as the language has it: true is not 1, numbers of different kinds compare by value."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def member(needle: object, items: Sequence[object]) -> bool:
    """`needle in items`."""
    return any(equal(needle, item) for item in items)


def _at(items: Sequence[object], index: int) -> object:
    if index < 0:
        raise IndexError(index)
    return items[index]


def _entry(entries: Mapping[object, object], key: object) -> object:
    return entries[key]


def _in_map(key: object, entries: Mapping[object, object]) -> bool:
    return key in entries


@lru_cache(maxsize=1_024)
def pattern(text: str) -> object:
    """A compiled RE2 pattern: linear in the text whatever it says.

    Raises:
        re2.error: when it is none.
    """
    options = re2.Options()
    options.log_errors = False
    return re2.compile(text, options=options)


def _matches(text: str, wanted: str) -> bool:
    return pattern(wanted).search(text) is not None  # type: ignore[attr-defined]  # re2 ships no types


TEXTS: dict[str, Function] = {
    "starts_with_string": str.startswith,
    "ends_with_string": str.endswith,
    "contains_string": str.__contains__,
    "matches": _matches,
    "matches_string": _matches,
    "add_string": operator.add,
    "add_bytes": operator.add,
    "add_list": operator.add,
    "string_to_string": str,
    "string_to_bool": TRUTHS.__getitem__,
    "bool_to_bool": bool,
    "bool_to_string": lambda truth: "true" if truth else "false",
    "string_to_bytes": str.encode,
    "bytes_to_bytes": bytes,
    "bytes_to_string": bytes.decode,
}

FUNCTIONS: dict[str, Function] = {
    **NUMBERS,
    **TIMES,
    **TEXTS,
    **{f"{order}_{kind}": function for order, function in ORDERS.items() for kind in COMPARED},
    **{f"size_{kind}": len for kind in ("string", "bytes", "list", "map")},
    **{f"{kind}_size": len for kind in ("string", "bytes", "list", "map")},
    "equals": equal,
    "not_equals": lambda left, right: not equal(left, right),
    "index_list": _at,
    "index_map": _entry,
    "in_list": member,
    "in_map": _in_map,
}
