"""Words of a decision: every reason, what the rule saw, and the one change that would do."""

import pytest

from engine.decide import explain
from engine.decide.bundle import read_bundle
from engine.decide.pipeline import Effort, decide
from engine.decide.request import Ask, Contact, CustomerView, Preferences, Request
from engine.decide.scoring import first_day
from engine.decide.snapshot import build_snapshot
from models import RESPONSE

NOW_MS = 1_764_000_000_000  # 2025-11-24 16:00 UTC
HOUR_MS = 3_600_000
TEXTS = {
    "schema.yaml": "{customer: {age: int}, action: {least: int}}",
    "channels.yaml": "{web: {direction: inbound}, email: {direction: outbound}}",
    "actions.csv": "action_key,objective,group,purposes,value,least,end\n"
    "card,grow,cards,marketing,2,18,\nloan,grow,loans,marketing,1,21,\nold,grow,cards,marketing,3,18,2025-01-01\n",
    "policies.yaml": "eligibility: [{name: old enough, when: customer.age >= action.least}]\n"
    "contact: [{name: one a day, kind: exposure, at_most: 1, within: 1d, per: group}]\n",
    "arbitration.yaml": "fallback: {web: loan}",
}
PRIOR = [first_day(RESPONSE, 0.5)]
SNAPSHOT = build_snapshot(read_bundle(TEXTS), TEXTS, PRIOR)
ALL = {("marketing", "web"): True, ("marketing", "email"): True}


def evaluated(channel="web", effort=Effort.FULL, age=30, allowed=ALL, **fields):
    facts = {} if age is None else {"age": age}
    customer = CustomerView(facts, {}, allowed, **{"time_zone": "UTC", **fields})
    return decide(SNAPSHOT, customer, Request((Ask(channel, limit=9),), NOW_MS), effort)


def told(reasons):
    return {(reason.action_key, reason.gate): reason for reason in reasons}


def test_a_rule_says_what_it_saw():
    reason = told(explain.full(evaluated(age=19)))["loan", "old enough"]

    assert reason.saw == {"action.least": 21, "customer.age": 19}
    assert reason.text == "needs customer.age >= action.least"


def test_what_is_missing_is_left_out_of_what_was_seen():
    assert told(explain.full(evaluated(age=None)))["loan", "old enough"].saw == {"action.least": 21}


@pytest.mark.parametrize(
    ("fields", "row", "change"),
    [
        ({"age": 19}, ("loan", "old enough"), "customer.age >= action.least"),
        ({"allowed": {}}, ("card", "marketing in web"), "consent to marketing in web"),
        (
            {"contacts": (Contact(NOW_MS - HOUR_MS, "exposure", group="loans"),)},
            ("loan", "one a day"),
            "after Tue 25 Nov 2025 15:00 UTC",
        ),
        ({"preferences": Preferences(off=("loans",))}, ("loan", "topic off"), "switch the topic on"),
        (
            {"suppressed": frozenset({""})},
            ("card", "do not contact in web"),
            "be taken off the do-not-contact list for web",
        ),
        (
            {"channel": "email", "time_zone": "Asia/Tokyo"},
            ("card", "quiet hours in email"),
            "after Tue 25 Nov 08:00, Asia/Tokyo time",
        ),
    ],
)
def test_what_if_names_the_one_change_that_would_do(fields, row, change):
    assert told(explain.what_if(evaluated(**fields)))[row].change == change


def test_what_if_leaves_out_rows_that_need_more_than_one_change():
    found = told(explain.what_if(evaluated(age=19, allowed={})))

    assert {key for key, _ in found} == {"card"}


def test_a_preference_is_told_in_the_customers_words():
    reasons = told(explain.full(evaluated(preferences=Preferences(at_most_a_week=0))))

    assert reasons["card", "weekly maximum"].text == "you asked for at most 0 a week"


def test_a_summary_counts_the_rows_each_gate_holds_back():
    counts = {reason.gate: reason.rows for reason in explain.summary(evaluated(age=19))}

    assert counts == {"old enough": 1, "validity window": 1}


def test_in_a_hurry_only_the_fallback_is_considered_and_no_gate_is_skipped():
    hurried, minor = evaluated(effort=Effort.FALLBACK), evaluated(effort=Effort.FALLBACK, age=12)

    keys = SNAPSHOT.catalogue.names("action")
    assert [keys[row] for row in hurried.candidates] == ["loan"]
    assert len(minor.candidates) == 0
    assert ("loan", "old enough") in told(explain.full(minor))


def test_the_end_of_a_cap_is_told_by_what_it_counts():
    elsewhere = Contact(NOW_MS - HOUR_MS, "exposure", group="elsewhere")
    of_cards = Contact(NOW_MS - 2 * HOUR_MS, "exposure", group="cards")
    of_loans = Contact(NOW_MS - 20 * HOUR_MS, "exposure", group="loans")

    alone, both = (
        told(explain.full(evaluated(contacts=seen)))["loan", "one a day"].change
        for seen in ((of_loans, elsewhere), (of_loans, of_cards, elsewhere))
    )

    assert alone == "after Mon 24 Nov 2025 20:00 UTC"
    assert both == "after Tue 25 Nov 2025 14:00 UTC, at the latest"
