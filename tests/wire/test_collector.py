"""The collector as a process: CloudEvents in three modes, hostile bodies, visits, and the same record by any way."""

import json
import shutil
import signal
import socket
import subprocess
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nba.v1 import customer_pb2, interaction_pb2

from engine.customer.as_of import AsOf
from engine.customer.checks import Bounds
from engine.customer.described import described
from engine.customer.history import totals_of
from engine.decide.bundle import read_bundle
from engine.decide.derived import USUALLY
from engine.serve.build import read_texts
from engine.serve.imports import import_interactions
from engine.store.lmdb import LmdbStore
from tests.wire.conftest import Collecting, collecting, serving

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
NOW = datetime.now(UTC).replace(microsecond=0)
SHOP = "https://shop.example"


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("collected")


@pytest.fixture(scope="module")
def collector(bundle, state):
    with collecting(bundle, state, [SHOP]) as running:
        yield running


def record_of(state, customer_id):
    store = LmdbStore(state / "store")
    record = store.load(customer_id)
    store.close()
    return record


def an_event(data=None, **attributes):
    good = {"id": str(uuid.uuid4()), "source": "/shop", "type": "com.example.click", "subject": "anna"}
    content = {"channel": "web"} if data is None else data
    return CloudEvent({**good, "time": NOW, "datacontenttype": "application/json", **attributes}, content)


def send(collector, message):
    return collector.http.post("/v1/events", content=message.body, headers=message.headers)


def batch(collector, events):
    body = b"[" + b",".join(JSONFormat().write(event) for event in events) + b"]"
    return collector.http.post("/v1/events", content=body, headers={"content-type": BATCHED})


def mapping(**fields):
    return {"specversion": "1.0", "id": "1", "source": "/s", "type": "click", "subject": "mallory", **fields}


# --- what senders send


def test_a_structured_event_of_the_sdk_is_recorded(collector, state):
    data = {"channel": "web", "placement": "home", "action_key": "card", "decision_id": "d1"}

    reply = send(collector, http.to_structured_event(an_event(data, subject="struct", type="com.example.page_view.v2")))

    assert (reply.status_code, reply.json()["results"]) == (202, [{"status": "recorded"}])
    (contact,) = record_of(state, "struct").contacts
    assert contact.at_ms == int(NOW.timestamp() * 1000)
    found = (contact.kind, contact.channel, contact.placement, contact.action_key, contact.group, contact.objective)
    assert found == ("page_view", "web", "home", "card", "cards", "grow")


def test_a_binary_event_of_the_sdk_is_recorded(collector, state):
    event = an_event({"amount": 12.5, "discount": 2}, type="purchase", subject="ignored", customerid="zoë %")

    reply = send(collector, http.to_binary_event(event))

    assert reply.status_code == 202
    (purchase,) = record_of(state, "zoë %").purchases
    assert (purchase.amount, purchase.discount) == (12.5, 2.0)
    assert record_of(state, "ignored") is None


def test_a_batch_answers_each_event_and_keeps_the_rest_when_one_is_bad(collector, state):
    first, other = an_event(subject="batch"), an_event(subject="batch")
    bad = an_event({"channel": "fax"}, subject="batch")

    reply = batch(collector, [first, bad, first, other]).json()

    assert (reply["recorded"], reply["duplicate"], reply["rejected"]) == (2, 1, 1)
    assert [result["status"] for result in reply["results"]] == ["recorded", "rejected", "duplicate", "recorded"]
    assert reply["results"][1]["reason"] == "channel: unknown channel 'fax'; known: email, web"
    assert len(record_of(state, "batch").contacts) == 2


def test_an_empty_batch_is_taken(collector):
    assert batch(collector, []).json() == {"recorded": 0, "duplicate": 0, "rejected": 0, "results": []}


def test_the_same_event_in_two_modes_counts_once(collector, state):
    event = an_event(subject="twice", source="https://shop.example/" + "long/" * 40)

    replies = [send(collector, make(event)).json() for make in (http.to_structured_event, http.to_binary_event)]

    assert [reply["results"][0]["status"] for reply in replies] == ["recorded", "duplicate"]
    assert len(record_of(state, "twice").contacts) == 1


def test_events_count_by_their_own_time_in_whatever_order_they_come(collector, state):
    moments = [NOW + timedelta(hours=hours) for hours in (0, -900, 5, -3)]  # now, late, early, out of order
    for moment in moments:
        assert send(collector, http.to_binary_event(an_event(subject="order", time=moment))).status_code == 202

    found = [contact.at_ms for contact in record_of(state, "order").contacts]
    assert found == sorted(int(moment.timestamp() * 1000) for moment in moments)


