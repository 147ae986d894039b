"""What a history holds back: the turn of a sequence, in words, and caps over a history that was cut short."""

import dataclasses
from pathlib import Path

import pytest

from engine.customer.change import apply_interactions
from engine.customer.record import Consent, Interaction, Record
from engine.customer.view import Sent, view
from engine.decide import explain
from engine.decide.bundle import read_bundle
from engine.decide.pipeline import decide
from engine.decide.request import Ask, Preferences, Request
from engine.decide.scoring import first_day
from engine.decide.snapshot import build_snapshot
from engine.decide.values import DAY_MS
from engine.serve.build import read_texts
from models import RESPONSE

NOW_MS = 1_700_000_000_000
CLUB = read_texts(Path(__file__).parent.parent / "cases" / "club")
CAPPED = {**CLUB, "policies.yaml": "contact: [{name: three a week, kind: exposure, at_most: 3, within: 7d}]"}


def decided(texts, happened=(), **changes):
    snapshot = build_snapshot(read_bundle(texts), texts, [first_day(RESPONSE, 0.1)])
    allowed = Record("anna", consents=[Consent("service", "", granted=True, source="", at_ms=1)])
    request = Request((Ask("web", limit=9),), NOW_MS)
    customer = view(apply_interactions(allowed, happened), Sent("anna"), snapshot.needs(request), NOW_MS)
    return decide(snapshot, dataclasses.replace(customer, **changes), request)


def shown(action_key, days_ago):
    return Interaction(action_key, "anna", "exposure", NOW_MS - days_ago * DAY_MS, "email", action_key)


@pytest.mark.parametrize(
    ("happened", "action", "text", "change"),
    [
        ([], "tour", "it is the turn of 'hello' in 'welcome'", "show 'hello' first"),
        ([shown("hello", 1)], "tour", "the next message of 'welcome' is 'tour', from Wed 15 Nov 2023 22:13 UTC on",
         "after Wed 15 Nov 2023 22:13 UTC"),
        ([shown("hello", 9), shown("tour", 2)], "hello", "the sequence 'welcome' is over", "nothing; it has ended"),
    ],
)  # fmt: skip
def test_a_step_that_is_held_back_says_whose_turn_it_is(happened, action, text, change):
    reasons = {reason.action_key: reason for reason in explain.full(decided(CLUB, happened))}

    assert (reasons[action].kind, reasons[action].text) == ("applicability", text)
    assert reasons[action].change == change


def test_a_cap_that_looks_back_to_what_was_lost_counts_as_full():
    assert len(decided(CAPPED).candidates) > 0
    assert len(decided(CAPPED, known_since_ms=NOW_MS - 8 * DAY_MS).candidates) > 0
    assert len(decided(CAPPED, known_since_ms=NOW_MS - 6 * DAY_MS).candidates) == 0


def test_a_customers_own_weekly_maximum_counts_as_full_over_what_was_lost():
    wish = Preferences(at_most_a_week=5)

    assert len(decided(CLUB, preferences=wish).candidates) > 0
    assert len(decided(CLUB, preferences=wish, known_since_ms=NOW_MS - DAY_MS).candidates) == 0


def test_a_decision_computes_only_what_somebody_reads():
    read = decided(CLUB).moment.customer.derived
    silent = decided({**CLUB, "policies.yaml": "{}", "arbitration.yaml": "{}"}).moment.customer.derived

    assert {name.partition(".")[0] for name in read} == {
        "rfm",
        "behaviour",
        "engagement",
        "continuity",
        "journey",
        "segment",
    }
    assert silent == {}
