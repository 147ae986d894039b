"""Which values the engine derives from everyone's history, under the names that rules, features and people read."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from engine.decide.behaviour import MEASURES
from engine.decide.values import DAY_MS
from rules import Expression

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
LEVELS = ("dormant", "low", "medium", "high")
OVERALL = "overall"


@dataclass(frozen=True)
class Rfm:
    """Recency, frequency and monetary value.

    Args:
        windows, half_lives: durations as written, `30d`.
        by: of `channel` and `group`, those that are kept apart.
    """

    windows: tuple[str, ...] = ("30d", "90d")
    half_lives: tuple[str, ...] = ()
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Engagement:
    """A level per channel: the sum of what the person did there, each weighing half as much a half-life later.

    Args:
        low, medium, high: the sums at which the levels begin; below `low` a person is dormant.
        weights: kind of interaction -> weight.
    """

    half_life_ms: int = 30 * DAY_MS
    low: float = 0.5
    medium: float = 2.0
    high: float = 6.0
    weights: Mapping[str, float] = field(
        default_factory=lambda: {"click": 1.0, "accept": 3.0, "redemption": 3.0, "purchase": 3.0, "page_view": 0.2}
    )

    def level(self, score: float) -> str:
        """One of LEVELS."""
        return LEVELS[(score >= self.low) + (score >= self.medium) + (score >= self.high)]


@dataclass(frozen=True)
class Response:
    """What response rates are shrunk to: the population's, as if `weight` exposures more had been answered like it."""

    rate: float = 0.1
    weight: float = 1.0


@dataclass(frozen=True)
class Named:
    """A condition over the record under a name: a stage of the journey, or a segment."""

    name: str
    expression: Expression


@dataclass(frozen=True)
class Step:
    """One message of a sequence; the next one's turn comes `wait_ms` after it was shown."""

    action: str
    wait_ms: int = 0


@dataclass(frozen=True)
class Sequence:
    """Messages one after the other, in any channel, until the last one or an outcome that ends it."""

    name: str
    steps: tuple[Step, ...]
    exits: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Derived:
    """What a bundle declares.

    Args:
        stages: of the journey, the first that holds wins.
        segments: by rule; `imported` ones come from tables.
        channels, groups: the bundle's names, by which values are kept apart.
    """

    rfm: Rfm = Rfm()
    engagement: Engagement = Engagement()
    response: Response = Response()
    stages: tuple[Named, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    segments: tuple[Named, ...] = ()
    imported: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def apart(self) -> Iterator[tuple[str, str]]:
        """(dimension, name) of every channel and group whose RFM is kept apart."""
        names = {"channel": self.channels, "group": self.groups}
        return ((dimension, name) for dimension in self.rfm.by for name in names[dimension])

    def with_needed(self, wanted: Iterable[str]) -> frozenset[str]:
        """Families, and those that the conditions of stages and segments among them read."""
        found = set(wanted)
        for family, conditions in (("segment", self.segments), ("journey", self.stages)):
            if family in found:
                reads = {name for each in conditions for name in each.expression.reads}
                found |= {family_of(name.removeprefix("customer.")) for name in reads}
        return frozenset(found)


USUALLY = Derived()


def family_of(name: str) -> str:
    """`rfm.frequency_30d` -> `rfm`; what is kept apart is a family of its own: `rfm.channel.web.recency_days`."""
    family, *rest = name.split(".")
    return f"{family}.{rest[0]}" if family == "rfm" and len(rest) > 1 else family


def kinds_of(derived: Derived) -> dict[str, str]:
    """Every value but stages and segments -> its kind, as a schema has it."""
    numbers = [*_rfm(derived), *_behaviour(derived)]
    texts = ["behaviour.channel", "behaviour.topic", "continuity.open_action"]
    for channel in (*filter(NAME.fullmatch, derived.channels), OVERALL):
        texts.append(f"engagement.{channel}")
        numbers.append(f"engagement.{channel}_score")
    texts += [f"sequence.{sequence.name}" for sequence in derived.sequences]
    numbers += ["continuity.unanswered", "continuity.basket_days"]
    return dict.fromkeys(numbers, "double") | dict.fromkeys(texts, "string") | {"continuity.basket_left": "bool"}


def _rfm(derived: Derived) -> Iterator[str]:
    windows = (*derived.rfm.windows, "total")
    for window in windows:
        yield from (f"rfm.{measure}_{window}" for measure in ("frequency", "monetary", "couponed"))
    for half_life in derived.rfm.half_lives:
        yield from (f"rfm.{measure}_half_{half_life}" for measure in ("frequency", "monetary"))
    yield from (f"rfm.{name}" for name in ("discount_total", "mean_basket", "recency_days", "tenure_days"))
    for dimension, name in derived.apart():
        of_name = f"rfm.{dimension}.{name}"
        yield f"{of_name}.recency_days"
        yield from (f"{of_name}.{measure}_{window}" for window in windows for measure in ("frequency", "monetary"))


def _behaviour(derived: Derived) -> Iterator[str]:
    for measure in MEASURES:
        yield from (f"behaviour.{measure}_{window}" for window in (*derived.rfm.windows, "total"))
    names = (
        "interactions_total", "redemptions_total", "answered", "response_rate", "response_recency_days", "fatigue",
        "active_days_30d", "sessions_30d", "hour", "weekday",
    )  # fmt: skip
    yield from (f"behaviour.{name}" for name in names)
