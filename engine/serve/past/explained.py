"""`nba explain DECISION_ID`: any decision of the past, with every reason, made again."""

from pathlib import Path

from nba.v1 import decision_pb2

from engine.journal.entries import CustomerRecord
from engine.journal.parts import Part, parts
from engine.serve.past.redecide import NotReplayableError, Past, Recorded


def explained(state: Path, decision_id: str, level: decision_pb2.ExplainLevel) -> decision_pb2.DecideResponse:
    """One decision as it was made, with as many words as asked for.

    Args:
        state: the server's.
        decision_id: 16 hex digits.
        level: an ExplainLevel.

    Raises:
        ValueError: when it is not in the journal, cannot be made again, or comes out otherwise than it was answered.
    """
    journal = parts(state / "journal")
    past, recorded = Past(state, journal), None
    for part in journal:
        recorded = recorded or _found(past, part, decision_id)
    if recorded is None:
        raise NotReplayableError(f"no decision '{decision_id}' in the journal of {state}")
    reader = past.decider(recorded)
    _, again = recorded.again(reader)
    if not recorded.came_out_as(again):
        raise NotReplayableError(f"decision {decision_id} comes out differently now; `nba replay` compares them all")
    recorded.message.explain = level
    return recorded.again(reader)[1]


def _found(past: Past, part: Part, decision_id: str) -> Recorded | None:
    entry = part.decision(decision_id)
    if entry is None:
        return None
    every = part.entries("record")
    records = {each.name: each.packed for each in every if isinstance(each, CustomerRecord)}
    return past.recorded(entry, records)
