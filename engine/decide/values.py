"""Attribute values: from text as people write it, and whether a value is of its declared kind."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from engine.decide.request import Plain, Scalar

INT64 = (-(2**63), 2**63 - 1)
TRUTHS = {"true": True, "false": False}
UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
DAY_MS = UNITS_MS["d"]
DAY_MINUTES = 24 * 60
NESTED = re.compile(r"(list|map)\((\w+)\)")


def parse(kind: str, text: str) -> Scalar:
    """A value of a kind from its text.

    Args:
        kind: of the schema; lists are written `a; b`, maps `a=1; b=2`.
        text: not empty.

    Raises:
        ValueError: with what is wrong and how to write it.
    """
    nested = NESTED.fullmatch(kind)
    if nested is None:
        return _PARSERS[kind](text.strip())
    inner = _PARSERS[nested[2]]
    parts = [part.strip() for part in text.split(";") if part.strip()]
    if nested[1] == "list":
        return [inner(part) for part in parts]
    pairs = (part.partition("=") for part in parts)
    return {key.strip(): inner(value.strip()) for key, _, value in pairs}


def duration_ms(text: str) -> int:
    """`30m`, `12h`, `7d` or `4w` in milliseconds.

    Raises:
        ValueError: when it is no duration.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,6})([smhdw])", text)
    if not found:
        raise ValueError(f"'{text}' is no duration; write 30m, 12h, 7d or 4w")
    return int(found[1]) * UNITS_MS[found[2]]


def clock_minutes(text: str) -> int:
    """`21:00` in minutes after midnight.

    Raises:
        ValueError: when it is no time of day.
    """
    found = CLOCK.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is no time of day; write '21:00'")
    return int(found[1]) * 60 + int(found[2])


def moment_ms(text: str) -> int:
    """An ISO 8601 date or time in epoch milliseconds; UTC where it names no zone.

    Raises:
        ValueError: when it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is no date; write 2026-11-24 or 2026-11-24T08:00Z") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def number(text: str) -> float:
    """A finite number.

    Raises:
        ValueError: when it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise ValueError(f"'{text}' is no finite number")
    return value


def _whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", text) or not INT64[0] <= int(text) <= INT64[1]:
        raise ValueError(f"'{text}' is no whole number of 64 bits")
    return int(text)


def _natural(text: str) -> int:
    value = _whole(text)
    if value < 0:
        raise ValueError(f"'{text}' is below 0")
    return value


def _truth(text: str) -> bool:
    if text.lower() not in TRUTHS:
        raise ValueError(f"'{text}' is neither true nor false")
    return TRUTHS[text.lower()]


_PARSERS: Mapping[str, Callable[[str], Plain]] = {
    "int": _whole,
    "uint": _natural,
    "double": number,
    "string": str,
    "bool": _truth,
    "timestamp": moment_ms,
    "duration": duration_ms,
}
_TYPES: Mapping[str, type] = {
    **dict.fromkeys(("int", "uint", "timestamp", "duration"), int),
    "double": float,
    "string": str,
    "bool": bool,
}


def _within(kind: str, value: float) -> bool:
    """Whether a number is one that its kind can hold; other kinds hold all of theirs."""
    if kind == "double":
        return math.isfinite(value)
    return kind in ("string", "bool") or (0 if kind == "uint" else INT64[0]) <= value <= INT64[1]


def fits(kind: str, value: object) -> bool:
    """Whether a plain value is of a kind; moments and durations are whole milliseconds."""
    if kind in _TYPES:
        return type(value) is _TYPES[kind] and _within(kind, value)  # type: ignore[arg-type]  # of that type
    nested = NESTED.fullmatch(kind)
    if nested is None:
        return False
    if nested[1] == "list":
        return isinstance(value, list) and all(fits(nested[2], item) for item in value)
    return isinstance(value, dict) and all(fits(nested[2], item) for item in value.values())
