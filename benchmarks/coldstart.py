"""`nba bench coldstart`: what each way to learn loses to an oracle when an action is new, or drifts.

Ours is `models.adaptive` and `models.pooling` with their defaults, each action taken at the upper 99 % quantile of its
propensity. The choice is a function of the state, so that its selection probability is 1. The peers count responses.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Figure
from models.adaptive import HALF_LIFE_MS, Cell, Event, State, update
from models.pooling import fit, optimistic

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

SCENARIOS = ("new_best", "new_bad", "drift")
GROUPS, OF_GROUP, FEATURES = 4, 3, 2
OLD = GROUPS * OF_GROUP  # the new action stands after the old ones
ROUNDS, BATCH = 500, 40  # 20,000 decisions; outcomes are learned after every 40
ROUND_MS = 17_280_000  # 200 decisions a day, so 100 days
HISTORY = 1_000  # trials of each old action before the start: counts for the peers, a model for ours
NOISE = 0.1  # standard error of a coefficient fitted to so many trials: 1 / sqrt(1,000 x 0.1 x 0.9)
SEGMENTS = 4
RAMP, RAMP_POSITIVES = 0.02, 200
QUANTILE = 0.99  # chosen among 0.95, 0.99 and 0.999 on seeds from 1,000 on, never on those of the record
FIRST_SEED = 100
TARGET = 0.02


@dataclass(frozen=True)
class World:
    """One seed of one scenario; A actions, the last of them new.

    Args:
        truth: float64[A, 1 + FEATURES], log-odds of a response: intercept and slopes.
        known: float64[A, 1 + FEATURES], what the model believes: of the new action, what its group has in common.
        group: intp[A].
    """

    scenario: str
    truth: Floats
    known: Floats
    group: Ints

    def truth_at(self, at: int) -> Floats:
        """The truth in a round; the drifting action rises from worse than the model knows to better, and falls back."""
        truth = self.truth.copy()
        if self.scenario == "drift":
            truth[0, 0] += 3 * np.sin(np.pi * at / ROUNDS) - 1.5
        return truth

    def open_at(self, at: int) -> int:
        """How many actions there are; the new one comes midway."""
        return OLD if self.scenario == "drift" or at < ROUNDS // 2 else OLD + 1


def make_world(scenario: str, rng: np.random.Generator) -> World:
    """Draw one; the new action is a whole log-odds better than the best old one, or worse than the worst."""
    common = rng.normal([-2.5, 0, 0], 0.5, (GROUPS, 1 + FEATURES))
    # A bad action of the best group looks good to whoever knows groups.
    of_new = common[:, 0].argmax() if scenario == "new_bad" else rng.integers(GROUPS)
    group = np.append(np.repeat(np.arange(GROUPS), OF_GROUP), of_new)
    truth = common[group] + rng.normal(0, [0.5, 0.3, 0.3], (OLD + 1, 1 + FEATURES))
    old = truth[:OLD, 0]
    truth[OLD, 0] = old.max() + 1 if scenario == "new_best" else old.min() - 1
    known = truth + rng.normal(0, NOISE, truth.shape)
    known[OLD] = common[of_new]
    return World(scenario, truth, known, group)


def chances(log_odds: Floats, customers: Floats) -> Floats:
    """float64[N, A] of coefficients [A, 1 + FEATURES] and customers [N, FEATURES]."""
    made: Floats = 1 / (1 + np.exp(-log_odds[:, 0] - customers @ log_odds[:, 1:].T))
    return made


def segment_of(customers: Floats) -> Ints:
    """The quadrant: what somebody who counts can make of two features."""
    right, up = (customers[:, :2] > 0).T
    return np.asarray(2 * right + up, np.intp)


class Learner(Protocol):
    """Chooses, and takes what came of it."""

    def choose(self, believed: Floats, customers: Floats, rng: np.random.Generator) -> Ints:
        """Actions intp[N] for N customers, given the model's propensities float64[N, open actions]."""
        ...

    def learn(self, chosen: Ints, believed: Floats, customers: Floats, positive: Floats) -> None:
        """One round's choices and responses."""
        ...


