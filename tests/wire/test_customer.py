"""The person in control: consent, preferences and signals are in force for the next decision."""

import time

import pytest
from nba.v1 import common_pb2, customer_pb2, decision_pb2, interaction_pb2

from tests.wire.conftest import a_request, serving
from tests.wire.test_hostile import refusal


@pytest.fixture
def server(bundle, tmp_path):
    with serving(bundle, tmp_path, workers=2) as running:
        yield running


def ask(server, channel="web", level=0, **customer):
    who = decision_pb2.Customer(id="anna", attributes={"age": common_pb2.Value(int_value=40)}, **customer)
    where = [decision_pb2.ChannelRequest(channel=channel, limit=5)]
    return server.decisions.Decide(a_request(customer=who, channels=where, explain=level), timeout=10)


def actions(reply):
    return [action.action_key for action in reply.channels[0].actions]


def allow(server, purpose="marketing", granted=True, **fields):
    consent = common_pb2.Consent(purpose=purpose, granted=granted, **fields)
    return server.customers.SetConsent(customer_pb2.SetConsentRequest(customer_id="anna", consent=consent), timeout=10)


def prefer(server, **fields):
    wishes = common_pb2.Preferences(**fields)
    asked = customer_pb2.SetPreferencesRequest(customer_id="anna", preferences=wishes)
    return server.customers.SetPreferences(asked, timeout=10)


def test_a_consent_holds_from_the_next_decision_on_and_so_does_its_withdrawal(server):
    assert actions(ask(server)) == []
    allow(server)
    assert actions(ask(server)) == ["loan", "card"]
    allow(server, granted=False)
    assert actions(ask(server)) == []


def test_a_do_not_contact_word_wins(server):
    allow(server)
    allow(server, purpose="*", granted=False)

    assert actions(ask(server)) == []


def test_preferences_hold_from_the_next_decision_on_and_come_back(server):
    allow(server)
    prefer(server, topics_off=["cards"], hours=common_pb2.Hours(from_minute=540, to_minute=1020), at_most_a_week=3)

    assert actions(ask(server)) == ["loan"]
    held = server.customers.Get(customer_pb2.GetRequest(customer_id="anna"), timeout=10).preferences
    assert (list(held.topics_off), held.at_most_a_week, held.hours.to_minute) == (["cards"], 3, 1020)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"channel": "fax"}, "preferences.channel"),
        ({"hours": common_pb2.Hours(from_minute=3_000)}, "preferences.hours"),
        ({"topics_off": [""]}, "preferences.topics_off[0]"),
        ({"topics_off": ["a"] * 257}, "preferences.topics_off"),
        ({"snoozed_until_ms": -5}, "preferences.snoozed_until_ms"),
        ({"less": {"cards": 4_000_000_000_000}}, "preferences.less['cards']"),
    ],
)
def test_a_bad_preference_is_refused_with_its_path(served, fields, path):
    asked = customer_pb2.SetPreferencesRequest(customer_id="anna", preferences=common_pb2.Preferences(**fields))

    assert refusal(served.customers.SetPreferences, asked).field == path


def test_an_outbound_channel_says_from_when_it_may_speak(server):
    allow(server)
    at_ms = int(time.time() * 1000)

    reply = ask(server, "email", time_zone="UTC")

    not_before_ms = reply.channels[0].not_before_ms
    assert not_before_ms == 0 or at_ms < not_before_ms < at_ms + 12 * 3_600_000
    assert (not_before_ms == 0) == bool(actions(reply))


def test_a_signal_from_outside_narrows_and_never_widens(server):
    allow(server)

    refused = ask(server, privacy=decision_pb2.Privacy(gpc=True))
    unreadable = ask(server, privacy=decision_pb2.Privacy(gpp="nonsense"))

    assert actions(refused) == actions(unreadable) == []


def test_a_signal_without_end_is_refused_with_its_path(served):
    privacy = decision_pb2.Privacy(tcf="C" * 20_000)

    request = a_request(customer=decision_pb2.Customer(id="anna", privacy=privacy))

    assert refusal(served.decisions.Decide, request).field == "customer.privacy.tcf"


def test_what_if_names_the_one_change_over_the_wire(server):
    allow(server)
    minor = decision_pb2.Customer(id="anna", attributes={"age": common_pb2.Value(int_value=12)})
    where = [decision_pb2.ChannelRequest(channel="web")]
    level = decision_pb2.EXPLAIN_LEVEL_WHAT_IF

    reply = server.decisions.Decide(a_request(customer=minor, channels=where, explain=level), timeout=10)

    found = {reason.action_key: reason for reason in reply.trace}
    assert found["loan"].change == "customer.age >= 18"
    assert found["loan"].saw["customer.age"].int_value == 12


def test_an_interaction_counts_once_and_for_the_next_decision(server):
    allow(server)
    seen = [
        interaction_pb2.Interaction(key=key, customer_id="anna", kind="exposure", action_key="card", channel="web")
        for key in ("one", "two", "two")
    ]

    results = server.interactions.Record(interaction_pb2.RecordRequest(interactions=seen), timeout=10).results

    assert [result.status for result in results] == [1, 1, 2]
    assert actions(ask(server)) == []  # two a week
