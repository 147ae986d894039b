"""`CustomerService.Watch`: what changes in a record, whoever changed it, stands on a screen at once."""

import json
import queue
import signal
import subprocess
import sys
import threading

import grpc
import pytest
from nba.v1 import common_pb2, customer_pb2, interaction_pb2

from engine.serve.imports import import_interactions
from engine.serve.watches import WATCHES
from tests.wire.conftest import collecting, serving
from tests.wire.test_hostile import failure, refusal
from tests.wire.test_lifecycle import eventually


@pytest.fixture
def server(bundle, tmp_path):
    with serving(bundle, tmp_path / "state") as running:
        yield running


class Screen:
    """An open watch, and what it was told."""

    def __init__(self, server, customer_id="anna"):
        self.call = server.customers.Watch(customer_pb2.WatchRequest(customer_id=customer_id), timeout=60)
        self.told, self.error = queue.Queue(), None
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        try:
            for reply in self.call:
                self.told.put(reply.record)
        except grpc.RpcError as error:
            self.error = error

    def next(self):
        return self.told.get(timeout=10)

    def ended(self):
        self.thread.join(20)
        return self.error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.call.cancel()
        self.thread.join(20)


def allow(server, customer_id="anna"):
    consent = common_pb2.Consent(purpose="marketing", granted=True)
    asked = customer_pb2.SetConsentRequest(customer_id=customer_id, consent=consent)
    return server.customers.SetConsent(asked, timeout=10).revision


def record(server, key, **fields):
    fields = {"customer_id": "anna", "kind": "click", "channel": "web", **fields}
    asked = interaction_pb2.RecordRequest(interactions=[interaction_pb2.Interaction(key=key, **fields)])
    return server.interactions.Record(asked, timeout=10)


def test_a_watch_tells_the_record_as_it_stands_and_then_every_change_of_it(server):
    revision = allow(server)
    with Screen(server) as screen:
        first = screen.next()
        record(server, "a")
        clicked = screen.next()
        asked = customer_pb2.SetPreferencesRequest(customer_id="anna", preferences={"topics_off": ["cards"]})
        later = server.customers.SetPreferences(asked, timeout=10).revision
        wished = screen.next()

    assert (first.revision, first.values["behaviour.interactions_total"].double_value) == (revision, 0)
    assert clicked.values["behaviour.interactions_total"].double_value == 1
    assert (wished.revision, list(wished.preferences.topics_off)) == (later, ["cards"])
    assert screen.told.empty()


def test_a_watch_sees_what_other_processes_bring_in(server, bundle, tmp_path):
    allow(server)
    file = tmp_path / "late.jsonl"
    file.write_text(json.dumps({"key": "f", "customer_id": "anna", "kind": "view", "at_ms": 1_700_000_000_000}))
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "click", "subject": "anna"}
    with Screen(server) as screen, collecting(bundle, tmp_path / "state") as collector:
        screen.next()
        import_interactions(file, tmp_path / "state")
        imported = screen.next()
        body, kind = json.dumps(event), {"content-type": "application/cloudevents+json"}
        assert collector.http.post("/v1/events", content=body, headers=kind).status_code == 202
        collected = screen.next()

    assert imported.values["behaviour.interactions_total"].double_value == 1
    assert collected.values["behaviour.interactions_total"].double_value == 2


def test_get_tells_every_derived_value_and_keeps_the_numbers_where_they_were(server):
    record(server, "clicked", action_key="card")
    record(server, "shown", kind="exposure", action_key="loan")

    got = server.customers.Get(customer_pb2.GetRequest(customer_id="anna"), timeout=10)

    assert got.values["engagement.web"].string_value == "low"
    assert got.values["behaviour.channel"].string_value == "web"
    assert got.values["continuity.basket_left"].WhichOneof("kind") == "bool_value"
    assert got.values["continuity.open_action"].string_value == "loan"
    assert "journey.stage" in got.values
    numbers = {name for name, value in got.values.items() if value.WhichOneof("kind") != "string_value"}
    assert numbers == set(got.behaviour)
    assert "engagement.web" not in got.behaviour


def test_a_stranger_cannot_be_watched_nor_can_nobody(served):
    def watch(request, timeout):
        return list(served.customers.Watch(request, timeout=timeout))

    stranger = failure(watch, customer_pb2.WatchRequest(customer_id="stranger"))

    assert stranger.code() is grpc.StatusCode.NOT_FOUND
    assert refusal(watch, customer_pb2.WatchRequest()).field == "customer_id"


def test_watches_are_bounded_hold_no_decision_up_and_make_room_when_they_go(server):
    allow(server)
    screens = [Screen(server) for _ in range(WATCHES)]
    for screen in screens:
        screen.next()
    with Screen(server) as too_many:
        refused = too_many.ended()
    calls = [server.customers.Get.future(customer_pb2.GetRequest(customer_id="anna"), timeout=10) for _ in range(40)]
    answered = [call.result().customer_id for call in calls]
    for screen in screens:
        screen.__exit__()

    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "close one" in refused.details()
    assert answered == ["anna"] * 40
    assert eventually(lambda: _opens(server))


def _opens(server):
    with Screen(server) as screen:
        return eventually(lambda: not screen.told.empty() or screen.error, 5) and screen.error is None


def test_a_server_that_stops_ends_its_watches_first(server):
    allow(server)
    with Screen(server) as screen:
        screen.next()
        server.process.send_signal(signal.SIGTERM)
        error = screen.ended()

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "watch again" in error.details()
    assert server.process.wait(20) == 0


def test_the_command_prints_a_line_for_each_change(server):
    allow(server)
    command = [sys.executable, "-m", "engine.cli", "customer", "watch", "anna", "--target", f"127.0.0.1:{server.port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        first = watching.stdout.readline()
        record(server, "a", kind="view")
        second = watching.stdout.readline()
        watching.send_signal(signal.SIGINT)

    assert first.startswith("anna, revision 1: ")
    assert "behaviour.views_total 0.00 -> 1.00" in second
    assert "behaviour.channel - -> web" in second
