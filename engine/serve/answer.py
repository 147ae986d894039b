"""From a question and a record to an answer: what serving and replay have in common. No clock, no chance, no disk."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from nba.v1 import decision_pb2

from engine.customer.record import Record
from engine.customer.view import Sent, view
from engine.decide.needs import Needs
from engine.decide.pipeline import Effort, Evaluation, decide
from engine.decide.request import Contact, CustomerView, Request
from engine.serve.wire import Reader, write_reserved, write_response

Others = Sequence[Contact] | None  # promised to other decisions; None where they are of another moment


class Question(NamedTuple):
    """A request as it was read.

    Args:
        request: what is asked.
        sent: what the caller said of the customer.
        explain: how much explanation.
        drawn: the random bits that name the decision, and seed it where the caller sent no seed.
        at_ms: when it was asked.
        heeds: whether what is reserved for others counts: it says nothing of another moment than now.
    """

    request: Request
    sent: Sent
    explain: int
    drawn: int
    at_ms: int
    heeds: bool = False

    @property
    def decision_id(self) -> str:
        """The id of the decision that answers it."""
        return f"{self.drawn:016x}"

    @property
    def reserving(self) -> list[bool]:
        """For each ask, whether what it ranks is reserved; empty when none is."""
        asks = [ask.reserve for ask in self.request.asks]
        return asks if any(asks) else []

    def reserved_as(self, asks: Sequence[bool]) -> "Question":
        """The same, with what each ask reserves; nothing at all where none is said."""
        own = zip(self.request.asks, asks or [False] * len(self.request.asks), strict=True)
        request = replace(self.request, asks=tuple(replace(ask, reserve=reserve) for ask, reserve in own))
        return self._replace(request=request)


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
    sent = reader.customer(message.customer, request.now_ms)
    heeds = not reader.simulated(message, now_ms) or any(ask.reserve for ask in request.asks)
    return Question(request, sent, message.explain, drawn, now_ms, heeds)


def seen(reader: Reader, question: Question, stored: Record | None, needs: Needs, others: Others) -> CustomerView:
    """The customer as the decision sees them.

    Args:
        reader: as for the question.
        question: what is asked.
        stored: the customer's record; None when there is none.
        needs: of the reader's snapshot, or more.
        others: contacts promised to other decisions.
    """
    return view(reader.fitting(stored), question.sent, needs, question.request.now_ms, others)


def decided(reader: Reader, question: Question, stored: Record | None, effort: Effort, others: Others) -> Evaluation:
    """Decide: the same arguments give the same evaluation, and `written` the same reply, to the byte."""
    customer = seen(reader, question, stored, reader.snapshot.needs(question.request), others)
    return decide(reader.snapshot, customer, question.request, effort)


def written(
    evaluation: Evaluation, question: Question, until_ms: int = 0, refused: str = ""
) -> decision_pb2.DecideResponse:
    """The reply.

    Args:
        evaluation: what was decided.
        question: what was asked.
        until_ms: how long what is ranked is reserved; 0 when nothing is.
        refused: why a reserving channel stays silent; empty usually.
    """
    reply = write_response(evaluation, question.request, question.explain, question.decision_id)
    write_reserved(reply, question.request, until_ms, refused)
    return reply
