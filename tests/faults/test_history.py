"""The checker of histories, on good ones and on bad ones."""

import random

import pytest

from tests.faults.history import UNKNOWN_S, Decided, Said, backwards, breaches

NOTHING = frozenset()
MAIL = frozenset({"mail"})


def withdrew(start, end, purpose="mail", customer="anna"):
    return Said(customer, purpose, False, start, end)


def granted(start, end, purpose="mail", customer="anna"):
    return Said(customer, purpose, True, start, end)


def decided(start, end, purposes=MAIL, customer="anna"):
    return Decided(customer, start, end, purposes)


GOOD = {
    "before the reply, though after the request": ([withdrew(1, 3)], [decided(2, 4)]),
    "no action of the purpose": ([withdrew(1, 2)], [decided(3, 4, NOTHING)]),
    "another purpose": ([withdrew(1, 2, "phone")], [decided(3, 4)]),
    "another customer": ([withdrew(1, 2, customer="bob")], [decided(3, 4)]),
    "granted again": ([withdrew(1, 2), granted(3, 4)], [decided(5, 6)]),
    "being granted again": ([withdrew(1, 2), granted(3, 9)], [decided(4, 5)]),
    "granted at the same time": ([withdrew(1, 3), granted(2, 4)], [decided(5, 6)]),
    "a grant without a reply": ([granted(0, UNKNOWN_S), withdrew(1, 2)], [decided(3, 4)]),
    "a withdrawal without a reply": ([withdrew(1, UNKNOWN_S)], [decided(3, 4)]),
    "never withdrawn": ([granted(1, 2)], [decided(3, 4)]),
}
BAD = {
    "just after the reply": ([withdrew(1, 2)], [decided(2.001, 3)]),
    "long after the reply": ([withdrew(1, 2)], [decided(1e6, 1e6 + 1)]),
    "granted before": ([granted(-1, 0), withdrew(1, 2)], [decided(3, 4)]),
    "granted, but after the answer": ([withdrew(1, 2), granted(5, 6)], [decided(3, 4)]),
    "granted and withdrawn again": ([withdrew(1, 2), granted(3, 4), withdrew(5, 6)], [decided(7, 8)]),
    "another purpose granted": ([withdrew(1, 2), granted(3, 4, "phone")], [decided(5, 6)]),
    "another customer granted": ([withdrew(1, 2), granted(3, 4, customer="bob")], [decided(5, 6)]),
    "one of two purposes": ([withdrew(1, 2), granted(1, 2, "phone")], [decided(3, 4, MAIL | {"phone"})]),
    "a later withdrawal without a reply": ([withdrew(1, 2), withdrew(3, UNKNOWN_S)], [decided(4, 5)]),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_history_has_no_breach(name):
    assert breaches(*GOOD[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_a_bad_history_has_exactly_its_breach(name):
    said, decisions = BAD[name]

    (breach,) = breaches(said, decisions)

    assert breach.decision == decisions[0]
    assert breach.withdrawal in said


def test_one_bad_decision_is_found_among_thousands_of_good_ones():
    generator, now, said, decisions, allowed = random.Random(1), 0.0, [], [], dict.fromkeys("abcdef", True)
    for _ in range(5_000):
        customer, now = generator.choice("abcdef"), now + 1
        if generator.random() < 0.1:
            allowed[customer] = not allowed[customer]
            said.append(Said(customer, "mail", allowed[customer], now, now + 0.5))
        else:
            decisions.append(decided(now, now + 0.5, MAIL if allowed[customer] else NOTHING, customer))
    assert breaches(said, decisions) == []
    at = next(at for at, each in enumerate(decisions) if not each.purposes)
    decisions[at] = decisions[at]._replace(purposes=MAIL)

    assert [breach.decision for breach in breaches(said, decisions)] == [decisions[at]]


def test_revisions_that_do_not_rise_are_found():
    first, second = Said("anna", "mail", True, 1, 2, 7), Said("anna", "mail", False, 3, 4, 7)

    assert backwards([first, second]) == [(first, second)]
    assert backwards([first, second._replace(revision=8)]) == []
    assert backwards([first, second._replace(start_s=1.5)]) == []
