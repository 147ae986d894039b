"""Consent holds at once: a few rounds of what `make faults` runs for minutes."""

import pytest

from tests.faults.conftest import CUSTOMERS
from tests.faults.consents import History, race
from tests.faults.fleet import Killer
from tests.faults.history import backwards, breaches

FEW = CUSTOMERS[:80]


def test_no_decision_after_a_withdrawals_reply_has_an_action_of_it_while_processes_are_killed(fleet):
    with Killer(fleet, 2, 0.5):
        history = race(fleet, FEW, History(2_000, 200))

    assert sum(bool(each.purposes) for each in history.decided) > 200
    assert breaches(history.said, history.decided) == []
    assert backwards(history.said) == []


@pytest.mark.parametrize("broken", ["stale consents", "open fallback", "reply first"], indirect=True)
def test_the_race_catches(broken):
    history = race(broken, FEW, History(1_000, 100))

    assert breaches(history.said, history.decided)
