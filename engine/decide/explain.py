"""Words from evidence: the funnel, and every reason a row was held back."""

from dataclasses import dataclass

import numpy as np

from engine.decide.gates import STAGES
from engine.decide.pipeline import Evaluation


@dataclass(frozen=True)
class Reason:
    """Why a row was held back; at level summary, how many rows one gate removed."""

    kind: str
    gate: str
    text: str
    action_key: str = ""
    channel: str = ""
    rows: int = 1


def funnel(evaluation: Evaluation) -> list[tuple[str, int]]:
    """Rows left after each stage, in the order of the stages."""
    standing = evaluation.asked.copy()
    counts = [("rows", int(standing.sum()))]
    for stage in STAGES:
        of_stage = [gate.stage == stage for gate in evaluation.snapshot.gates.gates]
        standing &= evaluation.passed[of_stage].all(axis=0)
        counts.append((stage, int(standing.sum())))
    return [*counts, ("ranked", sum(len(ranking) for ranking in evaluation.rankings))]


def summary(evaluation: Evaluation) -> list[Reason]:
    """How many asked rows each gate blocks; gates that block none are left out."""
    blocked = (~evaluation.passed & evaluation.asked).sum(axis=1)
    gates = evaluation.snapshot.gates.gates
    return [Reason(g.stage, g.name, g.text, rows=int(n)) for g, n in zip(gates, blocked, strict=True) if n]


def full(evaluation: Evaluation) -> list[Reason]:
    """Every gate that blocks each asked row: all reasons, not the first."""
    gates, catalogue = evaluation.snapshot.gates.gates, evaluation.snapshot.catalogue
    actions, channels = catalogue.names("action"), catalogue.names("channel")
    rows, blockers = np.nonzero((~evaluation.passed & evaluation.asked).T)
    return [
        Reason(gate.stage, gate.name, gate.text, str(actions[row]), str(channels[row]))
        for row, gate in ((row, gates[index]) for row, index in zip(rows, blockers, strict=True))
    ]