class Adaptive:
    """Ours: the model, corrected, at a quantile of what is not known yet; 0.5 takes the corrected propensity itself."""

    def __init__(self, world: World, quantile: float) -> None:
        self._cells = [Cell(f"action_{at}", "web", f"group_{group}") for at, group in enumerate(world.group)]
        self._quantile, self._now_ms, self._state = quantile, 0, State("model")
        self._odds = self._bound()

    def _bound(self) -> Floats:
        found = fit(self._state).of(self._cells)
        return np.exp(found.shift + optimistic(found, self._quantile))

    def choose(self, believed: Floats, customers: Floats, rng: np.random.Generator) -> Ints:  # noqa: ARG002  no chance
        """The best at the quantile."""
        return _best(believed / (1 - believed) * self._odds[: believed.shape[1]])

    def learn(self, chosen: Ints, believed: Floats, customers: Floats, positive: Floats) -> None:  # noqa: ARG002
        """Trials and positives, as the engine's learner gives them."""
        self._now_ms += ROUND_MS
        shown = list(zip([self._cells[at] for at in chosen], believed[np.arange(len(chosen)), chosen], strict=True))
        events = [Event(cell, self._now_ms, propensity) for cell, propensity in shown]
        events += [Event(shown[at][0], self._now_ms, positive=True) for at in np.flatnonzero(positive)]
        self._state = update(self._state, events, self._now_ms, HALF_LIFE_MS)
        self._odds = self._bound()


def _best(figures: Floats) -> Ints:
    """intp[N], the place of the highest of each line."""
    best: Ints = figures.argmax(axis=1)
    return best


Rule = Callable[[Floats, Floats, np.random.Generator], Ints]


class Counting:
    """A peer: trials and positives of each action, by segment or altogether, those of the history included.

    Args:
        rule: (positives, trials, rng) -> chosen; both float64[N, open actions] as each customer's segment has them.
        segments: 1 or SEGMENTS.
        history: customers, and positives float64[N, A] of each action.
    """

    def __init__(self, rule: Rule, segments: int, history: tuple[Floats, Floats]) -> None:
        self._rule, self._segments = rule, segments
        self._trials, self._positives = np.zeros((segments, OLD + 1)), np.zeros((segments, OLD + 1))
        customers, positives = history
        np.add.at(self._trials[:, :OLD], self._of(customers), 1)
        np.add.at(self._positives, self._of(customers), positives * (np.arange(OLD + 1) < OLD))

    def _of(self, customers: Floats) -> Ints:
        return segment_of(customers) % self._segments

    def choose(self, believed: Floats, customers: Floats, rng: np.random.Generator) -> Ints:
        """As the rule says."""
        seen = self._of(customers), slice(believed.shape[1])
        return self._rule(self._positives[seen], self._trials[seen], rng)

    def learn(self, chosen: Ints, believed: Floats, customers: Floats, positive: Floats) -> None:  # noqa: ARG002
        """Count."""
        np.add.at(self._trials, (self._of(customers), chosen), 1)
        np.add.at(self._positives, (self._of(customers), chosen), positive)


def greedy(positives: Floats, trials: Floats, rng: np.random.Generator) -> Ints:  # noqa: ARG001
    """The best mean of Beta(1, 1)."""
    return _best((1 + positives) / (2 + trials))


def thompson(positives: Floats, trials: Floats, rng: np.random.Generator) -> Ints:
    """The best draw of Beta(1, 1), updated."""
    return _best(rng.beta(1 + positives, 1 + trials - positives))


