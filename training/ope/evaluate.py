"""A policy, or the difference of two, by every estimator, with intervals; no conclusion where the log allows none."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from training.ope.diagnosis import Diagnosis, diagnose
from training.ope.estimators import ESTIMATORS, Float64Array, Log, Target, Terms, estimate
from training.ope.intervals import Interval, anytime, bernstein, bootstrap, by_customer


@dataclass(frozen=True)
class Judgement:
    """What one estimator says.

    Args:
        estimator: its name.
        value: reward a choice, or the difference of two policies.
        bootstrap: by customer; about right.
        bernstein: at least right, for a sample whose size was fixed before.
        anytime: at least right whenever one looks.
        verdict: "better", "worse" or "no difference shown" of a difference; "" of a single policy; why not, in words,
            where the log does not allow a conclusion.
    """

    estimator: str
    value: float
    bootstrap: Interval
    bernstein: Interval
    anytime: Interval
    verdict: str


def evaluate(log: Log, target: Target, seed: int = 0, names: Iterable[str] = ESTIMATORS) -> list[Judgement]:
    """What a policy would have earned, by each estimator.

    Args:
        log: what was chosen, in order of time.
        target: the policy.
        seed: of the bootstrap.
        names: of ESTIMATORS.
    """
    refused = _refused(diagnose(log, target))
    return [_judged(name, ESTIMATORS[name](log, target), log, seed, refused) for name in names]


def compare(log: Log, challenger: Target, champion: Target | None = None, seed: int = 0) -> list[Judgement]:
    """What a challenger would have earned more than the champion, choice by choice, so that what both share cancels.

    Args:
        log: what was chosen, in order of time.
        challenger: the new policy.
        champion: the policy in force; without one it is the logging policy, whose rewards are as they came.
        seed: of the bootstrap.
    """
    targets = [challenger] if champion is None else [challenger, champion]
    refused = "; ".join(filter(None, (_refused(diagnose(log, target)) for target in targets)))
    judged = []
    for name, estimator in ESTIMATORS.items():
        terms = _less(estimator(log, challenger), _as_it_came(log) if champion is None else estimator(log, champion))
        found = _judged(name, terms, log, seed, refused)
        judged.append(found if refused else _concluded(found))
    return judged


def _as_it_came(log: Log) -> Terms:
    return Terms(log.reward, np.zeros(len(log.reward)), np.zeros(len(log.reward)))


def _less(one: Terms, other: Terms) -> Terms:
    """Both made linear: mean of the difference, choice by choice."""
    return Terms(_linear(one) - _linear(other), np.zeros(len(one.plain)), np.zeros(len(one.plain)))


def _linear(terms: Terms) -> Float64Array:
    return by_customer(terms, np.arange(len(terms.plain)))


def _judged(name: str, terms: Terms, log: Log, seed: int, refused: str) -> Judgement:
    each = by_customer(terms, log.customer)
    bounds = min(0.0, float(each.min())), float(each.max())  # as wide as these weights and rewards go
    return Judgement(
        name,
        estimate(terms),
        bootstrap(terms, log.customer, seed),
        bernstein(each, bounds),
        anytime(each, bounds),
        refused,
    )


def _refused(found: Diagnosis) -> str:
    return "; ".join(found.warnings)


def _concluded(found: Judgement) -> Judgement:
    """A gain is claimed only where its interval says so."""
    if found.bootstrap.low > 0:
        return replace(found, verdict="better")
    return replace(found, verdict="worse" if found.bootstrap.high < 0 else "no difference shown")
