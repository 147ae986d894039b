"""The three services: the imperative shell around one decision."""

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import BoundedSemaphore
from time import perf_counter_ns

import grpc
from nba.v1 import customer_pb2, decision_pb2, interaction_pb2

from engine.customer.as_of import AsOf
from engine.customer.checks import FieldError
from engine.customer.record import Interaction, Record
from engine.customer.values import values
from engine.decide.pipeline import Effort, Evaluation
from engine.decide.snapshot import Snapshot
from engine.journal.deadletters import DeadLetters
from engine.journal.protocol import Journal
from engine.serve.answer import decided, read_question, written
from engine.serve.entry import entry_of
from engine.serve.limits import Limits
from engine.serve.metrics import Metrics
from engine.serve.reserving import Asking, kept, reserved
from engine.serve.shadow import Shadows
from engine.serve.watches import Watches
from engine.serve.wire import Reader, write_record
from engine.store.protocol import Store
from engine.store.reservation import Held
from engine.store.taking import take

MODEL_MS = 2.0  # below this much time left, the prior scores: a usual model takes under 1 ms
PRIOR_MS = 0.5  # below this, only each channel's fallback action is considered
ERASED = "(erased)"  # for whom everybody is decided who was erased
STREAMS = 2  # open at once in a worker: each holds one of its four threads, and decisions need the others


class Holder:
    """The snapshot in force; swapped whole, read once per request."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.current = snapshot


class Shell:
    """What the services share: snapshot, store, journal, limits, ids.

    Args:
        holder: the snapshot in force.
        store: where records live.
        journal: where decisions go.
        draw: returns 64 random bits, for ids and seeds.
        limits: of every request.
    """

    def __init__(self, holder: Holder, store: Store, journal: Journal, draw: Callable[[], int], limits: Limits) -> None:
        self.holder, self.store, self.journal, self.draw = holder, store, journal, draw
        self.limits = limits
        self.shadows = Shadows(journal)
        self.watches = Watches(store)

    def reader(self) -> Reader:
        """A reader against the snapshot in force."""
        return Reader(self.holder.current, self.limits)

    def close(self) -> None:
        """Write what waits, and release everything."""
        self.shadows.close()
        self.journal.close()
        self.store.close()


def now_ms() -> int:
    """The machine's clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


class DecisionService:
    """`Decide` and `Release`.

    Args:
        shell: what the services share.
        metrics: where decisions are counted.
    """

    def __init__(self, shell: Shell, metrics: Metrics) -> None:
        self.shell, self.metrics = shell, metrics

    def Decide(  # noqa: N802  the contract's name
        self, message: decision_pb2.DecideRequest, context: grpc.ServicerContext
    ) -> decision_pb2.DecideResponse:
        """Rank the next actions per channel."""
        shell, laps_ns = self.shell, [perf_counter_ns()]
        reader = shell.reader()
        question = read_question(reader, message, now_ms(), shell.draw())
        laps_ns.append(perf_counter_ns())

        def decide(held: Held) -> Evaluation:
            nonlocal question
            name = question.sent.customer_id
            if name and held.record is None and shell.store.erased(name):
                question = read_question(reader, _unnamed(message), question.at_ms, question.drawn)
            _known(held.record, message, context)
            effort = effort_for(message.budget_ms, context.time_remaining())
            return decided(reader, question, held.record, effort, held.reserved if question.heeds else None)

        asking = Asking(
            question.sent.customer_id,
            question.decision_id,
            message.reserve_s,
            decide,
            lambda: bool(context.is_active()),
        )
        taken = reserved(shell.store, asking)
        laps_ns.append(perf_counter_ns())
        with kept(shell.store, asking, taken):
            until_ms = question.at_ms + asking.seconds * 1000 if taken.contacts else 0
            reply = written(taken.evaluation, question, until_ms, taken.refused)
            laps_ns.append(perf_counter_ns())
            record = shell.journal.record(taken.held.packed) if taken.held.packed else b""
            shell.journal.offer(entry_of(question, taken, record, (message, reply)))
            shell.shadows.offer(reply.decision_id, taken.evaluation)
        laps_ns.append(perf_counter_ns())
        self.metrics.decided(laps_ns, reply, taken.evaluation.effort)
        return reply

    def Release(  # noqa: N802  the contract's name
        self,
        request: decision_pb2.ReleaseRequest,
        context: grpc.ServicerContext,  # noqa: ARG002  as gRPC calls it
    ) -> decision_pb2.ReleaseResponse:
        """Give back what a decision reserved."""
        reader = self.shell.reader()
        customer_id = reader.name("customer_id", request.customer_id)
        decision_id = reader.name("decision_id", request.decision_id)
        return decision_pb2.ReleaseResponse(released=self.shell.store.release(customer_id, decision_id))


