"""A decision as the journal keeps it."""

from google.protobuf.message import Message
from nba.v1 import decision_pb2

from engine.decide.pipeline import Effort
from engine.journal.entries import FORMAT, Decision, Reserving, pack
from engine.serve.answer import Question
from engine.serve.reserving import Taken


def entry_of(
    question: Question, taken: Taken, record: bytes, said: tuple[Message, decision_pb2.DecideResponse]
) -> bytes:
    """All that deciding it again needs beside its snapshot, packed.

    Args:
        question: as it was read.
        taken: what was decided, and reserved.
        record: the name of the customer's record; empty when there was none.
        said: request and reply.
    """
    (message, answer), asked, evaluation = said, question.request, taken.evaluation
    # Only a trace holds maps, which come in any order unless one is asked for.
    traced = question.explain > decision_pb2.EXPLAIN_LEVEL_NONE
    reply = answer.SerializeToString(deterministic=True) if traced else answer.SerializeToString()
    entry = Decision(
        message.SerializeToString(),
        reply,
        asked.now_ms,
        asked.seed,
        FORMAT,
        record,
        evaluation.effort.name,
        question.at_ms,
    )
    if question.heeds:
        until_ms = max((channel.reserved_until_ms for channel in answer.channels), default=0)
        entry.reserving = Reserving([*taken.held.reserved], question.reserving, until_ms, taken.refused)
    if evaluation.snapshot.bundle.lineup.online and evaluation.effort is Effort.FULL:
        entry.read = evaluation.snapshot.scoring.read(evaluation.moment, evaluation.scored)
    return pack(entry)
