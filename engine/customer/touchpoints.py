"""The way a person went from stage to stage, and what happened before each."""

from collections.abc import Iterator
from typing import NamedTuple

from engine.customer.as_of import AsOf
from engine.customer.values import values
from engine.decide.values import DAY_MS

TOUCHED_MS = 30 * DAY_MS  # what happened this long before a stage was entered may have led there
TOUCHPOINTS = 5


class Touchpoint(NamedTuple):
    """Something that happened: a purchase, or a contact in a channel."""

    at_ms: int
    kind: str
    action_key: str = ""
    channel: str = ""


class Entered(NamedTuple):
    """A stage, when it was entered, and what led there; `since_ms` of the first is when the kept history begins."""

    stage: str
    since_ms: int
    touchpoints: tuple[Touchpoint, ...] = ()


def touchpoints(as_of: AsOf) -> list[Touchpoint]:
    """Everything that is kept to the moment, sorted by time."""
    entries = [*as_of.bought.entries(), *as_of.met.entries()]
    return sorted(Touchpoint(at_ms, words[0], words[1], words[4]) for at_ms, words in entries)


def line(as_of: AsOf) -> list[Entered]:
    """The stages gone through, found by asking again at every touchpoint and every day between.

    Nothing of it is stored: whatever the bundle calls a stage, the line is as if it always had, and a late event moves
    what it should. A stage that time alone brings (lapsing) begins within a day of the truth.
    """
    every, made = touchpoints(as_of), list[Entered]()
    for since_ms, at_ms in _moments(every, as_of.now_ms):
        name = _stage_at(as_of, at_ms)
        if not made or made[-1].stage != name:
            led = [each for each in every if at_ms - TOUCHED_MS <= each.at_ms < at_ms]
            made.append(Entered(name, since_ms, tuple(led[-TOUCHPOINTS:])))
    return made


def _stage_at(as_of: AsOf, at_ms: int) -> str:
    return str(
        values(AsOf(as_of.record, at_ms, as_of.derived), as_of.derived.with_needed({"journey"}))["journey.stage"]
    )


def _moments(every: list[Touchpoint], now_ms: int) -> Iterator[tuple[int, int]]:
    """Each touchpoint and each midnight between, and when to ask for it: what holds is seen strictly before that."""
    after_ms = every[0].at_ms + 1 if every else now_ms
    points = [*(each.at_ms + 1 for each in every), now_ms]
    for at_ms in points:
        for midnight_ms in range((after_ms // DAY_MS + 1) * DAY_MS, at_ms, DAY_MS):
            yield midnight_ms, midnight_ms
        yield at_ms - 1, at_ms
        after_ms = at_ms
