"""Words from evidence: the funnel, and every reason a row was held back."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.decide.gates import STAGES, STANDING, Gate
from engine.decide.pipeline import Evaluation
from engine.decide.request import Scalar


@dataclass(frozen=True)
class Reason:
    """Why a row was held back; at level summary, how many rows one gate holds back."""

    kind: str
    gate: str
    text: str
    action_key: str = ""
    channel: str = ""
    rows: int = 1
    saw: Mapping[str, Scalar] = field(default_factory=dict)


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
    return [Reason(gate.stage, gate.name, gate.words(evaluation.moment), rows=count) for gate, count in named]


def full(evaluation: Evaluation) -> list[Reason]:
    """Every gate that holds each asked row back, and what it saw: all reasons, not the first."""
    gates, catalogue = evaluation.snapshot.gates, evaluation.snapshot.catalogue
    actions, channels = catalogue.names("action"), catalogue.names("channel")
    words: dict[int, str] = {}
    made = []
    for row, index in gates.blockers(evaluation.passed, evaluation.asked):
        gate = gates.gates[index]
        if index not in words:
            words[index] = gate.words(evaluation.moment)
        seen = _seen(evaluation, gate, row) if gate.reads else {}
        made.append(Reason(gate.stage, gate.name, words[index], actions[row], channels[row], saw=seen))
    return made


def _seen(evaluation: Evaluation, gate: Gate, row: int) -> dict[str, Scalar]:
    """The values that a rule looked at; what is missing is left out."""
    moment, plain = evaluation.moment, evaluation.snapshot.catalogue.plain
    worlds = {"customer": moment.facts, "request": moment.request.context}
    found = {}
    for name in sorted(gate.reads):
        world, _, own = name.partition(".")
        value = plain[own][row] if world == "action" else worlds[world].get(own)
        if value is not None:
            found[name] = value
    return found
