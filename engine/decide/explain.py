"""Words from evidence: the funnel, and every reason a row was held back."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from engine.decide.gates import STAGES, STANDING
from engine.decide.pipeline import Evaluation


@dataclass(frozen=True)
class Reason:
    """Why a row was held back; at level summary, how many rows one gate holds back."""

    kind: str
    gate: str
    text: str
    action_key: str = ""
    channel: str = ""
    rows: int = 1


def funnel(evaluation: Evaluation) -> list[tuple[str, int]]:
    """Rows left after each stage, in the order of the stages."""
    lost = np.bincount(evaluation.lost_at[evaluation.asked], minlength=STANDING + 1)
    left = int(lost.sum()) - np.cumsum(lost[:STANDING])
    ranked = sum(len(ranking) for ranking in evaluation.rankings)
    stages = zip(STAGES, map(int, left), strict=True)
    return [("rows", int(lost.sum())), *stages, ("ranked", ranked)]


def summary(evaluation: Evaluation) -> list[Reason]:
    """How many asked rows each gate holds back; gates that hold none are left out."""
    gates = evaluation.snapshot.gates
    rows = Counter(gate for _, gate in gates.blockers(evaluation.passed, evaluation.asked))
    named = [(gates.gates[index], rows[index]) for index in sorted(rows)]
    return [Reason(gate.stage, gate.name, gate.text, rows=count) for gate, count in named]


def full(evaluation: Evaluation) -> list[Reason]:
    """Every gate that holds each asked row back: all reasons, not the first."""
    gates, catalogue = evaluation.snapshot.gates, evaluation.snapshot.catalogue
    actions, channels = catalogue.names("action"), catalogue.names("channel")
    pairs = gates.blockers(evaluation.passed, evaluation.asked)
    named = ((row, gates.gates[index]) for row, index in pairs)
    return [Reason(gate.stage, gate.name, gate.text, actions[row], channels[row]) for row, gate in named]
