"""The learner: a process of its own that joins outcomes with decisions and publishes what they teach."""

import fcntl
import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

import msgspec
import structlog
from google.protobuf.message import DecodeError
from nba.v1 import decision_pb2

from engine.customer.record import Interaction
from engine.decide.adaptive import Adaptivity, read_adaptive
from engine.decide.source import read_yaml
from engine.journal.entries import Published, pack
from engine.journal.protocol import Journal
from engine.journal.reading import Tail
from engine.journal.writer import SegmentJournal
from engine.serve.joiner import Joiner, Taught
from engine.serve.publication import Publication
from engine.serve.recipe import read_recipe
from engine.serve.settings import Settings
from engine.serve.signals import ANSWERING, LISTENING, RELOAD, STOP, Signals, heard, listen
from engine.serve.teaching import taught
from engine.store.open import open_store
from engine.store.protocol import Store, StoreError
from models import Learned, ModelError

EVERY_S = 1.0
BYTES_PER_S = 32_768  # a large state is published less often, so that the journal grows by 3 GB a day at most
LUMP = 1_000
ARBITRATION = "arbitration.yaml"
TURN = "learner.lock"  # of the state: whose learner holds it learns
SEGMENT = 999  # the learner's number among the journal's writers; workers count from 0
log = structlog.get_logger()


class _Decision(msgspec.Struct):
    """A decision's entry in the journal, as far as it is learned from."""

    request: bytes
    reply: bytes
    read: dict[str, tuple[str, bytes]] = {}


class Learner:
    """What was learned so far, and the places from which more comes.

    What was joined before a restart is joined again from the same places and not counted again.

    Args:
        store: whose interactions are followed.
        decisions: the journal's.
        learned: the version to go on from.
    """

    def __init__(self, store: Store, decisions: Tail, learned: Learned) -> None:
        self._store, self._decisions, self.learned = store, decisions, learned
        self._joiner, self._seen = Joiner(), 0

    def step(self, adaptivity: Adaptivity, now_ms: int) -> bool:
        """Take everything that is new, of a store that cannot answer later; true when it taught something.

        Args:
            adaptivity: as the bundle says.
            now_ms: of the version to come.
        """
        before = self.learned
        try:
            while self._step(adaptivity, now_ms) == LUMP:
                pass
        except StoreError as error:  # to die of it would be to read everything again
            log.error("the learner waits for the store", fault=str(error))
        return self.learned.states is not before.states or self.learned.online is not before.online

    def _step(self, adaptivity: Adaptivity, now_ms: int) -> int:
        # Interactions first: the decision of whatever is read here is in the journal already.
        lump = self._store.tail(self._seen, LUMP)
        for entry in self._decisions.new():
            if entry.get("kind") == "decision":
                self._decided(entry)
        if lump:
            self._seen = lump[-1][0]
            known = taught(self.learned, self._taught(lump, adaptivity), now_ms, adaptivity.half_life_ms)
            self.learned = replace(known, sequence=max(self._seen, known.sequence))
        return len(lump)

    def _decided(self, entry: Mapping[str, object]) -> None:
        try:
            decision = msgspec.convert(entry, _Decision)
            request = decision_pb2.DecideRequest.FromString(decision.request)
            self._joiner.decided(request, decision_pb2.DecideResponse.FromString(decision.reply), decision.read)
        except (DecodeError, msgspec.ValidationError) as error:
            log.error("a decision in the journal cannot be read, nothing is learned of it", fault=str(error))

    def _taught(self, lump: Iterable[tuple[int, Interaction]], adaptivity: Adaptivity) -> Iterator[Taught]:
        for number, interaction in lump:
            taught_by = [*self._joiner.happened(interaction, adaptivity.positives)]
            if number > self.learned.sequence:
                yield from taught_by


def learn(settings: Settings, supervisor: Connection) -> None:
    """Follow a server's journal and store until SIGTERM, as the recipe in force says; SIGHUP reads that again.

    Of several servers on one state one learns, or two would publish over each other; the others wait to take its place.

    Args:
        settings: the server's.
        supervisor: is told once signals are heard.
    """
    signals = listen()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the supervisor tells the learner
    supervisor.send_bytes(LISTENING)
    supervisor.send_bytes(ANSWERING)
    os.nice(10)  # decisions come first
    with (settings.state / TURN).open("wb") as turn:
        if _has(turn, signals):
            _follow(settings, signals)


def _has(turn: IO[bytes], signals: Signals) -> bool:
    """Wait for the state's turn to learn; false when told to stop. The kernel ends the turn with the process."""
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if heard(signals, EVERY_S) == STOP:
            return False


def _follow(settings: Settings, signals: Signals) -> None:
    state = settings.state
    store, journal = open_store(state), SegmentJournal(state / "journal", SEGMENT)
    publication = Publication(state / "adaptive")
    learner = Learner(store, Tail(state / "journal"), _latest(publication))
    adaptivity: Adaptivity | None = None
    unread, said, news, due_s = True, "", False, 0.0
    while said != STOP:
        if unread or said == RELOAD:
            adaptivity, unread = _read(settings.recipe, adaptivity)
        if adaptivity:
            news |= learner.step(adaptivity, time.time_ns() // 1_000_000)
        if news and time.monotonic() >= due_s:
            due_s, news = time.monotonic() + _publish(learner.learned, publication, journal), False
        said = heard(signals, EVERY_S)
    journal.close()
    store.close()


def _read(recipe: Path, before: Adaptivity | None) -> tuple[Adaptivity | None, bool]:
    """The settings in force, whatever lies in the bundle meanwhile; those before, and true, when it cannot be read."""
    try:
        text = read_recipe(recipe).texts.get(ARBITRATION, "{}")
    except (ModelError, OSError) as error:
        log.error("the learner cannot follow what is in force", fault=str(error))
        return before, True
    return read_adaptive(read_yaml(ARBITRATION, text)), False


def _latest(publication: Publication) -> Learned:
    """The version in force; with a damaged one nothing is lost: everything is counted again from the journal."""
    try:
        publication.look()
    except ModelError as error:
        log.error("what was learned cannot be read, counting again", fault=str(error))
    return publication.learned


def _publish(learned: Learned, publication: Publication, journal: Journal) -> float:
    """Journal a version, then put it in force; returns the seconds that the next one must wait."""
    journal.offer(pack(Published(learned.version, learned.packed)))
    publication.put(learned)
    return len(learned.packed) / BYTES_PER_S
