"""Moments and durations, both as whole nanoseconds: a moment since 1970 UTC."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rules.numbers import Function, quotient, remainder, within

SECOND = 1_000_000_000
UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000, "s": SECOND, "m": 60 * SECOND}
UNITS["h"] = 60 * UNITS["m"]
MOMENTS = (-62_135_596_800 * SECOND, 253_402_300_800 * SECOND - 1)  # the years 1 to 9999
DURATIONS = (-(315_576_000_001 * SECOND - 1), 315_576_000_001 * SECOND - 1)  # about 10,000 years, as the library has it
STAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)  # RFC 3339, section 5.6
PART = r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)"
LENGTH = re.compile(rf"[+-]?(?:{PART})+", re.ASCII)
OFFSET = re.compile(r"([+-]?)(\d\d):(\d\d)", re.ASCII)


def moment(text: str) -> int:
    """An RFC 3339 text as nanoseconds.

    Raises:
        ValueError: when it is none.
        OverflowError: outside the years 1 to 9999.
    """
    found = STAMP.fullmatch(text)
    if not found:
        raise ValueError(text)
    day, clock, fraction, zone = found.groups()
    whole = datetime.fromisoformat(f"{day}T{clock}{zone.upper()}")
    since = whole - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since.days * 86_400 + since.seconds
    return within(MOMENTS, seconds * SECOND + int((fraction or "0")[:9].ljust(9, "0")))


def duration(text: str) -> int:
    """A text such as `1h30m` or `-1.5s` as nanoseconds.

    Raises:
        ValueError: when it is none.
        OverflowError: beyond about 10,000 years.
    """
    if text in ("0", "+0", "-0"):
        return 0
    if not LENGTH.fullmatch(text):
        raise ValueError(text)
    total = sum(_scaled(number, UNITS[unit]) for number, unit in re.findall(PART, text))
    return within(DURATIONS, -total if text.startswith("-") else total)


def _scaled(number: str, unit: int) -> int:
    whole, _, fraction = number.partition(".")
    return int(whole or 0) * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)


@lru_cache(maxsize=1_024)
def zone(name: str) -> tzinfo:
    """A zone by its IANA name or its offset.

    Raises:
        ValueError: when there is none.
    """
    found = OFFSET.fullmatch(name)
    if found:
        away = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return timezone(-away if found[1] == "-" else away)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(name) from error


def _local(part: Callable[[datetime], int]) -> Function:
    def run(at: int, name: str = "UTC") -> int:
        return part(datetime.fromtimestamp(at // SECOND, zone(name)))

    return run


def _milliseconds(at: int, name: str = "UTC") -> int:
    zone(name)
    return at % SECOND // 1_000_000


def _fraction(nanoseconds: int) -> str:
    for size, unit in ((0, SECOND), (3, 1_000_000), (6, 1_000)):
        if nanoseconds % unit == 0:
            return f".{nanoseconds // unit:0{size}d}" if size else ""
    return f".{nanoseconds:09d}"


def _moment_text(at: int) -> str:
    whole = datetime.fromtimestamp(at // SECOND, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}".zfill(19) + f"{_fraction(at % SECOND)}Z"


def _duration_text(length: int) -> str:
    size = abs(length)
    return f"{'-' if length < 0 else ''}{size // SECOND}{_fraction(size % SECOND)}s"


def _moved(sign: int) -> Function:
    return lambda left, right: within(MOMENTS, left + sign * right)


def _stretched(sign: int) -> Function:
    return lambda left, right: within(DURATIONS, left + sign * right)


PARTS: dict[str, Callable[[datetime], int]] = {
    "year": lambda at: at.year,
    "month": lambda at: at.month - 1,
    "day_of_year": lambda at: at.timetuple().tm_yday - 1,
    "day_of_month": lambda at: at.day - 1,
    "day_of_month_1_based": lambda at: at.day,
    "day_of_week": lambda at: at.isoweekday() % 7,
    "hours": lambda at: at.hour,
    "minutes": lambda at: at.minute,
    "seconds": lambda at: at.second,
}
ZONED = ("_with_tz", "_tz")  # the library names the one of seconds without "with"

TIMES: dict[str, Function] = {
    **{f"timestamp_to_{name}": _local(part) for name, part in PARTS.items()},
    **{f"timestamp_to_{name}{ending}": _local(part) for name, part in PARTS.items() for ending in ZONED},
    "timestamp_to_milliseconds": _milliseconds,
    "timestamp_to_milliseconds_with_tz": _milliseconds,
    "duration_to_hours": lambda length: quotient(length, UNITS["h"]),
    "duration_to_minutes": lambda length: quotient(length, UNITS["m"]),
    "duration_to_seconds": lambda length: quotient(length, SECOND),
    "duration_to_milliseconds": lambda length: quotient(remainder(length, SECOND), 1_000_000),
    "string_to_timestamp": moment,
    "int64_to_timestamp": lambda seconds: within(MOMENTS, seconds * SECOND),
    "timestamp_to_timestamp": int,
    "timestamp_to_int64": lambda at: at // SECOND,
    "timestamp_to_string": _moment_text,
    "string_to_duration": duration,
    "duration_to_duration": int,
    "duration_to_string": _duration_text,
    "add_timestamp_duration": _moved(1),
    "add_duration_timestamp": _moved(1),
    "add_duration_duration": _stretched(1),
    "subtract_timestamp_timestamp": _stretched(-1),
    "subtract_timestamp_duration": _moved(-1),
    "subtract_duration_duration": _stretched(-1),
}