@pytest.mark.parametrize("kind", ["review", "referral", "share", "button_3_long_press"])
def test_what_customers_contribute_is_an_interaction_of_its_own_kind(collector, state, kind):
    send(collector, http.to_structured_event(an_event(type=f"com.example.{kind}", subject=f"of {kind}")))

    assert [contact.kind for contact in record_of(state, f"of {kind}").contacts] == [kind]


def test_an_accepted_event_is_in_the_next_answer_of_another_process(bundle, tmp_path):
    with serving(bundle, tmp_path) as server, collecting(bundle, tmp_path) as collector:
        for seen in range(1, 21):
            assert send(collector, http.to_binary_event(an_event())).status_code == 202
            record = server.customers.Get(customer_pb2.GetRequest(customer_id="anna"), timeout=10)
            assert record.revision == 0
            assert len(record_of(tmp_path, "anna").contacts) == seen


# --- hostile input

JSON_TYPE = {"content-type": "application/json"}
HEAD = {"content-type": STRUCTURED}
CE = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "click", "ce-subject": "mallory"}


def structured(**fields):
    return HEAD, json.dumps(mapping(**fields))


def with_data(**data):
    return structured(data=data)


HOSTILE = {
    "nothing": ({}, b"", 400, "ce-specversion is missing"),
    "no type": ({"content-type": ""}, b"{}", 400, "ce-specversion is missing"),
    "a form": ({"content-type": "application/x-www-form-urlencoded"}, b"a=1", 415, "is not read"),
    "XML": ({"content-type": "text/xml"}, b"<a/>", 415, "is not read"),
    "Latin 1 by its name": ({"content-type": f"{STRUCTURED}; charset=latin-1"}, b"{}", 415, "charset 'latin-1'"),
    "UTF-16": (HEAD, json.dumps(mapping()).encode("utf-16"), 400, "body is no"),
    "Latin 1": (HEAD, '{"id": "é"}'.encode("latin-1"), 400, "no UTF-8"),
    "a byte order mark": (HEAD, b"\xef\xbb\xbf{}", 400, "no JSON"),
    "compressed": ({**HEAD, "content-encoding": "gzip"}, b"\x1f\x8b", 415, "compressed"),
    "half an object": (HEAD, b'{"specversion": "1.0", ', 400, "no JSON"),
    "two objects": (HEAD, b"{}{}", 400, "no JSON"),
    "NaN": (HEAD, b'{"data": {"amount": NaN}}', 400, "no JSON"),
    "half a surrogate": (HEAD, b'{"id": "\\ud800"}', 400, "half a surrogate"),
    "a name twice": (HEAD, b'{"id": "1", "id": "2"}', 400, "'id' stands twice"),
    "nested 17 deep": (HEAD, b'{"data":' + b"[" * 16 + b"]" * 16 + b"}", 400, "nested more than 16"),
    "nested 500,000 deep": (HEAD, b"[" * 500_000, 400, "nested more than 16"),
    "a list": (HEAD, b"[]", 400, "must be an object"),
    "a text": (HEAD, b'"hello"', 400, "must be an object"),
    "over 1 MiB": (HEAD, b'{"a":"' + b"x" * (1 << 20) + b'"}', 413, "more than 1,048,576 bytes"),
    "a batch that is an object": ({"content-type": BATCHED}, b"{}", 400, "must be a list"),
    "1,001 events": ({"content-type": BATCHED}, b"[" + b",".join([b"{}"] * 1_001) + b"]", 413, "at most 1000"),
    "a batch of numbers": ({"content-type": BATCHED}, b"[1, 2]", 400, "must be an object"),
    "version 0.3": (*structured(specversion="0.3"), 400, "only 1.0"),
    "a number for a version": (*structured(specversion=1.0), 400, "specversion: must be a text"),
    "no id": (*structured(id=None), 400, "id: is missing"),
    "an empty type": (*structured(type=""), 400, "type: is missing"),
    "a type without a last part": (*structured(type="com.example."), 422, "kind: must not be empty"),
    "a list for a source": (*structured(source=["/s"]), 400, "source: must be a text"),
    "a source with a space": (*structured(source="/s t"), 400, "source: holds a space"),
    "an id of 100 kB": (*structured(id="x" * 100_000), 400, "id: has 100000 characters"),
    "nobody": (*structured(subject=None), 422, "customer_id: must not be empty"),
    "a customer of 2 kB": (*structured(subject="x" * 2_000), 422, "customer_id: has 2000 characters"),
    "a control character": (*structured(subject="a\0b"), 422, "customer_id: holds characters"),
    "base64": (*structured(data_base64="aGk="), 400, "data: must be JSON"),
    "data of another kind": (*structured(datacontenttype="text/xml"), 400, "data: must be JSON"),
    "a list for data": (*structured(data=[1]), 400, "data: must be an object"),
    "two days ahead": (*structured(time=(NOW + timedelta(days=2)).isoformat()), 422, "lies ahead"),
    "the year 1": (*structured(time="0001-01-01T00:00:00+23:59"), 422, "between 1970 and 2100"),
    "the year 9999": (*structured(time="9999-12-31T23:59:59-23:59"), 422, "lies ahead"),
    "the beginning of time": (*structured(time="1970-01-01T00:00:00Z"), 422, "between 1970 and 2100"),
    "no time": (*structured(time="yesterday"), 422, "is no date"),
    "a number for a time": (*structured(time=1), 400, "time: must be a text"),
    "an unknown channel": (*with_data(channel="fax"), 422, "unknown channel 'fax'"),
    "a number for a channel": (*with_data(channel=3), 422, "channel: is a number"),
    "an object for a topic": (*with_data(group={"a": 1}), 422, "group: is an object"),
    "a text for an amount": (*with_data(amount="3"), 422, "amount: is a text"),
    "a truth for an amount": (*with_data(amount=True), 422, "amount: is a truth"),
    "an amount without end": (*with_data(amount=1e300), 422, "amount: must lie between"),
    "a number of 400 digits": (*with_data(discount=10**400), 422, "discount: must lie between"),
    "a number over double": (HEAD, b'{"data": {"amount": 1e999}}', 400, "no JSON"),
    "a bad header": ({**CE, "ce-subject": "%ff"}, b"", 400, "percent-encoded"),
    "a header twice": ([*CE.items(), ("ce-id", "2")], b"", 400, "stands twice"),
    "binary without a source": ({k: v for k, v in CE.items() if k != "ce-source"}, b"", 400, "source: is missing"),
    "binary with text": ({**CE, "content-type": "text/plain"}, b"hi", 415, "is not read"),
}


