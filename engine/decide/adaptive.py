"""`arbitration.yaml`, `adaptive`: whether and how outcomes correct the models between two trainings."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.decide.source import Source
from engine.decide.values import duration_ms
from models import HALF_LIFE_MS

KEY = "adaptive"
POSITIVES = ("accept", "click", "purchase", "redemption")


@dataclass(frozen=True)
class Adaptivity:
    """How outcomes are learned from.

    Args:
        half_life_ms: after so long, a trial counts half.
        positives: the kinds of interaction that are the wished response.
        optimism: rank by this quantile of what a propensity may be, so that what is little known is tried; 0.5 ranks by
            the propensity itself.
        places: of the positives in the file, where they are named.
    """

    half_life_ms: int = HALF_LIFE_MS
    positives: tuple[str, ...] = POSITIVES
    optimism: float = 0.5
    places: tuple[tuple[int, int], ...] = field(default=(), compare=False)


USUAL = Adaptivity()


def read_adaptive(source: Source) -> Adaptivity | None:
    """The entry `adaptive`; None when it is off. Faults go to the source."""
    raw = source.value.get(KEY)
    if raw is False:  # YAML's reading of `off`
        return None
    entry = source.mapping((KEY,), raw)
    source.only((KEY,), entry, {"half_life", "positives", "optimism"})
    positives = _positives(source, entry)
    places = tuple(source.place((KEY, "positives", at)) for at in range(len(positives)))
    return Adaptivity(_half_life(source, entry), positives, _optimism(source, entry), places)


def _half_life(source: Source, entry: Mapping[str, object]) -> int:
    if "half_life" not in entry:
        return USUAL.half_life_ms
    try:
        return duration_ms(str(entry["half_life"]))
    except ValueError as error:
        source.fault((KEY, "half_life"), str(error))
        return USUAL.half_life_ms


def _positives(source: Source, entry: Mapping[str, object]) -> tuple[str, ...]:
    if "positives" not in entry:
        return USUAL.positives
    named = source.items((KEY, "positives"), entry["positives"])
    if not named:
        source.fault((KEY, "positives"), "names no kind of interaction; write `adaptive: off` to learn nothing")
    for at, kind in enumerate(named):
        if kind == "exposure":
            source.fault((KEY, "positives", at), "an exposure is a trial, not a response: every chance would rise to 1")
    return tuple(source.text((KEY, "positives", at), kind) for at, kind in enumerate(named))


def _optimism(source: Source, entry: Mapping[str, object]) -> float:
    if "optimism" not in entry:
        return USUAL.optimism
    quantile = source.number((KEY, "optimism"), entry["optimism"])
    if not 0.5 <= quantile < 1:
        source.fault((KEY, "optimism"), f"optimism is a quantile from 0.5, which is none, to below 1, not {quantile:g}")
    return quantile