def ramp(positives: Floats, trials: Floats, rng: np.random.Generator) -> Ints:
    """The best of (0.5 + positives) / (1 + n); a new action is held at 2 % of decisions until it has 200 positives."""
    smoothed = (0.5 + positives) / (1 + trials)
    held = positives[:, OLD:].ravel() < RAMP_POSITIVES
    if not len(held):
        return _best(smoothed)
    tried = np.where(rng.random(len(held)) < RAMP, OLD, _best(smoothed[:, :OLD]))
    return np.where(held, tried, _best(smoothed))


PEERS: dict[str, tuple[Rule, int]] = {
    f"{rule.__name__}{suffix}": (rule, segments)
    for rule in (greedy, thompson, ramp)
    for suffix, segments in (("", 1), ("_by_segment", SEGMENTS))
}
# "ours_greedy" is ours without the optimism: what exploring costs and brings.
NAMES = ("ours", "ours_greedy", *PEERS, "random")


def regrets(scenario: str, seed: int) -> Floats:
    """float64[len(NAMES)]: response chance lost per decision; where an action is new, from its coming on."""
    rng = np.random.default_rng([SCENARIOS.index(scenario), seed])
    world = make_world(scenario, rng)
    customers = rng.normal(size=(HISTORY, FEATURES))
    history = customers, (rng.random((HISTORY, OLD + 1)) < chances(world.truth_at(0), customers)).astype(np.float64)
    learners: list[Learner] = [Adaptive(world, QUANTILE), Adaptive(world, 0.5)]
    learners += [Counting(*peer, history) for peer in PEERS.values()]
    first = 0 if scenario == "drift" else ROUNDS // 2
    lost = [_round(world, learners, at, rng) for at in range(ROUNDS)]
    mean: Floats = np.mean(lost[first:], axis=0)
    return mean


def _round(world: World, learners: Sequence[Learner], at: int, rng: np.random.Generator) -> list[float]:
    """What each learner loses in one round, then chance; all meet the same customers in the same mood."""
    rows, customers, size = np.arange(BATCH), rng.normal(size=(BATCH, FEATURES)), world.open_at(at)
    true, believed = (chances(known[:size], customers) for known in (world.truth_at(at), world.known))
    mood = rng.random((BATCH, 1)) < true
    lost = []
    for learner in learners:
        chosen = learner.choose(believed, customers, rng)
        lost.append(float((true.max(axis=1) - true[rows, chosen]).mean()))
        learner.learn(chosen, believed, customers, mood[rows, chosen].astype(np.float64))
    return [*lost, float((true.max(axis=1) - true.mean(axis=1)).mean())]


def measure(scale: int) -> Iterator[Figure]:
    """Regret per decision with its standard error, in each scenario and over all.

    Args:
        scale: 10 runs 40 seeds.

    Yields:
        figures; `regret_above_best_peer` is the mean paired difference to the peer that did best in the scenario, less
        its standard error: at most 0 when ours is no worse.
    """
    of_scenario = {name: np.array([regrets(name, FIRST_SEED + at) for at in range(4 * scale)]) for name in SCENARIOS}
    for scenario, lost in of_scenario.items():
        yield from _figures(scenario, lost)
        peers = lost[:, 2 : 2 + len(PEERS)]
        gap = lost[:, 0] - peers[:, peers.mean(axis=0).argmin()]
        yield Figure("coldstart", scenario, "regret_above_best_peer", float(gap.mean() - _error(gap)), "chance", 0.0)
    yield from _figures("overall", np.mean(list(of_scenario.values()), axis=0), TARGET)


def _figures(case: str, lost: Floats, target: float | None = None) -> Iterator[Figure]:
    for name, of_seed in zip(NAMES, lost.T, strict=True):
        bound = target if name == "ours" else None
        yield Figure("coldstart", case, f"{name}_regret", float(of_seed.mean()), "chance", bound)
        yield Figure("coldstart", case, f"{name}_regret_se", float(_error(of_seed)), "chance")


def _error(values: Floats) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))