@pytest.mark.parametrize(("headers", "body", "status", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_input_is_refused_with_a_reason(collector, state, headers, body, status, reason):
    reply = collector.http.post("/v1/events", content=body, headers=headers)

    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert reason in reply.json()["detail"]
    assert len(reply.content) < 2_000 or status == 400
    assert collector.http.get("/healthz").status_code == 200
    assert record_of(state, "mallory") is None


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/events", 405), ("POST", "/nowhere", 404)])
def test_a_wrong_way_in_is_refused(collector, method, path, status):
    assert collector.http.request(method, path).status_code == status


def test_a_body_without_a_length_is_counted_as_it_comes(collector):
    endless = (b"x" * 65_536 for _ in range(1_000))

    assert collector.http.post("/v1/events", content=endless, headers=HEAD).status_code == 413


@pytest.mark.parametrize(
    "junk", [b"\0" * 4_000, b"GET\r\n\r\n", b"POST /v1/events HTTP/1.1\r\n" + b"a: b\r\n" * 20_000]
)
def test_bytes_that_are_no_http_do_no_harm(collector, junk):
    with socket.create_connection(("127.0.0.1", collector.port), timeout=10) as connection:
        connection.sendall(junk)
        assert connection.recv(12) in (b"", b"HTTP/1.1 400")

    assert collector.http.get("/healthz").status_code == 200


def test_a_million_topics_stop_at_the_bound(collector, state):
    statuses, taken = [], 0
    for lump in range(6):
        events = [mapping(id=f"{lump} {i}", subject="topics", data={"group": f"{lump} {i}"}) for i in range(1_000)]
        reply = collector.http.post("/v1/events", json=events, headers={"content-type": BATCHED})
        statuses, taken = [*statuses, reply.status_code], taken + reply.json()["recorded"]

    assert statuses == [202, 202, 202, 202, 202, 422]
    assert taken == Bounds.names - 1  # the kind is a name, too
    assert "group: is new, and the customer's record has its fill of names" in reply.json()["detail"]
    known = mapping(id="known", subject="topics", data={"group": "0 0"})
    assert collector.http.post("/v1/events", json=known, headers=HEAD).status_code == 202


@pytest.mark.parametrize("name", ["type", "action_key", "objective", "placement"])
def test_a_flood_of_any_names_stops_at_the_bound_of_the_configuration(few, name):
    def event(number):
        fresh = {name: f"n{number}"}
        fields = fresh if name == "type" else {"data": {"channel": "web", **fresh}}
        return mapping(id=f"{name} {number}", subject=f"many {name}s", **fields)

    events = [event(number) for number in range(100)]

    reply = few.http.post("/v1/events", json=events, headers={"content-type": BATCHED}).json()

    assert reply["recorded"] + reply["rejected"] == 100
    assert 45 <= reply["recorded"] <= 50
    assert "50 of at most 50" in reply["results"][-1]["reason"]
    assert few.http.post("/v1/events", json=event(101), headers=HEAD).status_code == 422
    assert few.http.post("/v1/events", json=event(1) | {"id": "again"}, headers=HEAD).status_code == 202


@pytest.fixture(scope="module")
def few(bundle, tmp_path_factory):
    place = tmp_path_factory.mktemp("few")
    (place / "limits.yaml").write_text("limits: {names: 50}")
    with collecting(bundle, place, config=place / "limits.yaml") as running:
        yield running


TREE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["specversion", "id", "source", "type", "subject", "time", "data", "customerid", "data_base64"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, TREE), st.sampled_from([STRUCTURED, BATCHED, "application/json", "text/plain"]))
def test_any_json_is_taken_or_refused_with_a_reason(collector, tree, kind):
    for path, body in (("/v1/events", {**mapping(), **tree}), ("/v1/events", tree), ("/v1/beacon", tree)):
        reply = collector.http.post(path, json=body, headers={"content-type": kind})

        assert reply.status_code == 202 or (400 <= reply.status_code < 500 and reply.json()["detail"])


# --- the beacon's way in


def visit(**fields):
    event = {"id": str(uuid.uuid4()), "kind": "page_view", "ago_ms": 5, "channel": "web"}
    return {"id": str(uuid.uuid4()), "events": [event], **fields}


def post_visit(collector, body, **headers):
    content = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return collector.http.post("/v1/beacon", content=content, headers={"content-type": "text/plain", **headers})


def test_a_visit_is_recorded_at_its_age_whatever_the_visitors_clock_says(collector, state):
    body = visit()
    body["events"][0]["ago_ms"] = 3_600_000
    before_ms = time.time_ns() // 1_000_000

    assert post_visit(collector, body, origin=SHOP).status_code == 202

    (contact,) = record_of(state, body["id"]).contacts
    assert 0 <= contact.at_ms + 3_600_000 - before_ms < 10_000
    assert post_visit(collector, body).json()["results"] == [{"status": "duplicate"}]


def test_who_asks_not_to_be_tracked_is_not(collector, state):
    body = visit()

    assert post_visit(collector, body, **{"sec-gpc": "1"}).status_code == 204
    assert record_of(state, body["id"]) is None


VISITS = {
    "another page": (visit(), {"origin": "https://evil.example"}, 403),
    "no page": (visit(), {"origin": "null"}, 403),
    "a form": (visit(), {"content-type": "multipart/form-data"}, 415),
    "over 64 KiB": ("x" * 65_537, {}, 413),
    "a list": ([], {}, 400),
    "no events": ({"id": "a"}, {}, 400),
    "somebody's id": (visit(id="anna"), {}, 400),
    "a number for an id": (visit(id=3), {}, 400),
    "1,001 events": (visit(events=[1] * 1_001), {}, 413),
    "numbers": (visit(events=[1, "a"]), {}, 422),
    "no id": (visit(events=[{"kind": "click", "ago_ms": 1}]), {}, 422),
    "no age": (visit(events=[{"kind": "click", "id": "1"}]), {}, 422),
    "a negative age": (visit(events=[{"kind": "click", "id": "1", "ago_ms": -1}]), {}, 422),
    "an age without end": (visit(events=[{"kind": "click", "id": "1", "ago_ms": 10**300}]), {}, 422),
    "a field misspelt": (visit(events=[{"kind": "click", "id": "1", "ago_ms": 1, "chanel": "web"}]), {}, 422),
    "another channel": (visit(events=[{"kind": "click", "id": "1", "ago_ms": 1, "channel": "tv"}]), {}, 422),
}


@pytest.mark.parametrize(("body", "headers", "status"), VISITS.values(), ids=VISITS.keys())
def test_a_hostile_visit_is_refused_with_a_reason(collector, body, headers, status):
    reply = post_visit(collector, body, **headers)

    assert reply.status_code == status, reply.text
    assert reply.json()["detail"]


def test_only_configured_pages_may_read_replies(collector):
    ours, others = (post_visit(collector, visit(), origin=origin) for origin in (SHOP, "https://evil.example"))

    assert ours.headers["access-control-allow-origin"] == SHOP
    assert "access-control-allow-origin" not in others.headers


# --- dead letters


def test_what_was_refused_can_be_sent_again_once_the_cause_is_mended(bundle, tmp_path):
    own = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    state = tmp_path / "state"
    event = an_event({"channel": "tv", "action_key": "card"}, subject="viewer", type="button_green")
    with collecting(own, state) as collector:
        assert send(collector, http.to_binary_event(event)).status_code == 422
        assert collector.http.post("/v1/events", content=b"{", headers=HEAD).status_code == 400
    (own / "channels.yaml").write_text((own / "channels.yaml").read_text() + "tv: {direction: inbound}\n")
    (file,) = (state / "dead_letters").iterdir()
    reasons = [json.loads(line)["reason"] for line in file.open()]

    again = import_interactions(file, state, read_bundle(read_texts(own)))

    assert again == {"imported": 1, "duplicates": 0, "rejected": 1}
    (contact,) = record_of(state, "viewer").contacts
    assert (contact.kind, contact.channel, contact.group) == ("button_green", "tv", "cards")
    assert contact.at_ms == int(NOW.timestamp() * 1000)
    assert ["unknown channel 'tv'" in reasons[0], "no JSON" in reasons[1], len(reasons)] == [True, True, 2]


def test_a_whole_batch_that_was_refused_is_sent_again_as_it_is(bundle, tmp_path):
    many = [mapping(id=str(i), subject="batched", data={"channel": "web", "placement": "ü" * 60}) for i in range(1_001)]
    many[7]["data"]["channel"] = "fax"
    named_wrong = [mapping(id="a", subject="batched"), 5]
    visited = visit()
    visited["events"] = [{"id": str(i), "kind": "click", "ago_ms": 60_000} for i in range(1_001)]
    with collecting(bundle, tmp_path) as collector:
        over = collector.http.post("/v1/events", json=many, headers={"content-type": BATCHED})
        wrong = collector.http.post("/v1/events", json=named_wrong, headers={"content-type": "application/json"})
        visits = post_visit(collector, json.dumps(visited, separators=(",", ":")))
    assert [over.status_code, wrong.status_code, visits.status_code] == [413, 400, 413]
    (file,) = (tmp_path / "dead_letters").iterdir()
    before_ms = time.time_ns() // 1_000_000

    again = import_interactions(file, tmp_path, read_bundle(read_texts(bundle)))

    assert again == {"imported": 1_000 + 1 + 1_001, "duplicates": 0, "rejected": 2}
    clicks = [totals_of(record_of(tmp_path, name).totals).kinds["click"][0] for name in ("batched", visited["id"])]
    assert clicks == [1_001, 1_001]
    contacts = record_of(tmp_path, visited["id"]).contacts
    assert 60_000 <= before_ms - contacts[0].at_ms < 120_000
    aside = [json.loads(line) for line in file.with_name(f"{file.name}.rejected.jsonl").open()]
    assert [(letter["line"], letter["raw"]) for letter in aside] == [(1, json.dumps(many[7])), (2, "5")]


def test_a_reload_brings_a_new_channel_and_a_faulty_one_changes_nothing(bundle, tmp_path):
    own = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    channels = (own / "channels.yaml").read_text()

    def status():
        return send(collector, http.to_binary_event(an_event({"channel": "tv"}))).status_code

    with collecting(own, tmp_path / "state") as collector:
        assert status() == 422
        (own / "channels.yaml").write_text(channels + "tv: {direction: inbound}\n")
        collector.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 20
        while status() != 202 and time.monotonic() < until:
            time.sleep(0.1)
        (own / "channels.yaml").write_text("tv: {direction: sideways}\n")
        collector.process.send_signal(signal.SIGHUP)
        time.sleep(1)
        assert status() == 202


# --- starting and stopping


def test_a_stop_is_clean_and_everything_accepted_is_there(bundle, tmp_path):
    with collecting(bundle, tmp_path) as collector:
        taken = sum(send(collector, http.to_binary_event(an_event())).status_code == 202 for _ in range(20))
        assert collector.stop() == 0

    assert len(record_of(tmp_path, "anna").contacts) == taken == 20


def test_a_killed_collector_has_lost_nothing_it_accepted(bundle, tmp_path):
    with collecting(bundle, tmp_path) as collector:
        for _ in range(20):
            assert send(collector, http.to_binary_event(an_event())).status_code == 202
        collector.process.kill()

    assert len(record_of(tmp_path, "anna").contacts) == 20


def test_a_second_collector_on_the_same_port_and_a_faulty_bundle_are_refused(collector, bundle, tmp_path):
    second = Collecting(bundle, tmp_path / "state", port=collector.port, out=subprocess.PIPE)
    words, _ = second.process.communicate(timeout=60)
    faulty = Collecting(tmp_path, tmp_path / "state", out=subprocess.PIPE)
    faults, _ = faulty.process.communicate(timeout=60)

    assert (second.process.returncode, faulty.process.returncode) == (1, 1)
    assert "is another server there?" in words
    assert "channels.yaml" in faults


# --- one stream, three ways

DAY_MS = 86_400_000
NOW_MS = int(NOW.timestamp() * 1000)
FIELDS = st.fixed_dictionaries(
    {
        "key": st.sampled_from("abcdefgh"),
        "kind": st.sampled_from(["click", "exposure", "purchase", "review", "share"]),
        "at_ms": st.integers(NOW_MS - 800 * DAY_MS, NOW_MS + 3 * DAY_MS),
    },
    optional={
        "channel": st.sampled_from(["email", "web", "fax"]),
        "placement": st.sampled_from(["home", ""]),
        "action_key": st.sampled_from(["card", "loan", "elsewhere"]),
        "group": st.sampled_from(["cards", "garden", "bad\0"]),
        "objective": st.sampled_from(["grow", "serve"]),
        "amount": st.sampled_from([0.0, 12.34, -5.0, 1e300]),
        "discount": st.floats(0, 100),
        "decision_id": st.text("abc", max_size=4),
    },
)


@pytest.fixture(scope="module")
def ways(bundle, tmp_path_factory):
    states = [tmp_path_factory.mktemp(name) for name in ("recorded", "streamed", "captured", "imported")]
    with serving(bundle, states[0]) as one, serving(bundle, states[1]) as two, collecting(bundle, states[2]) as web:
        yield one, two, web, states


@settings(max_examples=25, deadline=None)
@given(stream=st.lists(FIELDS, max_size=12, unique_by=lambda fields: fields["key"]), chance=st.randoms())
def test_one_stream_gives_one_record_whichever_way_and_order_it_comes(ways, bundle, stream, chance):
    one, two, web, states = ways
    customer_id = f"c{uuid.uuid4()}"
    whole = [{**fields, "customer_id": customer_id} for fields in [*stream, *stream[:3]]]
    orders = [chance.sample(whole, len(whole)) for _ in states]

    messages = [[interaction_pb2.Interaction(**fields) for fields in order] for order in orders[:2]]
    one.interactions.Record(interaction_pb2.RecordRequest(interactions=messages[0]), timeout=20)
    requests = [interaction_pb2.RecordStreamRequest(interactions=messages[1][at : at + 2]) for at in range(0, 15, 2)]
    two.interactions.RecordStream(iter(requests), timeout=20)
    web.http.post("/v1/events", json=[as_event(fields) for fields in orders[2]], headers={"content-type": BATCHED})
    file = states[3] / "stream.jsonl"
    file.write_text("".join(json.dumps(fields) + "\n" for fields in orders[3]))
    import_interactions(file, states[3], read_bundle(read_texts(bundle)))

    now_ms = time.time_ns() // 1_000_000
    stored = [record_of(state, customer_id) for state in states]
    records = [record and described(AsOf(record, now_ms, USUALLY)) for record in stored]
    assert records == [records[0]] * 4


def as_event(fields):
    data = {name: value for name, value in fields.items() if name not in ("key", "customer_id", "kind", "at_ms")}
    time_ = datetime.fromtimestamp(fields["at_ms"] / 1000, UTC).isoformat()
    return mapping(id=fields["key"], type=fields["kind"], subject=fields["customer_id"], time=time_, data=data)
