"""Bounds of single values; what is over one is refused with its path."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.customer.identity import MOST_IDS, Link, kind_of_id, link
from engine.decide.quiet import zone_of


class FieldError(ValueError):
    """A field that cannot be taken.

    Args:
        path: the field, such as `channels[0].channel`.
        message: what is wrong and the cure.
    """

    def __init__(self, path: str, message: str) -> None:
        self.path, self.message = path, message
        super().__init__(f"{path}: {message}")


class ErasedError(FieldError):
    """Of somebody who was erased on request; nothing of them may be kept, not even why it was refused.

    Args:
        path: the field that names them.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path, "was erased on request; where they ask to come back: nba customer readmit ID")


@dataclass(frozen=True)
class Bounds:
    """What holds by every way in; every one is documented in docs/limits.md.

    Args:
        amount: the most a purchase may amount to, or a coupon take off, so that sums stay finite.
        names: distinct names under one customer's id before no interaction with another is taken; an honest person
            meets some hundreds in a lifetime.
        body_bytes, beacon_bytes: bodies of the collector's two ways in.
        depth: how deep JSON may be nested there.
    """

    interactions: int = 1_000
    name: int = 128
    amount: int = 1_000_000_000_000
    names: int = 4_096
    body_bytes: int = 1 << 20
    beacon_bytes: int = 1 << 16  # what a browser lets a page leave behind: Fetch standard, section 4.6
    depth: int = 16
    earliest_ms: int = 0
    latest_ms: int = 4_102_444_800_000  # the year 2100
    ahead_ms: int = 86_400_000  # clocks of channel systems differ; more than a day is a mistake


class Checks:
    """Single values against the bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds

    def name(self, path: str, text: str, *, empty: bool = False) -> str:
        """A short text: an id or a name."""
        if not text and not empty:
            raise FieldError(path, "must not be empty")
        if len(text) > self.bounds.name:
            raise FieldError(path, f"has {len(text)} characters; at most {self.bounds.name} bytes are allowed")
        if not text.isprintable():
            raise FieldError(path, "holds characters that cannot be printed")
        # Counted in UTF-8: the store's keys are bytes.
        if len(text.encode()) > self.bounds.name:
            raise FieldError(path, f"has {len(text.encode())} bytes; at most {self.bounds.name} are allowed")
        return text

    def text(self, path: str, value: object, *, empty: bool = False) -> str:
        """A short text from a plain value; None is the empty one."""
        # Nearly all are of this kind, and all of a file's lines come by here.
        if type(value) is str and 0 < len(value) <= self.bounds.name and value.isascii() and value.isprintable():
            return value
        if value is not None and not isinstance(value, str):
            raise FieldError(path, f"is {kind_of(value)}; a text is needed")
        return self.name(path, value or "", empty=empty)

    def id(self, path: str, text: object) -> str:
        """An id that something is written under; an e-mail address only as a digest."""
        checked = self.text(path, text)
        if "@" in checked and kind_of_id(checked) == "email":
            raise FieldError(path, "holds an address; write email: and its SHA-256 digest")
        return checked

    def other_id(self, path: str, text: str, customer_id: str) -> str:
        """Another id of a customer, not their own one."""
        if self.id(path, text) == customer_id:
            raise FieldError(path, "is the customer's own id; name another one")
        return text

    def links(self, customer_id: str, others: Sequence[str], at_ms: int, source: str, now_ms: int) -> list[Link]:
        """Links of one id with others; a moment of 0 is now."""
        self.id("customer_id", customer_id)
        self.count("also_known_as", len(others), MOST_IDS - 1)
        if not others:
            raise FieldError("also_known_as", "must name at least one other id")
        checked = [self.other_id(f"also_known_as[{at}]", other, customer_id) for at, other in enumerate(others)]
        since_ms = self.past("at_ms", at_ms or now_ms, now_ms)
        self.name("source", source, empty=True)
        return [link((customer_id, other), since_ms, source) for other in checked]

    def zone(self, path: str, name: str) -> str:
        """A time zone, or none."""
        if self.name(path, name, empty=True) and zone_of(name) is None:
            raise FieldError(path, f"unknown time zone '{name}'; write such as Europe/Paris")
        return name

    def count(self, path: str, found: int, most: int) -> None:
        """A list that is not too long."""
        if found > most:
            raise FieldError(path, f"has {found} entries; at most {most} are allowed")

    def moment(self, path: str, at_ms: int, default_ms: int) -> int:
        """A moment between 1970 and 2100; 0 means the default."""
        return self._epoch(path, at_ms) if at_ms else default_ms

    def past(self, path: str, at_ms: int, now_ms: int) -> int:
        """A moment that has come; a day ahead is taken for a clock that runs fast."""
        if at_ms - now_ms > self.bounds.ahead_ms:
            raise FieldError(path, f"{at_ms} lies ahead; now is {now_ms}")
        return self._epoch(path, at_ms)

    def _epoch(self, path: str, at_ms: int) -> int:
        if not self.bounds.earliest_ms < at_ms < self.bounds.latest_ms:
            raise FieldError(path, f"{at_ms} is no epoch time in milliseconds between 1970 and 2100")
        return at_ms

    def finite(self, path: str, number: float) -> float:
        """A number that is neither NaN nor infinite."""
        if not math.isfinite(number):
            raise FieldError(path, f"is {number}; only finite numbers are allowed")
        return number


def kind_of(value: object) -> str:
    """What JSON calls a value's type."""
    names = {bool: "a truth", int: "a number", float: "a number", dict: "an object", list: "a list", str: "a text"}
    return names.get(type(value), f"a {type(value).__name__}")
