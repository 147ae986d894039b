"""Decisions of the past, decided again by what serves."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

from google.protobuf.message import DecodeError
from nba.v1 import decision_pb2

from engine.customer.checks import FieldError
from engine.customer.formats import decode
from engine.customer.record import Record, RecordError
from engine.decide.pipeline import Effort, Evaluation
from engine.decide.snapshot import Snapshot
from engine.journal.entries import CustomerRecord, Decision, Published, Reserving
from engine.journal.parts import Part
from engine.serve.answer import Question, decided, read_question, written
from engine.serve.limits import Limits
from engine.serve.past.archive import Archive, ArchiveError
from engine.serve.reserving import silent
from engine.serve.wire import Reader
from models import NOTHING, ModelError, unpack

SNAPSHOTS = 32  # compiled ones that are held, each with what outcomes had taught
# What was decided once is decided again, whatever the limits were.
NO_LIMITS = Limits(**{field.name: 1 << 62 for field in fields(Limits) if field.name != "earliest_ms"})


class NotReplayableError(ValueError):
    """A decision that cannot be made again; says why."""


class Recorded(NamedTuple):
    """One decision of the past.

    Args:
        entry: as the journal has it.
        message: what was asked.
        reply: what was answered.
        packed: the customer's record as it was read; None when there was none.
    """

    entry: Decision
    message: decision_pb2.DecideRequest
    reply: decision_pb2.DecideResponse
    packed: bytes | None

    @property
    def effort(self) -> Effort:
        """What there was time for; format 1 says it only in the reply."""
        if self.entry.format > 1:
            return Effort[self.entry.effort]
        return next((effort for effort in Effort if effort.value in self.reply.degraded), Effort.FULL)

    def again(self, reader: Reader) -> tuple[Evaluation, decision_pb2.DecideResponse]:
        """Decide what was asked then against some snapshot.

        Raises:
            NotReplayableError: when that snapshot cannot read the question or the record.
        """
        try:
            question, done = self.question(reader), self.reserving
            evaluation = decided(reader, question, self.stored, self.effort, done.others)
            if done.refused:
                evaluation = silent(evaluation)
                return evaluation, written(evaluation, question, refused=done.refused)
            return evaluation, written(evaluation, question, done.until_ms)
        except (FieldError, RecordError, KeyError) as error:
            raise NotReplayableError(str(error)) from error

    @property
    def reserving(self) -> Reserving:
        """What reservations did."""
        return self.entry.reserving or Reserving()

    @property
    def stored(self) -> Record | None:
        """The customer's record.

        Raises:
            RecordError: when it cannot be read.
        """
        return None if self.packed is None else decode(self.packed)

    def question(self, reader: Reader) -> Question:
        """What was asked then, as a snapshot reads it.

        Raises:
            FieldError: when it cannot.
        """
        question = read_question(reader, self.message, self.entry.now_ms, int(self.reply.decision_id, 16))
        return question.reserved_as(self.reserving.asks)

    def came_out_as(self, reply: decision_pb2.DecideResponse) -> bool:
        """Whether it is the reply that was given, to the byte."""
        packed = reply.SerializeToString(deterministic=True)
        # Format 1 wrote maps in any order: what it holds is compared as it would be written today.
        return packed == self.entry.reply or (
            self.entry.format == 1 and packed == self.reply.SerializeToString(deterministic=True)
        )


class Past:
    """What deciding again needs: snapshots by their versions, what outcomes had taught, and customers' records.

    Args:
        state: the server's.
        journal: all of its journal.
    """

    def __init__(self, state: Path, journal: Sequence[Part]) -> None:
        self._archive, self._journal = Archive(state), journal
        self._snapshots: dict[str, Snapshot | str] = {}
        self._readers: OrderedDict[tuple[str, str], Reader] = OrderedDict()
        self._publisher: dict[str, Part] | None = None
        self._published: dict[str, bytes] = {}
        self._elsewhere: dict[bytes, bytes] | None = None

    def decisions(self, part: Part) -> Iterator[tuple[Decision, Mapping[bytes, bytes]]]:
        """Each decision of a part, and the records that stand before it."""
        records: dict[bytes, bytes] = {}
        for entry in part.entries("record", "decision"):
            if isinstance(entry, CustomerRecord):
                records[entry.name] = entry.packed
            elif isinstance(entry, Decision):
                yield entry, records

    def recorded(self, entry: Decision, records: Mapping[bytes, bytes]) -> Recorded:
        """A decision with all that was known when it was made.

        Raises:
            NotReplayableError: when what it needs is not there any more.
        """
        try:
            message = decision_pb2.DecideRequest.FromString(entry.request)
            reply = decision_pb2.DecideResponse.FromString(entry.reply)
        except DecodeError as error:
            raise NotReplayableError(f"its entry is damaged: {error}") from error
        return Recorded(entry, message, reply, self._packed(entry, message.customer.id, records))

    def _packed(self, entry: Decision, customer_id: str, records: Mapping[bytes, bytes]) -> bytes | None:
        if not customer_id or (not entry.record and entry.format > 1):
            return None
        if not entry.record:
            raise NotReplayableError("its entry is of format 1, which names no customer record")
        found = records.get(entry.record) or self._everywhere().get(entry.record)
        if found is None:
            raise NotReplayableError("its customer's record is not in the journal")
        return found

    def decider(self, recorded: Recorded) -> Reader:
        """A reader against what decided then: the snapshot, and what outcomes had taught.

        Raises:
            NotReplayableError: when either cannot be had.
        """
        return self.reader(recorded.reply.snapshot_version, recorded.reply.adaptive_version)

    def _everywhere(self) -> Mapping[bytes, bytes]:
        """Every record: a decision that was spilled, or that began in the segment before, has its own elsewhere."""
        if self._elsewhere is None:
            every = (entry for part in self._journal for entry in part.entries("record"))
            self._elsewhere = {each.name: each.packed for each in every if isinstance(each, CustomerRecord)}
        return self._elsewhere

    def reader(self, snapshot: str, adaptive: str) -> Reader:
        """A reader against a snapshot of the past with what outcomes had taught; without limits.

        Raises:
            NotReplayableError: when either cannot be had.
        """
        key = snapshot, adaptive
        if key not in self._readers:
            self._readers[key] = Reader(self.taught(self._snapshot(snapshot), adaptive), NO_LIMITS)
            if len(self._readers) > SNAPSHOTS:
                self._readers.popitem(last=False)
        return self._readers[key]

    def _snapshot(self, version: str) -> Snapshot:
        if version not in self._snapshots:
            try:
                self._snapshots[version] = self._archive.load(version)
            except ArchiveError as error:
                self._snapshots[version] = str(error)
        found = self._snapshots[version]
        if isinstance(found, str):
            raise NotReplayableError(found)
        return found

    def taught(self, snapshot: Snapshot, version: str) -> Snapshot:
        """A snapshot with a version of what outcomes had taught.

        Raises:
            NotReplayableError: when the journal has no such version.
        """
        if not version:
            return snapshot.taught(NOTHING)
        learned = self._learned(version)
        if learned is None:
            raise NotReplayableError(f"what outcomes had taught by {version} is not in the journal")
        try:
            return snapshot.taught(unpack(learned))
        except ModelError as error:
            raise NotReplayableError(f"what outcomes had taught by {version}: {error}") from error

    def _learned(self, version: str) -> bytes | None:
        if self._publisher is None:
            self._publisher = {each: part for part in self._journal for each in _published(part)}
        if version not in self._published and version in self._publisher:
            self._published = _published(self._publisher[version])  # one segment's: 64 MiB at most
        return self._published.get(version)


def _published(part: Part) -> dict[str, bytes]:
    """Version -> what outcomes had taught, of one part."""
    every = part.entries("adaptive")
    return {entry.version: entry.learned for entry in every if isinstance(entry, Published)}
