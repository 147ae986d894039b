"""One person on every path: linked by a call, a login, a CloudEvent or a file, and the same for every process."""

import copy
import json
import time

import pytest
from nba.v1 import common_pb2, customer_pb2, decision_pb2, interaction_pb2

from engine.customer.as_of import AsOf
from engine.customer.described import described
from engine.customer.record import Consent
from engine.decide.bundle import read_bundle
from engine.decide.derived import USUALLY
from engine.serve.build import read_texts
from engine.serve.imports import import_interactions
from engine.store.lmdb import LmdbStore
from tests.wire.conftest import a_request, collecting, serving
from tests.wire.test_hostile import refusal

AT_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("people")


@pytest.fixture(scope="module")
def pair(bundle, state):
    """Two connections to a server of two workers."""
    with serving(bundle, state, workers=2) as server:
        other = copy.copy(server)
        other.channel = server.connect()
        yield server, other
        other.channel.close()


def ask(server, customer_id):
    who = decision_pb2.Customer(id=customer_id, attributes={"age": common_pb2.Value(int_value=40)})
    where = [decision_pb2.ChannelRequest(channel="web", limit=5)]
    level = decision_pb2.EXPLAIN_LEVEL_FULL
    reply = server.decisions.Decide(a_request(customer=who, channels=where, explain=level, seed=7), timeout=10)
    reply.decision_id = ""
    return reply


def actions(reply):
    return [action.action_key for action in reply.channels[0].actions]


def consent(server, customer_id, granted=True):
    said = common_pb2.Consent(purpose="marketing", granted=granted, source="form")
    return server.customers.SetConsent(
        customer_pb2.SetConsentRequest(customer_id=customer_id, consent=said), timeout=10
    )


def link(server, customer_id, *others, **fields):
    asked = customer_pb2.LinkRequest(customer_id=customer_id, also_known_as=others, **fields)
    return server.customers.Link(asked, timeout=10)


def get(server, customer_id):
    return server.customers.Get(customer_pb2.GetRequest(customer_id=customer_id), timeout=10)


def record(server, *seen):
    events = [
        interaction_pb2.Interaction(key=key, customer_id=who, kind="exposure", action_key="card", channel="web")
        for who, key in seen
    ]
    server.interactions.Record(interaction_pb2.RecordRequest(interactions=events), timeout=10)


def test_a_withdrawal_in_another_process_holds_under_every_id_for_the_next_decision(pair, state):
    one, other = pair
    consent(one, "anna")
    link(one, "anna", "cookie:anna")
    assert actions(ask(other, "cookie:anna")) == ["loan", "card"]

    store = LmdbStore(state / "store")
    now_ms = time.time_ns() // 1_000_000
    store.set_consent("cookie:anna", Consent("marketing", "", granted=False, source="console", at_ms=now_ms))
    store.close()

    assert actions(ask(one, "anna")) == actions(ask(other, "anna")) == []


def test_a_link_never_widens_a_consent_and_the_next_word_counts(pair):
    one, other = pair
    consent(one, "ben")
    consent(one, "cookie:ben", granted=False)
    assert actions(ask(one, "ben")) == ["loan", "card"]

    link(other, "cookie:ben", "ben")
    assert actions(ask(one, "ben")) == []

    consent(one, "cookie:ben")
    assert actions(ask(other, "ben")) == ["loan", "card"]


def test_every_id_gives_the_same_answer_and_contacts_of_all_of_them_count(pair):
    one, other = pair
    consent(one, "cleo")
    record(one, ("cleo", "a"), ("device:cleo", "a"))
    assert actions(ask(one, "cleo")) == ["loan", "card"]  # one a week of each

    reply = link(one, "cleo", "device:cleo", "email:0a1b", source="shop", at_ms=AT_MS)

    assert (reply.customer_id, list(reply.ids)) == ("cleo", ["cleo", "device:cleo", "email:0a1b"])
    answers = [ask(server, name) for server in (one, other) for name in reply.ids]
    assert [actions(answer) for answer in answers] == [[]] * 6  # two a week of one person
    assert {answer.SerializeToString(deterministic=True) for answer in answers} == {
        answers[0].SerializeToString(deterministic=True)
    }
    assert [get(other, name) for name in reply.ids] == [get(one, "cleo")] * 3
    assert [(each.customer_id, each.also_known_as, each.at_ms, each.source) for each in get(one, "cleo").links] == [
        ("cleo", "device:cleo", AT_MS, "shop"),
        ("cleo", "email:0a1b", AT_MS, "shop"),
    ]


