"""Words from evidence: the funnel, and every reason a row was held back."""

import operator
from collections import Counter
from collections.abc import Mapping
from itertools import accumulate

import msgspec
import numpy as np

from engine.decide.catalogue import Rows
from engine.decide.gates import STAGES, STANDING, Gate, said
from engine.decide.pipeline import Evaluation
from engine.decide.request import Scalar
from engine.decide.valuation import FACTORS

ARBITRATION = "arbitration"  # the stage of a candidate whose priority is no finite number


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


UNWEIGHED = Reason(
    ARBITRATION,
    "no priority",
    "its priority is no finite number",
    change="a model, value and formula that give it one",
)


def funnel(evaluation: Evaluation) -> list[tuple[str, int]]:
    """Rows left after each stage, in the order of the stages; then those with a priority, and those ranked."""
    lost = np.bincount(evaluation.lost_at[evaluation.asked], minlength=STANDING + 1).tolist()
    left = accumulate(lost[:STANDING], operator.sub, initial=sum(lost))
    weighed = int(np.count_nonzero(np.isfinite(evaluation.priority)))
    ranked = sum(len(ranking) for ranking in evaluation.rankings)
    return [*zip(("rows", *STAGES, ARBITRATION, "ranked"), (*left, weighed, ranked), strict=True)]


def summary(evaluation: Evaluation) -> list[Reason]:
    """How many asked rows each gate, or arbitration, holds back; what holds none is left out."""
    gates = evaluation.snapshot.gates
    rows = Counter(gate for _, gate in gates.blockers(evaluation.passed, evaluation.asked))
    named = [(gates.gates[index], rows[index]) for index in sorted(rows)]
    made = [Reason(gate.stage, gate.name, said(gate.text, evaluation.moment), rows=count) for gate, count in named]
    unweighed = _unweighed(evaluation)
    return [*made, msgspec.structs.replace(UNWEIGHED, rows=len(unweighed))] if len(unweighed) else made


def full(evaluation: Evaluation) -> list[Reason]:
    """Everything that holds each asked row back, and what it saw: all reasons, not the first."""
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
    for at in _unweighed(evaluation):
        row, seen = evaluation.candidates[at], {name: float(getattr(evaluation.factors, name)[at]) for name in FACTORS}
        made.append(msgspec.structs.replace(UNWEIGHED, action_key=actions[row], channel=channels[row], saw=seen))
    return made


def _unweighed(evaluation: Evaluation) -> Rows:
    """intp[n]: positions of the candidates without a priority."""
    return np.flatnonzero(~np.isfinite(evaluation.priority))


def what_if(evaluation: Evaluation) -> list[Reason]:
    """The rows that one single change would let through, and the change: those that one reason alone holds back."""
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
