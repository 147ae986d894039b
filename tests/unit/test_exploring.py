"""An exploring bundle as served: the chance of every chosen action is in the reply and in the journal, unrounded."""

import math

import msgspec
import pytest
from nba.v1 import common_pb2, decision_pb2

from engine.decide.bundle import read_bundle
from engine.decide.exploration import Epsilon, PlackettLuce, SquareCB
from engine.decide.scoring import first_day
from engine.decide.snapshot import build_snapshot
from engine.serve.limits import Limits
from engine.serve.metrics import Metrics
from engine.serve.service import DecisionService, Holder, Shell
from engine.store.memory import MemoryStore
from models import RESPONSE

TEXTS = {
    "schema.yaml": "{}",
    "channels.yaml": "{web: {direction: inbound}}",
    "actions.csv": "action_key,objective,group,purposes,value\n"
    "card,grow,cards,marketing,100\nloan,grow,loans,marketing,99\nnews,grow,news,marketing,98\nbook,serve,b,marketing,97\n",
    "policies.yaml": "{}",
    "arbitration.yaml": "explore: {grow: {kind: plackett_luce, temperature: 1.5, price: 0.05}}",
}


class Kept(list):
    """A journal that keeps what it is offered."""

    offer = list.append

    def close(self):
        """Nothing is open."""


class Call:
    """A call without a deadline."""

    def time_remaining(self):
        return None


def decided(seed, journal, tmp_path, limit=3):
    snapshot = build_snapshot(read_bundle(TEXTS), TEXTS, [first_day(RESPONSE, 0.5)])
    shell = Shell(Holder(snapshot), MemoryStore(), journal, lambda: 7, Limits())
    consent = common_pb2.Consent(purpose="marketing", granted=True, source="test", at_ms=1_764_000_000_000)
    message = decision_pb2.DecideRequest(
        customer=decision_pb2.Customer(consents=[consent]),
        channels=[decision_pb2.ChannelRequest(channel="web", limit=limit)],
        now_ms=1_764_000_000_001,
        seed=seed,
    )
    return DecisionService(shell, Metrics(tmp_path / "0")).Decide(message, Call()).channels[0].actions


def test_reply_and_journal_hold_the_exact_chance_of_each_choice(tmp_path):
    for seed in range(1, 9):
        journal = Kept()

        actions = decided(seed, journal, tmp_path)

        left = {"card": 50.0, "loan": 49.5, "news": 49.0}
        assert len(actions) == 3  # of the one objective: whatever is left of it is above the other
        for action in actions:
            weights = {key: math.exp((priority - max(left.values())) / 1.5) for key, priority in left.items()}
            exact = weights[action.action_key] / sum(weights.values())
            assert action.selection_probability == pytest.approx(exact, rel=1e-14)
            del left[action.action_key]
        kept = decision_pb2.DecideResponse.FromString(msgspec.msgpack.decode(journal[0])["reply"])
        assert [a.selection_probability for a in kept.channels[0].actions] == [a.selection_probability for a in actions]


def test_seeds_explore_and_a_seed_repeats_itself(tmp_path):
    rankings = {seed: [action.action_key for action in decided(seed, Kept(), tmp_path)] for seed in range(1, 21)}

    assert len({ranking[0] for ranking in rankings.values()}) == 3
    assert rankings[3] == [action.action_key for action in decided(3, Kept(), tmp_path)]


def test_the_bundle_says_how_each_objective_explores():
    text = """
explore:
  grow: {kind: squarecb, gamma: 50, price: 0.1}
  serve: {kind: epsilon, epsilon: 0.2, price: 0}
"""
    assert read_bundle(TEXTS).explore == {"grow": PlackettLuce(1.5, 0.05)}
    assert read_bundle(TEXTS | {"arbitration.yaml": text}).explore == {
        "grow": SquareCB(50, 0.1),
        "serve": Epsilon(0.2, 0),
    }
