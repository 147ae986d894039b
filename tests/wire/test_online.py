"""An online model learns in context within seconds, with real processes and nothing trained."""

import itertools
import os
import signal

import pytest
from nba.v1 import common_pb2, decision_pb2

from engine.decide import pipeline
from engine.decide.request import Ask, CustomerView, Request
from engine.journal.reading import read
from engine.serve.build import load_snapshot
from models import unpack
from tests.wire.conftest import a_request, report, serving
from tests.wire.test_lifecycle import eventually, workers_of

KEYS = itertools.count()
SOON_S = 15  # a second to publish and half a one to notice; the rest is for a machine that does other things
BUNDLE = {
    "schema.yaml": "customer: {age: int, plan: string}\n",
    "channels.yaml": "web: {direction: inbound}\n",
    "policies.yaml": "{}\n",
    "actions.csv": """action_key,objective,group,purposes,value
album,grow,music,service,1
book,grow,reading,service,1
chair,grow,home,service,1
""",
    "models.yaml": """
online:
  - {model: quick, features: [customer.age, {name: customer.plan, kind: categorical, categories: [basic, full]}]}
use:
  - {model: quick}
""",
}
PAYS = {"basic": "album", "full": "chair"}  # for whom what pays


@pytest.fixture
def own(tmp_path):
    directory = tmp_path / "bundle"
    directory.mkdir()
    for name, text in BUNDLE.items():
        (directory / name).write_text(text)
    return directory


def decide(server, plan, age=40):
    asked = decision_pb2.Customer(
        consents=[common_pb2.Consent(purpose="service", channel="web", granted=True)],
        attributes={"age": common_pb2.Value(int_value=age), "plan": common_pb2.Value(string_value=plan)},
    )
    channels = [decision_pb2.ChannelRequest(channel="web", limit=3)]
    return server.decisions.Decide(a_request(customer=asked, channels=channels), timeout=10, wait_for_ready=True)


def best(reply):
    return reply.channels[0].actions[0]


def live(server, rounds):
    """Each kind of customer is shown the best, and accepts what pays for that kind."""
    for _ in range(rounds):
        for plan, pays in PAYS.items():
            reply = decide(server, plan, 20 + 7 * next(KEYS) % 40)
            shown = best(reply).action_key
            report(server, reply, shown, "exposure", *(["accept"] if shown == pays else []))


def turned(server):
    """The reply to each kind, once each gets what pays for it, not hoped for but known; else nothing."""
    replies = {plan: decide(server, plan) for plan in PAYS}
    tops = {plan: best(reply) for plan, reply in replies.items()}
    known = all(tops[plan].action_key == action and tops[plan].propensity > 0.5 for plan, action in PAYS.items())
    return replies if known else {}


def learnt(server):
    """Live on until each kind gets what pays for it; the replies."""
    replies = {}

    def step():
        live(server, 3)
        replies.update(turned(server))
        return replies

    assert eventually(step, 2 * SOON_S)  # some five versions
    return replies


def test_each_kind_of_customer_soon_gets_what_pays_for_that_kind_and_replay_is_exact(own, tmp_path):
    state = tmp_path / "state"
    with serving(own, state, workers=2) as server:
        first = decide(server, "basic")
        assert {(each.propensity, each.priority) for each in first.channels[0].actions} == {(0, best(first).priority)}
        after = learnt(server)["full"]

    assert best(after).model.startswith("quick/")
    other = next(each for each in after.channels[0].actions if each.action_key == PAYS["basic"])
    assert other.propensity < 0.5

    published = {entry["version"]: entry["learned"] for entry in read(state / "journal") if entry["kind"] == "adaptive"}
    again = load_snapshot(own, None).taught(unpack(published[after.adaptive_version]))
    customer = CustomerView({"age": 40, "plan": "full"}, {}, {("service", "web"): True})
    evaluation = pipeline.decide(again, customer, Request((Ask("web", limit=3),), now_ms=0))
    said = zip(again.catalogue.names("action"), evaluation.scored.propensity, evaluation.priority, strict=True)
    assert {*said} == {(each.action_key, each.propensity, each.priority) for each in after.channels[0].actions}


def trials(state):
    """How many the newest version in the journal counts, and how many of those were answered."""
    *_, last = [entry for entry in read(state / "journal") if entry["kind"] == "adaptive"]
    (online,) = unpack(last["learned"]).online
    sums = online.sums.values()
    return round(sum(each.square[0, 0] for each in sums)), round(sum(each.positive[0] for each in sums))


def test_a_learner_that_is_killed_loses_nothing_and_counts_nothing_twice(own, tmp_path):
    with serving(own, tmp_path / "state") as server:
        replies = [decide(server, plan) for plan in PAYS for _ in range(10)]
        for reply in replies:
            report(server, reply, "album", "exposure")
        assert eventually(lambda: decide(server, "full").adaptive_version, SOON_S)
        _, learner = workers_of(server.process.pid)
        os.kill(learner, signal.SIGKILL)
        for reply in replies[:10]:
            report(server, reply, "album", "accept")
            report(server, decide(server, "full"), "book", "exposure")

        assert eventually(lambda: trials(tmp_path / "state") == (30, 10), 30)
