"""Words from evidence: the funnel, and every reason a row was held back."""

from collections import Counter
from collections.abc import Mapping

import msgspec
import numpy as np

from engine.decide.gates import STAGES, STANDING, Gate, said
from engine.decide.pipeline import Evaluation
from engine.decide.request import Scalar


class Reason(msgspec.Struct, frozen=True):
    """Why a row was held back; at level summary, how many rows one gate holds back."""

    kind: str
    gate: str
    text: str
    action_key: str = ""
    channel: str = ""
    rows: int = 1
    saw: Mapping[str, Scalar] = {}
    change: str = ""


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
    return [Reason(gate.stage, gate.name, said(gate.text, evaluation.moment), rows=count) for gate, count in named]


def full(evaluation: Evaluation) -> list[Reason]:
    """Every gate that holds each asked row back, and what it saw: all reasons, not the first."""
    gates, catalogue = evaluation.snapshot.gates, evaluation.snapshot.catalogue
    actions, channels = catalogue.names("action"), catalogue.names("channel")
    words: dict[int, tuple[str, str]] = {}
    made = []
    for row, index in gates.blockers(evaluation.passed, evaluation.asked):
        gate = gates.gates[index]
        if index not in words:
            words[index] = said(gate.text, evaluation.moment), said(gate.change, evaluation.moment)
        seen = _seen(evaluation, gate, row) if gate.reads else {}
        text, change = words[index]
        made.append(Reason(gate.stage, gate.name, text, actions[row], channels[row], saw=seen, change=change))
    return made


def what_if(evaluation: Evaluation) -> list[Reason]:
    """The rows that one single change would let through, and the change: those that one gate alone holds back."""
    reasons = full(evaluation)
    blockers = Counter((reason.action_key, reason.channel) for reason in reasons)
    return [reason for reason in reasons if blockers[reason.action_key, reason.channel] == 1]


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