def _known(record: Record | None, message: decision_pb2.DecideRequest, context: grpc.ServicerContext) -> None:
    """End the call when the record is older than the caller knows it to be."""
    found = record.revision if record else 0
    if found < message.min_revision:
        words = f"the record of '{message.customer.id}' is at revision {found}, min_revision is {message.min_revision}"
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{words}; ask again, or where that consent was set")


def _unnamed(message: decision_pb2.DecideRequest) -> decision_pb2.DecideRequest:
    """Asked for somebody unknown instead, so that the journal says nothing of a person who was erased."""
    message.customer.Clear()
    message.customer.id = ERASED
    return message


def effort_for(budget_ms: int, left_s: float | None) -> Effort:
    """What there is time for.

    Args:
        budget_ms: what the caller allows; 0 means any time.
        left_s: until the call's deadline; None when it has none.
    """
    left_ms = min(budget_ms or math.inf, math.inf if left_s is None else left_s * 1000)
    if left_ms >= MODEL_MS:
        return Effort.FULL
    return Effort.PRIOR if left_ms >= PRIOR_MS else Effort.FALLBACK


class InteractionService:
    """`Record` and `RecordStream`.

    Args:
        shell: what the services share.
        letters: where what cannot be taken is kept.
    """

    def __init__(self, shell: Shell, letters: DeadLetters) -> None:
        self.shell, self.letters = shell, letters
        self._streams = BoundedSemaphore(STREAMS)

    def Record(  # noqa: N802  the contract's name
        self,
        request: interaction_pb2.RecordRequest,
        context: grpc.ServicerContext,  # noqa: ARG002  as gRPC calls it
    ) -> interaction_pb2.RecordResponse:
        """Record a batch; each item gets its own answer."""
        return interaction_pb2.RecordResponse(results=self._take(request.interactions))

    def RecordStream(  # noqa: N802  the contract's name
        self, requests: Iterable[interaction_pb2.RecordStreamRequest], context: grpc.ServicerContext
    ) -> interaction_pb2.RecordStreamResponse:
        """Record batch after batch; counts them all."""
        if not self._streams.acquire(blocking=False):
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{STREAMS} streams are open here; send again in a while")
        reply = interaction_pb2.RecordStreamResponse()
        try:
            for request in requests:
                _add(reply, self._take(request.interactions), self.shell.limits.interactions)
        finally:
            self._streams.release()
        return reply

    def _take(self, items: Sequence[interaction_pb2.Interaction]) -> list[interaction_pb2.RecordResult]:
        reader = self.shell.reader()
        reader.count("interactions", len(items), self.shell.limits.interactions)
        read = [_read(reader, index, item) for index, item in enumerate(items)]
        results = take(self.shell.store, read, self.shell.limits.names)
        for item, result in zip(items, results, strict=True):
            if isinstance(result, FieldError):
                raw = json.dumps({field.name: value for field, value in item.ListFields()})
                self.letters.add("Record", str(result)[:1000], raw, now_ms())
        return [_result(item.key[:128], result) for item, result in zip(items, results, strict=True)]


def _read(reader: Reader, index: int, item: interaction_pb2.Interaction) -> Interaction | FieldError:
    try:
        return reader.reported(f"interactions[{index}]", item, now_ms())
    except FieldError as error:
        return error


