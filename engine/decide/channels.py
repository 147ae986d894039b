"""`channels.yaml`: where messages are shown, and when they must not be."""

from dataclasses import dataclass

from engine.decide.faults import unknown
from engine.decide.holidays import known_region
from engine.decide.source import Path, Source
from engine.decide.values import DAY_MINUTES, clock_minutes

DIRECTIONS = ("inbound", "outbound", "paid")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Quiet:
    """When a channel keeps quiet, by the customer's own clock.

    Args:
        start, end: minutes after midnight, the end not included; over midnight when the end is not later; none when
            they are equal.
        days: quiet all day, 0 being Monday.
        region: quiet on its public holidays, `US` or `US-CA`; empty for none.
    """

    start: int = 21 * 60
    end: int = 8 * 60
    days: frozenset[int] = frozenset()
    region: str = ""


@dataclass(frozen=True)
class Channel:
    """Where messages are shown; outbound ones go to the customer, inbound ones wait for them."""

    name: str
    outbound: bool
    placements: tuple[str, ...] = ()
    quiet: Quiet | None = None


def read_channels(source: Source) -> tuple[Channel, ...]:
    """The channels by name; faults go to the source."""
    entries = source.mapping((), source.value)
    made = [_channel(source, name, raw) for name, raw in entries.items() if source.present((name,), raw)]
    if not source.value and not source.faults:
        source.fault((), "no channel is declared; write 'email: {direction: outbound}'")
    return tuple(sorted((channel for channel in made if channel), key=lambda channel: channel.name))


def _channel(source: Source, name: str, raw: object) -> Channel | None:
    entry = source.mapping((name,), raw)
    if not isinstance(raw, dict):
        return None
    source.only((name,), entry, {"direction", "placements", "quiet"})
    direction = entry.get("direction")
    if direction not in DIRECTIONS:
        source.fault((name, "direction"), unknown("direction", direction, DIRECTIONS))
    placements = source.items((name, "placements"), entry.get("placements"))
    default = Quiet() if direction == "outbound" else None
    quiet = _quiet(source, (name, "quiet"), entry["quiet"]) if "quiet" in entry else default
    slots = tuple(source.text((name, "placements", index), place) for index, place in enumerate(placements))
    return Channel(name, direction == "outbound", slots, quiet)


def _quiet(source: Source, path: Path, raw: object) -> Quiet | None:
    if raw == "none":
        return None
    entry = source.mapping(path, raw)
    if raw is None or raw == {} or ("from" in entry) != ("to" in entry):  # half said would speak at night
        source.fault(path, 'quiet is half said; write none, or {from: "21:00", to: "08:00"}')
    source.only(path, entry, {"from", "to", "days", "holidays"})
    start = _minutes(source, (*path, "from"), entry.get("from", 0))
    end = _minutes(source, (*path, "to"), entry.get("to", 0))
    days = source.items((*path, "days"), entry.get("days"))
    for index, day in enumerate(days):
        if day not in DAYS:
            source.fault((*path, "days", index), unknown("day", day, DAYS))
    region = str(entry.get("holidays", ""))
    if region and not known_region(region):
        source.fault((*path, "holidays"), f"'{region}' is no country or region; write US or US-CA")
    return Quiet(start, end, frozenset(DAYS.index(str(day)) for day in days if day in DAYS), region)


def _minutes(source: Source, path: Path, raw: object) -> int:
    if type(raw) is int and 0 <= raw < DAY_MINUTES:
        return raw  # 21:00 without quotes is the number 1260 to YAML, which is the minutes
    try:
        return clock_minutes(str(raw))
    except ValueError as error:
        source.fault(path, str(error))
        return 0
