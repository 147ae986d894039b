"""Off-policy evaluation: what another policy would have earned, from what this one chose, with which chance.

Start at `evaluate.py`. Everything is a pure function of arrays; N choices, A actions, K ranks.
"""

from training.ope.diagnosis import Diagnosis, diagnose
from training.ope.estimators import ESTIMATORS, Log, Target, Terms, estimate
from training.ope.evaluate import Judgement, compare, evaluate
from training.ope.intervals import Interval, anytime, bernstein, bootstrap
from training.ope.rankings import RankedLog, cascade_dr, iips, rips

__all__ = [
    "ESTIMATORS", "Diagnosis", "Interval", "Judgement", "Log", "RankedLog", "Target", "Terms",
    "anytime", "bernstein", "bootstrap", "cascade_dr", "compare", "diagnose", "estimate", "evaluate", "iips", "rips",
]  # fmt: skip
