"""Numbers as the expression language has them: int64, uint64 and double, with its own overflow and division errors.

Source: the Common Expression Language's definition, section "Numeric Values" (cel-spec, doc/langdef.md).
"""

import math
import operator
import re
from collections.abc import Callable
from decimal import Decimal

INT = (-(2**63), 2**63 - 1)
UINT = (0, 2**64 - 1)
WHOLE = re.compile(r"\s*[+-]?[0-9]+\s*")
INVALID = math.inf - math.inf  # what the processor answers where there is no number: its sign shows when written
REAL = re.compile(r"\s*[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|inf|infinity|nan)\s*", re.IGNORECASE)

Function = Callable[..., object]


def within(bounds: tuple[int, int], number: int) -> int:
    """The number itself.

    Raises:
        OverflowError: when it is out of bounds.
    """
    if not bounds[0] <= number <= bounds[1]:
        raise OverflowError(number)
    return number


def _checked(bounds: tuple[int, int], function: Callable[..., int]) -> Function:
    low, high = bounds

    def run(*args: int) -> int:
        number = function(*args)
        if low <= number <= high:
            return number
        raise OverflowError(number)

    return run


def quotient(left: int, right: int) -> int:
    """Division that rounds towards zero."""
    whole = abs(left) // abs(right)
    return whole if (left < 0) == (right < 0) else -whole


def remainder(left: int, right: int) -> int:
    """What `quotient` leaves, with the sign of `left`.

    Raises:
        OverflowError: where the quotient itself has no place in int64.
    """
    return left - right * within(INT, quotient(left, right))


def ratio(left: float, right: float) -> float:
    """IEEE 754 division: by zero it is infinite or not a number, never an error."""
    if right:
        return left / right
    if math.isnan(left):
        return left
    if not left:
        return INVALID
    return math.copysign(math.inf, left) * math.copysign(1, right)


def _truncated(bounds: tuple[int, int]) -> Function:
    # The library refuses what a double cannot hold exactly at the edge: 2^63 rounds to the limit itself.
    low, high = float(bounds[0]), float(bounds[1])

    def run(number: float) -> int:
        if not low <= number < high:
            raise OverflowError(number)
        return int(number)

    return run


def _parsed(bounds: tuple[int, int]) -> Function:
    def run(text: str) -> int:
        if not WHOLE.fullmatch(text):
            raise ValueError(text)
        return within(bounds, int(text))

    return run


def _real(text: str) -> float:
    if not REAL.fullmatch(text):
        raise ValueError(text)
    return float(text)


def written(number: float) -> str:
    """A double as the library writes it: shortest digits that read back, an exponent from 1e6 on and below 1e-4."""
    if not math.isfinite(number) or number == 0:
        return ("-" if math.copysign(1, number) < 0 else "") + {"0.0": "0"}.get(str(abs(number)), str(abs(number)))
    shortest = Decimal(repr(number)).normalize()
    exponent = shortest.adjusted()
    digits = "".join(map(str, shortest.as_tuple().digits))
    sign = "-" if number < 0 else ""
    if -4 <= exponent < 6:
        return f"{shortest:f}"
    point = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{point}e{exponent:+03d}"


NUMBERS: dict[str, Function] = {
    "add_int64": _checked(INT, operator.add),
    "subtract_int64": _checked(INT, operator.sub),
    "multiply_int64": _checked(INT, operator.mul),
    "divide_int64": _checked(INT, quotient),
    "modulo_int64": remainder,
    "negate_int64": _checked(INT, operator.neg),
    "add_uint64": _checked(UINT, operator.add),
    "subtract_uint64": _checked(UINT, operator.sub),
    "multiply_uint64": _checked(UINT, operator.mul),
    "divide_uint64": operator.floordiv,
    "modulo_uint64": operator.mod,
    "add_double": operator.add,
    "subtract_double": operator.sub,
    "multiply_double": operator.mul,
    "divide_double": ratio,
    "negate_double": operator.neg,
    "int64_to_int64": int,
    "int64_to_uint64": _checked(UINT, int),
    "int64_to_double": float,
    "int64_to_string": str,
    "uint64_to_uint64": int,
    "uint64_to_int64": _checked(INT, int),
    "uint64_to_double": float,
    "uint64_to_string": str,
    "double_to_double": float,
    "double_to_int64": _truncated(INT),
    "double_to_uint64": _truncated(UINT),
    "double_to_string": written,
    "string_to_int64": _parsed(INT),
    "string_to_uint64": _parsed(UINT),
    "string_to_double": _real,
}
