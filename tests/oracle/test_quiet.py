"""Quiet hours in every zone, by the minute around every change of the clock, beside Node's Intl."""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decide.channels import Quiet
from engine.decide.quiet import is_quiet, not_before_ms

YEAR_MS = tuple(int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1000 for year in (2026, 2027))
HOUR_MS, MINUTE_MS = 3_600_000, 60_000
AROUND = 4 * 60  # minutes looked at: two hours before each change and two after
NIGHT = Quiet(start=21 * 60, end=8 * 60, days=frozenset({6}))
SMALL_HOURS = Quiet(start=60, end=2 * 60 + 30)
# Zones that Node's own tables do not know by this name, or that are no places.
ZONES = sorted(name for name in available_timezones() if name not in ("Factory", "localtime") and "/" in name)


def offset(zone, at_ms):
    return datetime.fromtimestamp(at_ms // 1000, zone).utcoffset()


def changes(zone):
    """Hours of 2026 within which the offset changes."""
    at_ms = YEAR_MS[0]
    while at_ms < YEAR_MS[1]:
        step = 24 * HOUR_MS
        if offset(zone, at_ms) != offset(zone, at_ms + step):
            yield next(h for h in range(at_ms, at_ms + step, HOUR_MS) if offset(zone, h) != offset(zone, h + HOUR_MS))
        at_ms += step


def expected(quiet, number):
    minute, weekday = divmod(number, 10)
    night = quiet.start <= minute < quiet.end if quiet.start <= quiet.end else not quiet.end <= minute < quiet.start
    return night or weekday in quiet.days


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_quiet_hours_equal_node_in_every_zone_around_every_change_of_its_clock():
    spans = [(name, at_ms - 2 * HOUR_MS) for name in ZONES for at_ms in [*changes(ZoneInfo(name)), YEAR_MS[0]]]
    asked = "".join(f"{name} {start_ms} {AROUND}\n" for name, start_ms in spans)
    script = str(Path(__file__).parent / "quiet.mjs")
    done = subprocess.run(["node", script], input=asked, capture_output=True, text=True, check=True, timeout=300)

    wrong, agreed = [], 0
    for (name, start_ms), line in zip(spans, done.stdout.splitlines(), strict=True):
        zone = ZoneInfo(name)
        for quiet in (NIGHT, SMALL_HOURS):
            ours = [is_quiet(quiet, zone, start_ms + minute * MINUTE_MS) for minute in range(AROUND)]
            theirs = [expected(quiet, int(number)) for number in line.split()]
            agreed += ours == theirs
            wrong += [] if ours == theirs else [name]
    assert sorted(set(wrong)) == []
    assert agreed > 1_000


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.integers(YEAR_MS[0], YEAR_MS[1]),
    st.builds(
        Quiet,
        start=st.integers(0, 1439),
        end=st.integers(0, 1439),
        days=st.sampled_from([frozenset(), frozenset({5, 6})]),
    ),
    st.sampled_from([None, (9 * 60, 17 * 60 + 30)]),
)
def test_the_moment_it_may_speak_again_is_the_first(name, at_ms, quiet, hours):
    zone, at_ms = ZoneInfo(name), at_ms // MINUTE_MS * MINUTE_MS

    found_ms = not_before_ms(quiet, zone, at_ms, hours)

    minutes = range(at_ms, (found_ms or at_ms + 5 * 24 * HOUR_MS), MINUTE_MS)
    assert all(is_quiet(quiet, zone, minute_ms, hours) for minute_ms in minutes)
    assert not found_ms or not is_quiet(quiet, zone, found_ms, hours)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Europe/Paris", "2026-03-29T00:59Z"),
        ("America/New_York", "2026-11-01T05:30Z"),
        ("Australia/Lord_Howe", "2026-04-04T14:59Z"),
    ],
)
def test_a_clock_change_inside_quiet_hours_neither_skips_nor_repeats_them(name, change):
    zone, at_ms = ZoneInfo(name), int(datetime.fromisoformat(change).timestamp()) * 1000

    found_ms = not_before_ms(SMALL_HOURS, zone, at_ms)

    scanned = next(m for m in range(at_ms, at_ms + 24 * HOUR_MS, MINUTE_MS) if not is_quiet(SMALL_HOURS, zone, m))
    assert found_ms == scanned