def test_linking_again_changes_nothing(pair):
    first = link(pair[0], "dora", "cookie:dora", at_ms=AT_MS)

    assert link(pair[1], "cookie:dora", "dora", at_ms=AT_MS) == first


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"customer_id": ""}, "customer_id"),
        ({"also_known_as": []}, "also_known_as"),
        ({"also_known_as": ["cookie:a", ""]}, "also_known_as[1]"),
        ({"also_known_as": ["eve"]}, "also_known_as[0]"),
        ({"also_known_as": ["email:eve@example.com"]}, "also_known_as[0]"),
        ({"also_known_as": [f"cookie:{at}" for at in range(32)]}, "also_known_as"),
        ({"at_ms": 4_000_000_000_000}, "at_ms"),
        ({"source": "x" * 129}, "source"),
    ],
)
def test_a_bad_link_is_refused_with_its_path(served, fields, path):
    asked = customer_pb2.LinkRequest(**{"customer_id": "eve", "also_known_as": ["cookie:eve"], **fields})

    assert refusal(served.customers.Link, asked).field == path


def test_a_person_of_too_many_ids_is_refused_by_every_way(served):
    link(served, "kiosk", *[f"cookie:{at}" for at in range(31)])
    asked = customer_pb2.LinkRequest(customer_id="kiosk", also_known_as=["cookie:31"])
    login = interaction_pb2.Interaction(
        key="a", customer_id="frida", kind="login", at_ms=AT_MS, also_known_as="cookie:3"
    )

    assert refusal(served.customers.Link, asked).field == "also_known_as"
    (result,) = served.interactions.Record(interaction_pb2.RecordRequest(interactions=[login]), timeout=10).results
    assert (result.status, "shared device" in result.reason) == (interaction_pb2.RECORD_STATUS_REJECTED, True)


STREAM = [
    {"key": "a", "customer_id": "cookie:g", "kind": "view", "channel": "web", "at_ms": AT_MS},
    {"key": "b", "customer_id": "gina", "kind": "purchase", "channel": "web", "at_ms": AT_MS + 1, "amount": 2.5},
    {"key": "c", "customer_id": "gina", "kind": "login", "at_ms": AT_MS + 2, "also_known_as": "cookie:g"},
    {"key": "d", "customer_id": "cookie:g", "kind": "exposure", "action_key": "card", "at_ms": AT_MS + 3},
]


def described_at(state):
    store = LmdbStore(state / "store")
    made = described(AsOf(store.load("cookie:g"), AT_MS + 1_000, USUALLY))
    store.close()
    return made


def test_the_same_stream_gives_the_same_person_by_every_way(bundle, tmp_path):
    called, posted, filed = (tmp_path / name for name in ("called", "posted", "filed"))
    with serving(bundle, called) as server:
        events = [interaction_pb2.Interaction(**each) for each in STREAM]
        server.interactions.Record(interaction_pb2.RecordRequest(interactions=events), timeout=10)
    with collecting(bundle, posted) as collector:
        for each in STREAM:
            data = {name: each[name] for name in ("channel", "amount", "action_key", "also_known_as") if name in each}
            event = {"specversion": "1.0", "id": each["key"], "source": "/s", "type": each["kind"], "data": data}
            event |= {"subject": each["customer_id"], "time": f"2023-11-14T22:13:20.00{each['at_ms'] - AT_MS}Z"}
            reply = collector.http.post(
                "/v1/events", content=json.dumps(event), headers={"content-type": "application/cloudevents+json"}
            )
            assert reply.status_code == 202
    filed.mkdir()
    (filed / "events.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in reversed(STREAM)))
    assert import_interactions(filed / "events.jsonl", filed, read_bundle(read_texts(bundle)))["imported"] == 4

    person = described_at(called)

    assert person["ids"] == ["cookie:g", "gina"]
    assert [person] * 2 == [described_at(posted), described_at(filed)]


def test_a_page_cannot_say_who_somebody_is(bundle, tmp_path):
    visitor = "0123abcd-0000-4000-8000-0123456789ab"
    event = {"id": "1", "kind": "view", "ago_ms": 5, "also_known_as": "anna"}
    with collecting(bundle, tmp_path) as collector:
        reply = collector.http.post("/v1/beacon", json={"id": visitor, "events": [event, {**event, "id": "2"}]})

    assert reply.status_code == 422
    assert "also_known_as" in reply.json()["detail"]
    (letters,) = (tmp_path / "dead_letters").iterdir()
    assert import_interactions(letters, tmp_path)["imported"] == 0
