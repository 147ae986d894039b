"""Whether a log can answer for a policy at all."""

import math
from dataclasses import dataclass

from training.ope.estimators import Log, Target, weight_of

LEAST_EFFECTIVE = 100.0  # choices: below it the percentiles of a mean are not to be believed
LEAST_SHARE = 0.01  # of the log's choices that are effective
HEAVIEST = 0.1  # of all weight, on one choice
OFF = 4.0  # standard errors of the mean weight from 1: then chances are not what was chosen by


@dataclass(frozen=True)
class Diagnosis:
    """How much of the log speaks for the policy.

    Args:
        choices: N.
        effective: (sum of weights)^2 / sum of their squares (Kish 1965).
        overlap: share of the choices that the policy could have made.
        largest: the largest weight.
        heaviest: its share of all weight.
        mean_weight: 1 when the chances are right and the log covers what the policy does.
        warnings: what does not allow a conclusion, in words; empty when one can be drawn.
    """

    choices: int
    effective: float
    overlap: float
    largest: float
    heaviest: float
    mean_weight: float
    warnings: tuple[str, ...]


def diagnose(log: Log, target: Target) -> Diagnosis:
    """Look at the weights before looking at the rewards."""
    weight = weight_of(log, target)
    total, squares, largest = float(weight.sum()), float(weight @ weight), float(weight.max())
    effective = total**2 / squares if squares else 0.0
    heaviest = largest / total if total else 0.0
    mean = float(weight.mean())
    said = []
    if effective < max(LEAST_EFFECTIVE, LEAST_SHARE * len(weight)):
        said.append(f"only {effective:,.0f} of {len(weight):,} choices are effective: the policies differ too much")
    if heaviest > HEAVIEST:
        chance = float(log.chance[weight.argmax()])
        said.append(f"one choice, made by a chance of {chance:.3g}, weighs {largest:,.0f}: {heaviest:.0%} of all")
    error = float(weight.std()) / math.sqrt(len(weight))
    if abs(mean - 1.0) > max(0.01, OFF * error):
        said.append(
            f"the mean weight is {mean:.3f}, not 1: the log does not cover the policy, or its chances are wrong"
        )
    return Diagnosis(len(weight), effective, float((weight > 0).mean()), largest, heaviest, mean, tuple(said))
