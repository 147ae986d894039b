"""From a question and a record to an answer: what serving and replay have in common. No clock, no chance, no disk."""

from typing import NamedTuple

from nba.v1 import decision_pb2

from engine.customer.formats import decode
from engine.customer.view import Sent, view
from engine.decide.needs import Needs
from engine.decide.pipeline import Effort, Evaluation, decide
from engine.decide.request import CustomerView, Request
from engine.serve.wire import Reader, write_response


class Question(NamedTuple):
    """A request as it was read.

    Args:
        request: what is asked.
        sent: what the caller said of the customer.
        explain: how much explanation.
        drawn: the random bits that name the decision, and seed it where the caller sent no seed.
        at_ms: when it was asked.
    """

    request: Request
    sent: Sent
    explain: int
    drawn: int
    at_ms: int


def read_question(reader: Reader, message: decision_pb2.DecideRequest, now_ms: int, drawn: int) -> Question:
    """Read a request.

    Args:
        reader: against the snapshot that will decide.
        message: the request.
        now_ms: stands in where the caller named no moment.
        drawn: 64 random bits.

    Raises:
        FieldError: naming the bad field.
    """
    request = reader.request(message, now_ms, drawn)
    return Question(request, reader.customer(message.customer, request.now_ms), message.explain, drawn, now_ms)


def seen(reader: Reader, question: Question, packed: bytes | None, needs: Needs) -> CustomerView:
    """The customer as the decision sees them; raises what `answer` raises.

    Args:
        needs: of the reader's snapshot, or more.
    """
    stored = None if packed is None else reader.fitting(decode(packed))
    return view(stored, question.sent, needs, question.request.now_ms)


def answer(
    reader: Reader, question: Question, packed: bytes | None, effort: Effort
) -> tuple[Evaluation, decision_pb2.DecideResponse]:
    """Decide: the same arguments give the same reply to the byte.

    Args:
        reader: as for the question.
        question: what is asked.
        packed: the customer's record as it is stored; None when there is none.
        effort: what there is time for.

    Raises:
        RecordError: when the record cannot be read.
    """
    customer = seen(reader, question, packed, reader.snapshot.needs(question.request))
    evaluation = decide(reader.snapshot, customer, question.request, effort)
    return evaluation, write_response(evaluation, question.request, question.explain, f"{question.drawn:016x}")
