"""Off-policy evaluation against worlds whose truth is known."""

import itertools

import numpy as np
import pytest

from training.ope import (
    ESTIMATORS,
    Log,
    RankedLog,
    Target,
    anytime,
    bernstein,
    bootstrap,
    cascade_dr,
    compare,
    diagnose,
    estimate,
    iips,
    rips,
)
from training.ope.intervals import by_customer

ACTIONS, KINDS, EACH = 5, 4, 3
PLAIN = ["IPS", "SNIPS", "DR", "SNDR"]


class World:
    """Customers of four kinds, three choices each; a model that is a little wrong."""

    def __init__(self, seed, customers=200):
        chance = np.random.default_rng(seed)
        self.mean = chance.uniform(0.1, 0.6, (KINDS, ACTIONS))
        logging, self.policy = self._policy(chance), self._policy(chance)
        self.truth = float((self.policy * self.mean).sum(axis=1).mean())
        kind = np.repeat(chance.integers(0, KINDS, customers), EACH)
        uniform = chance.random((len(kind), 1))
        action = (uniform > logging[kind].cumsum(axis=1)).sum(axis=1).clip(max=ACTIONS - 1)
        reward = (chance.random(len(kind)) < self.mean[kind, action]).astype(float)
        self.kind, self.action, self.logging = kind, action, logging
        self.log = Log(logging[kind, action], reward, np.repeat(np.arange(customers), EACH))
        self.believed = self.mean + chance.normal(size=self.mean.shape) * 0.1

    def _policy(self, chance):
        odds = np.exp(chance.normal(size=(KINDS, ACTIONS)))
        return 0.8 * odds / odds.sum(axis=1, keepdims=True) + 0.2 / ACTIONS

    def target(self, policy):
        value = (policy * self.believed).sum(axis=1)[self.kind]
        return Target(policy[self.kind, self.action], self.believed[self.kind, self.action], value)


@pytest.mark.parametrize("name", [*PLAIN, "Switch-DR", "DRos"])
def test_with_much_data_an_estimate_is_the_truth(name):
    world = World(1, customers=60_000)

    assert estimate(ESTIMATORS[name](world.log, world.target(world.policy))) == pytest.approx(world.truth, abs=0.01)


def test_the_logging_policy_is_worth_what_it_earned():
    world = World(2)
    target = world.target(world.logging)

    assert estimate(ESTIMATORS["IPS"](world.log, target)) == pytest.approx(world.log.reward.mean())
    assert estimate(ESTIMATORS["SNIPS"](world.log, target)) == pytest.approx(world.log.reward.mean())


def test_replay_is_the_mean_where_a_policy_without_chance_agrees():
    world = World(3)
    agrees = world.action == 1
    target = Target(agrees.astype(float), np.zeros(len(agrees)), np.zeros(len(agrees)))

    assert estimate(ESTIMATORS["replay"](world.log, target)) == world.log.reward[agrees].mean()


def test_a_perfect_model_needs_no_weights():
    world = World(4)
    world.believed = world.mean
    exact = world.log._replace(reward=world.mean[world.kind, world.action])

    assert estimate(ESTIMATORS["DR"](exact, world.target(world.policy))) == pytest.approx(
        estimate(ESTIMATORS["DM"](exact, world.target(world.policy)))
    )


@pytest.fixture(scope="module")
def coverage():
    """How often each kind of interval holds the truth of 500 worlds."""
    held = {}
    for seed in range(500):
        world = World(seed)
        for name in ("IPS", "DR"):
            terms = ESTIMATORS[name](world.log, world.target(world.policy))
            each = by_customer(terms, world.log.customer)
            bounds = min(0.0, each.min()), each.max()
            found = bootstrap(terms, world.log.customer, seed), bernstein(each, bounds), anytime(each, bounds)
            for kind, interval in zip(("bootstrap", "bernstein", "anytime"), found, strict=True):
                held.setdefault((name, kind), []).append(interval.holds(world.truth))
    return {key: np.mean(values) for key, values in held.items()}


@pytest.mark.parametrize("name", ["IPS", "DR"])
def test_intervals_of_95_percent_hold_the_truth_so_often(coverage, name):
    assert 0.93 <= coverage[name, "bootstrap"] <= 0.98
    assert coverage[name, "bernstein"] >= 0.95
    assert coverage[name, "anytime"] >= 0.95


def test_an_anytime_interval_holds_at_every_moment_at_once():
    missed = 0
    for seed in range(200):
        each = (np.random.default_rng(seed).random(400) < 0.3).astype(float)
        missed += any(not anytime(each[:n], (0.0, 1.0)).holds(0.3) for n in range(20, 400, 20))

    assert missed / 200 <= 0.05


def test_a_better_policy_is_found_better_and_the_same_policy_is_not():
    world = World(5, customers=5_000)
    best = np.eye(ACTIONS)[world.mean.argmax(axis=1)] * 0.9 + 0.1 / ACTIONS

    assert all(
        found.verdict == "better" for found in compare(world.log, world.target(best)) if found.estimator in PLAIN
    )
    same = compare(world.log, world.target(world.logging))
    assert all(found.verdict == "no difference shown" for found in same if found.estimator in ("IPS", "SNIPS"))


def test_chances_that_are_not_those_chosen_by_are_noticed():
    world = World(6, customers=5_000)
    wrong = world.log._replace(chance=world.log.chance * 0.5)

    assert any("the mean weight is 2" in warning for warning in diagnose(wrong, world.target(world.logging)).warnings)


def every_ranking():
    """All rankings of two of three actions, weighted as a logging policy makes them; rewards by what stands above."""
    logging = np.array([0.5, 0.3, 0.2])
    policy = np.array([0.2, 0.3, 0.5])
    rows = []
    for first, second in itertools.permutations(range(3), 2):
        chances = [(of[first], of[second] / (1 - of[first])) for of in (logging, policy)]
        rows.append((*chances, (0.3 + 0.1 * first, 0.2 + 0.1 * second * (first == 0))))
    return rows


def test_where_ranks_lean_on_those_above_rips_is_the_truth_and_cascade_dr_too():
    rows = every_ranking()
    often = np.array([np.prod(chance) for chance, _, _ in rows])
    chance, target, reward = (np.array(part) for part in zip(*rows, strict=True))
    truth = float((target.prod(axis=1) * reward.sum(axis=1)).sum())
    wrong = np.full(chance.shape, 0.4)
    bare = RankedLog(chance, target, reward, np.zeros(chance.shape), np.zeros(chance.shape))
    believed = RankedLog(chance, target, reward, wrong, wrong)

    assert often @ rips(bare).plain == pytest.approx(truth)
    assert often @ cascade_dr(bare).plain == pytest.approx(truth)
    assert often @ cascade_dr(believed).plain == pytest.approx(truth)
    assert often @ iips(bare).plain != pytest.approx(truth, abs=1e-3)
