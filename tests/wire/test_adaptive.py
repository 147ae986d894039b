"""Outcomes reach decisions within seconds, with real processes and no trained model."""

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from nba.v1 import common_pb2, decision_pb2

from engine.journal.reading import read
from engine.serve.build import load_snapshot
from models import unpack
from tests.wire.conftest import a_request, report, serving
from tests.wire.test_lifecycle import eventually, workers_of

SOON_S = 15  # a second to publish and half a one to notice; the rest is for a machine that does other things


def decide(server):
    purposes = ("marketing.offers", "service")
    consents = [common_pb2.Consent(purpose=purpose, channel="web", granted=True) for purpose in purposes]
    asked = decision_pb2.Customer(
        consents=consents, attributes={"age": common_pb2.Value(int_value=30)}, time_zone="UTC"
    )
    channels = [decision_pb2.ChannelRequest(channel="web", limit=3)]
    return server.decisions.Decide(a_request(customer=asked, channels=channels), timeout=10, wait_for_ready=True)


def ranked(reply, action):
    (found,) = [each for each in reply.channels[0].actions if each.action_key == action]
    return found


@pytest.fixture
def own(bundle, tmp_path):
    return Path(shutil.copytree(bundle, tmp_path / "bundle"))


def test_on_the_first_day_accepted_outcomes_raise_an_action_within_seconds_and_replay_is_exact(own, tmp_path):
    state = tmp_path / "state"
    with serving(own, state, workers=2) as server:
        first = decide(server)
        for _ in range(10):
            report(server, decide(server), "notice", "exposure", "accept")
        assert first.adaptive_version == ""
        assert eventually(lambda: decide(server).adaptive_version, SOON_S)
        assert eventually(lambda: ranked(decide(server), "notice").propensity > 0.1, SOON_S)
        after = decide(server)

    notice = ranked(after, "notice")
    assert ranked(first, "notice").propensity == notice.model_propensity == pytest.approx(0.01)
    assert 0.1 < notice.maturity < 1

    published = {entry["version"]: entry["learned"] for entry in read(state / "journal") if entry["kind"] == "adaptive"}
    again = load_snapshot(own, None).taught(unpack(published[after.adaptive_version]))
    row = again.catalogue.governed({"action": "notice", "channel": "web"})
    said = replace(again.scoring.prior(row), propensity=np.array([notice.model_propensity]))
    scored = again.corrections.correct(said, row)
    assert scored.propensity[0] == notice.propensity


def test_what_was_learned_survives_a_restart_and_is_not_counted_twice(own, tmp_path):
    with serving(own, tmp_path / "state") as server:
        report(server, decide(server), "notice", "exposure", "click")
        assert eventually(lambda: decide(server).adaptive_version, SOON_S)
        before = decide(server)

    with serving(own, tmp_path / "state") as server:
        after = decide(server)

    assert after.adaptive_version == before.adaptive_version
    assert ranked(after, "notice").propensity == ranked(before, "notice").propensity


def test_a_learner_that_dies_is_replaced_and_goes_on(own, tmp_path):
    with serving(own, tmp_path / "state") as server:
        _, learner = workers_of(server.process.pid)
        os.kill(learner, signal.SIGKILL)
        report(server, decide(server), "notice", "exposure", "click")

        assert eventually(lambda: decide(server).adaptive_version, 30)


def test_where_a_bundle_says_off_nothing_is_learned(own, tmp_path):
    (own / "arbitration.yaml").write_text("adaptive: off\n")
    with serving(own, tmp_path / "state") as server:
        report(server, decide(server), "notice", "exposure", "click")
        assert not eventually(lambda: decide(server).adaptive_version, 4)


def test_the_reply_in_the_journal_says_which_version_it_was_decided_with(own, tmp_path):
    with serving(own, tmp_path / "state") as server:
        report(server, decide(server), "notice", "exposure", "click")
        assert eventually(lambda: decide(server).adaptive_version, SOON_S)

    entries = [*read(tmp_path / "state" / "journal")]
    said = {
        decision_pb2.DecideResponse.FromString(entry["reply"]).adaptive_version
        for entry in entries
        if entry["kind"] == "decision"
    }
    assert said - {""} <= {entry["version"] for entry in entries if entry["kind"] == "adaptive"}
    assert said - {""}


def test_a_learner_that_is_replaced_follows_what_is_in_force_and_not_what_lies_there(own, tmp_path):
    with serving(own, tmp_path / "state") as server:
        (own / "arbitration.yaml").write_bytes(b"adaptive: off  # \xff")
        _, learner = workers_of(server.process.pid)
        os.kill(learner, signal.SIGKILL)
        report(server, decide(server), "card", "exposure")

        assert eventually(lambda: decide(server).adaptive_version, SOON_S)


def test_of_two_servers_on_one_state_one_learns_and_the_other_takes_its_place(own, tmp_path):
    state = tmp_path / "state"
    with serving(own, state) as second_to_go:
        with serving(own, state) as first_to_go:
            for _ in range(3):
                report(second_to_go, decide(first_to_go), "card", "exposure")
                before = decide(second_to_go).adaptive_version
                assert eventually(lambda before=before: decide(second_to_go).adaptive_version != before, SOON_S)
        before = decide(second_to_go).adaptive_version
        report(second_to_go, decide(second_to_go), "card", "exposure")
        assert eventually(lambda: decide(second_to_go).adaptive_version != before, SOON_S)

    counted = [unpack(entry["learned"]).sequence for entry in read(state / "journal") if entry["kind"] == "adaptive"]
    assert counted == sorted(set(counted))
