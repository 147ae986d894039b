"""Caps are exact: a few rounds of what `make faults` runs by the thousand."""

import pytest

from tests.faults.caps import DECIDERS, Round, disturbed, race
from tests.faults.conftest import CUSTOMERS
from tests.faults.fleet import CAPS, Killer


@pytest.mark.parametrize("cap", CAPS)
def test_sixty_four_deciders_in_four_processes_take_exactly_the_cap(fleet, some, cap):
    rounds = race(fleet, [Round(customer, cap, DECIDERS) for customer in some(20)])

    assert [round_ for round_ in rounds if not round_.fair] == []


@pytest.mark.parametrize("cap", CAPS)
def test_they_do_on_valkey_too(scaled_out, some, cap):
    rounds = race(scaled_out, [Round(customer, cap, DECIDERS if at else cap) for at, customer in enumerate(some(10))])

    assert [round_ for round_ in rounds if not round_.fair] == []


@pytest.mark.parametrize("cap", CAPS[1:])
def test_where_fewer_ask_than_there_is_room_for_each_one_gets_it(fleet, some, cap):
    rounds = race(fleet, [Round(customer, cap, cap - 1) for customer in some(10)])

    assert [round_.won for round_ in rounds] == [cap - 1] * 10


def test_no_contact_is_lost_or_given_twice_when_calls_are_cancelled_and_processes_killed(fleet, some):
    rounds = [Round(customer, cap, DECIDERS) for cap in CAPS for customer in some(5)]

    with Killer(fleet, 2, 0.3) as killer:
        disturbed(fleet, rounds, cancelled=0.2)

    assert killer.left < 2
    assert sum(round_.unknown for round_ in rounds) > 0
    assert sum(round_.late for round_ in rounds) == 0
    assert [round_ for round_ in rounds if not round_.fair] == []


@pytest.mark.parametrize("broken", ["check then act"], indirect=True)
def test_the_race_catches_a_cap_that_is_checked_and_then_taken(broken):
    assert any(not race(broken, [Round(customer, 10, DECIDERS)])[0].fair for customer in CUSTOMERS[:300])
