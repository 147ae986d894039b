"""The measuring itself: lateness counts, figures have their form, the history grows."""

import json
from collections import Counter
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from benchmarks.bandits import Data, peers
from benchmarks.compare import changes
from benchmarks.imports import write_log
from benchmarks.ladder import STEPS, UNPACED, Round, knee, peak
from benchmarks.load import drive, schedule
from benchmarks.page import write_page
from benchmarks.plot import Series, plot
from benchmarks.report import Figure, append, percentiles

KEYS = ["bench", "case", "metric", "value", "unit", "target", "reached"]


class Clock:
    """Time that passes when told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += max(seconds, 0.0001)


def test_latency_counts_from_when_a_call_was_due():
    clock = Clock()

    def slow(_):
        clock.now += 1.0

    first, second = drive(slow, iter([0.0, 0.1]), clock, clock.wait)

    assert first == pytest.approx(1_000_000, rel=0.2)
    assert second == pytest.approx(1_900_000, rel=0.2)


def test_the_schedule_is_the_seeds_and_keeps_its_rate():
    due = list(schedule(100.0, 10_000, 1))

    assert due == list(schedule(100.0, 10_000, 1))
    assert due[-1] == pytest.approx(100, rel=0.05)


def test_percentiles_are_told_with_their_unit():
    found = percentiles("stages", "gates", range(1, 1001))

    assert [figure.metric for figure in found] == [f"latency_us_p{p}" for p in ("50", "90", "99", "99.9")]
    assert found[0].value == 500.5


@pytest.mark.parametrize(("target", "reached"), [(None, None), (2.0, True), (0.5, False)])
def test_a_line_has_seven_keys_and_says_whether_the_target_is_met(target, reached):
    line = Figure("a", "b", "c_us", 1.0, "us", target).line()

    assert list(line) == KEYS
    assert line["reached"] is reached


def test_every_run_is_added_to_the_history(tmp_path):
    history = tmp_path / "history.jsonl"
    for _ in range(2):
        append([Figure("a", "b", "c_us", 1.0, "us")], history, {"at": "now"})

    assert [json.loads(line)["run"]["at"] for line in history.read_text().splitlines()] == ["now", "now"]


@pytest.mark.parametrize("way", peers())
def test_every_peer_is_set_up_so_that_it_learns(way):
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=1_500)
    inputs = rng.normal(size=(1_500, 2)) + np.array([[0, 6], [6, 0], [0, 0]])[labels]

    assert peers()[way](Data(inputs, labels, 3), 0) < 0.5  # chance is 0.67, and "first" spends a third on it


def a_climb(slow_from):
    """Rounds of a server that answers a thousand a second, and from a step on with a long tail."""
    unpaced = [Round(UNPACED, 1e9, 1_000.0, 100.0, 0.5, np.array([500.0]))]
    tail = {step: 90_000.0 if step >= slow_from else 900.0 for step in STEPS}
    return unpaced + [Round(step, step * 1_000, 1.0, 100.0, 0.5, np.array([400.0, tail[step]])) for step in STEPS]


def test_the_knee_is_the_last_rate_whose_tail_is_still_one():
    assert peak(a_climb(0.7)) == 1_000
    assert knee(a_climb(0.7)) == 500


def test_a_rate_at_which_a_call_failed_is_not_kept_up_with():
    failed = Round(STEPS[0], 50.0, 1.0, 100.0, 0.5, np.array([400.0, np.inf]))

    assert knee([*a_climb(0.3), failed]) == 0


def test_the_page_needs_nothing_from_elsewhere_and_escapes_what_it_shows():
    figures = [Figure("serve", "<b>", "latency_us_p50", 1.0, "us", 2.0)]

    page = write_page({"usual": {"decide": a_climb(2.0)}}, figures, {"commit": "0f50114"})

    assert "&lt;b&gt;" in page
    assert "reached" in page
    assert "http" not in page


def a_history(tmp_path, before, after, spread):
    file = tmp_path / "history.jsonl"
    for commit, value in (("aaa", before), ("bbb", after)):
        figures = [Figure("b", "c", "m", value, "us"), Figure("b", "c", "m_spread", spread, "us")]
        append(figures, file, {"commit": commit, "at": "2026"})
    return file


@pytest.mark.parametrize(("after", "beyond"), [(105.0, False), (125.0, True), (75.0, True)])
def test_a_change_within_the_spread_of_the_rounds_is_noise(tmp_path, after, beyond):
    (change,) = changes(a_history(tmp_path, 100.0, after, 20.0), "aaa", "bbb")

    assert change.beyond is beyond


def test_a_run_that_is_not_in_the_history_is_named_with_those_that_are(tmp_path):
    with pytest.raises(ValueError, match=r"no run 'ccc' in the history; the last are: aaa of 2026, bbb of 2026"):
        changes(a_history(tmp_path, 1.0, 1.0, 0.0), "aaa", "ccc")


def test_a_plot_has_a_curve_a_dashed_line_and_words_for_each_series():
    series = [Series("seconds", [1.0, 10.0]), Series("MB", [200.0, 210.0])]

    root = ET.fromstring(plot("customers", [10, 100], series))  # noqa: S314  our own text

    lines = [each for each in root.iter() if each.tag.endswith("polyline")]
    assert len([each for each in lines if "stroke-dasharray" in each.attrib]) == 2
    assert {"10 seconds", "210 MB", "customers"} <= {each.text for each in root.iter()}


def test_a_made_log_is_its_seeds_and_everybody_is_in_it(tmp_path):
    files = [tmp_path / name for name in ("one.csv", "other.csv")]
    for file in files:
        write_log(file, 300)

    customers = [line.split(",")[1] for line in files[0].read_text().splitlines()[1:]]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert (len(customers), len(set(customers))) == (3_000, 300)
    assert max(Counter(customers).values()) > 30