def _result(key: str, result: str | FieldError) -> interaction_pb2.RecordResult:
    if isinstance(result, FieldError):
        status = interaction_pb2.RECORD_STATUS_REJECTED
        return interaction_pb2.RecordResult(key=key, status=status, reason=str(result)[:1000])
    return interaction_pb2.RecordResult(key=key, status=f"RECORD_STATUS_{result.upper()}")


def _add(reply: interaction_pb2.RecordStreamResponse, results: list[interaction_pb2.RecordResult], most: int) -> None:
    """Count one batch's results, and keep the rejected ones while there is room."""
    statuses = [result.status for result in results]
    reply.recorded += statuses.count(interaction_pb2.RECORD_STATUS_RECORDED)
    reply.duplicates += statuses.count(interaction_pb2.RECORD_STATUS_DUPLICATE)
    reply.rejected += statuses.count(interaction_pb2.RECORD_STATUS_REJECTED)
    rejected = [result for result in results if result.status == interaction_pb2.RECORD_STATUS_REJECTED]
    reply.rejections.extend(rejected[: most - len(reply.rejections)])


class CustomerService:
    """`Get`, `Watch`, `SetConsent`, `SetPreferences` and `Link`."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def Get(  # noqa: N802  the contract's name
        self, request: customer_pb2.GetRequest, context: grpc.ServicerContext
    ) -> customer_pb2.GetResponse:
        """The record as it stands."""
        customer_id = self.shell.reader().name("customer_id", request.customer_id)
        record = self.shell.store.load(customer_id)
        if record is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no customer '{customer_id}'")
            raise AssertionError  # abort always raises
        return self._written(record)

    def Watch(  # noqa: N802  the contract's name
        self, request: customer_pb2.WatchRequest, context: grpc.ServicerContext
    ) -> Iterator[customer_pb2.WatchResponse]:
        """The record as it stands, and again after every change."""
        customer_id = self.shell.reader().name("customer_id", request.customer_id)
        for record in self.shell.watches.records(customer_id, context):
            yield customer_pb2.WatchResponse(record=self._written(record))

    def _written(self, record: Record) -> customer_pb2.GetResponse:
        return write_record(record, values(AsOf(record, now_ms(), self.shell.holder.current.bundle.derived)))

    def SetConsent(  # noqa: N802  the contract's name
        self,
        request: customer_pb2.SetConsentRequest,
        context: grpc.ServicerContext,  # noqa: ARG002  as gRPC calls it
    ) -> customer_pb2.SetConsentResponse:
        """Change one consent, durably."""
        reader = self.shell.reader()
        customer_id = reader.id("customer_id", request.customer_id)
        consent = reader.statement("consent", request.consent, now_ms())
        revision = self.shell.store.set_consent(customer_id, consent, now=not request.consent.at_ms)
        return customer_pb2.SetConsentResponse(revision=revision)

    def SetPreferences(  # noqa: N802  the contract's name
        self,
        request: customer_pb2.SetPreferencesRequest,
        context: grpc.ServicerContext,  # noqa: ARG002  as gRPC calls it
    ) -> customer_pb2.SetPreferencesResponse:
        """Set the customer's own rules, durably."""
        reader = self.shell.reader()
        customer_id = reader.id("customer_id", request.customer_id)
        asked = reader.preferences("preferences", request.preferences, now_ms())
        return customer_pb2.SetPreferencesResponse(
            revision=self.shell.store.set_preferences(customer_id, asked, now_ms())
        )

    def Link(  # noqa: N802  the contract's name
        self,
        request: customer_pb2.LinkRequest,
        context: grpc.ServicerContext,  # noqa: ARG002  as gRPC calls it
    ) -> customer_pb2.LinkResponse:
        """Make one person of several ids, durably."""
        record = self.shell.store.link(self.shell.reader().linked(request, now_ms()))
        return customer_pb2.LinkResponse(customer_id=record.customer_id, revision=record.revision, ids=record.ids)
