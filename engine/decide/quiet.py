"""Quiet hours by the customer's own clock; where it is not known, it is quiet."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial
from zoneinfo import ZoneInfo

import numpy as np

from engine.decide.catalogue import BoolArray, Catalogue
from engine.decide.channels import Channel, Quiet
from engine.decide.gates import Gate, Moment
from engine.decide.holidays import is_holiday

AHEAD_DAYS = 30  # further ahead than any run of holidays and weekends
HOURS_STEP = timedelta(minutes=15)  # every change of a clock falls on a quarter of an hour


@lru_cache(maxsize=1_024)
def zone_of(name: str) -> ZoneInfo | None:
    """The zone, or None when there is none of that name."""
    try:
        return ZoneInfo(name) if name else None
    except (OSError, ValueError, KeyError):
        return None


def is_quiet(quiet: Quiet, zone: ZoneInfo, at_ms: int, hours: tuple[int, int] | None = None) -> bool:
    """Whether a channel keeps quiet at a moment.

    Args:
        quiet: the channel's hours.
        zone: the customer's.
        at_ms: epoch milliseconds.
        hours: the customer's preferred hours, minutes after midnight; None when they named none.
    """
    day, weekday, minute = _local(zone, at_ms // 60_000)
    if weekday in quiet.days or (quiet.region and is_holiday(quiet.region, day)):
        return True
    return _between(minute, quiet.start, quiet.end) or (hours is not None and not _between(minute, *hours))


@lru_cache(maxsize=4_096)
def _local(zone: ZoneInfo, minutes: int) -> tuple[date, int, int]:
    """Date, weekday and minute of the day; one answer serves all who share the zone and the minute."""
    local = datetime.fromtimestamp(minutes * 60, zone)
    return local.date(), local.weekday(), local.hour * 60 + local.minute


def _between(minute: int, start: int, end: int) -> bool:
    return start <= minute < end if start <= end else minute >= start or minute < end


def not_before_ms(quiet: Quiet, zone: ZoneInfo, at_ms: int, hours: tuple[int, int] | None = None) -> int:
    """The next moment that is not quiet; the moment itself when it is not, 0 when there is none within 30 days.

    Quiet ends at a minute the hours name, at midnight, or where the clock is changed: only those are looked at.
    """
    if not is_quiet(quiet, zone, at_ms, hours):
        return at_ms
    minutes = {0, quiet.end, *(hours or ())}
    start = datetime.fromtimestamp(at_ms // 1000, zone)
    for days in range(AHEAD_DAYS + 1):
        for candidate_ms in sorted(_candidates(start.date() + timedelta(days=days), minutes, zone)):
            if candidate_ms > at_ms and not is_quiet(quiet, zone, candidate_ms, hours):
                return candidate_ms
    return 0


def _candidates(day: date, minutes: set[int], zone: ZoneInfo) -> Iterator[int]:
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    for minute in minutes:
        wall = midnight + timedelta(minutes=minute)
        for fold in (0, 1):
            yield int(wall.replace(fold=fold).timestamp()) * 1000
    midnights = [(midnight + timedelta(days=shift)).astimezone(UTC) for shift in (0, 1)]
    if midnight.utcoffset() != (midnight + timedelta(days=1)).utcoffset():
        at = midnights[0]
        while at <= midnights[1]:
            yield int(at.timestamp()) * 1000
            at += HOURS_STEP


class QuietBlock:
    """One verdict for each channel that keeps quiet hours.

    Args:
        channels: all of the bundle's.
        catalogue: the rows.
    """

    def __init__(self, channels: Sequence[Channel], catalogue: Catalogue) -> None:
        keeping = [channel for channel in channels if channel.quiet]
        self._hours = [(channel.name, channel.quiet) for channel in keeping if channel.quiet]
        self.size = len(keeping)
        self.gates: Sequence[Gate] = [
            Gate(
                name=f"quiet hours in {channel.name}",
                stage="quiet hours",
                text=partial(_words, channel),
                rows=catalogue.governed({"channel": channel.name}),
                verdicts=np.array([at]),
                change=partial(_change, channel),
            )
            for at, channel in enumerate(keeping)
        ]

    def evaluate(self, moment: Moment) -> BoolArray:
        """bool[size]."""
        zone, hours = zone_of(moment.customer.time_zone), moment.customer.preferences.hours
        if zone is None:
            return np.zeros(self.size, np.bool_)
        now_ms = moment.request.now_ms
        asked = {ask.channel for ask in moment.request.asks}
        passed = [name not in asked or not is_quiet(quiet, zone, now_ms, hours) for name, quiet in self._hours]
        return np.array(passed, np.bool_)  # no channel at all would be an array of floats


def speaks_from_ms(channel: Channel, moment: Moment) -> int:
    """The next moment at which a channel may speak; 0 when it may now, or when nobody can tell."""
    zone, now_ms = zone_of(moment.customer.time_zone), moment.request.now_ms
    if zone is None or channel.quiet is None:
        return 0
    at_ms = not_before_ms(channel.quiet, zone, now_ms, moment.customer.preferences.hours)
    return 0 if at_ms == now_ms else at_ms


def _words(channel: Channel, moment: Moment) -> str:
    """The reason, with the moment it ends."""
    if zone_of(moment.customer.time_zone) is None:
        return "the customer's time zone is not known, so any hour may be night"
    return f"quiet until {_end(channel, moment)}"


def _change(channel: Channel, moment: Moment) -> str:
    """What would lift it."""
    if zone_of(moment.customer.time_zone) is None:
        return "tell the customer's time zone"
    return f"after {_end(channel, moment)}"


def _end(channel: Channel, moment: Moment) -> str:
    at_ms, zone = speaks_from_ms(channel, moment), zone_of(moment.customer.time_zone)
    if not at_ms or zone is None:
        return "further notice"
    return f"{datetime.fromtimestamp(at_ms // 1000, zone):%a %d %b %H:%M}, {zone.key} time"
