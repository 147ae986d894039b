"""Worker processes on one port, and the supervisor that starts, watches, reloads and stops them."""

import multiprocessing
import os
import signal
import socket
import time
from collections import deque
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

import structlog

from engine.decide.snapshot import Snapshot
from engine.serve.config import read_limits, read_spill
from engine.serve.exposition import expose
from engine.serve.learn import learn
from engine.serve.reloads import Reloads
from engine.serve.settings import Settings
from engine.serve.signals import ANSWERING, LISTENING, RELOAD, STOP, WATCH_S, heard, listen
from engine.serve.worker import GRACE_S, work
from models import OnnxRows

RESTARTS, RESTARTS_S = 5, 60.0  # a worker that keeps dying is a fault, not bad luck
LEARNER_S = 10.0  # a learner that keeps dying, on a full disk say, is started again this often: decisions go on
log = structlog.get_logger()


def serve(settings: Settings) -> int:
    """Run the workers until SIGTERM or SIGINT; every call under way is answered first.

    SIGHUP reloads the bundle and the model in every worker; a faulty one is refused and the old one stays.

    Args:
        settings: what to serve.

    Returns:
        0 after a clean stop, 1 when workers keep failing.

    Raises:
        BundleError, ModelError: before anything is started.
        StoreError: when the state cannot be used.
        OSError: when another server holds the port.
    """
    signals, snapshot = listen(), _prepared(settings)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the workers inherit it; more threads than cores only wait for each other
    crew, reloads = _Crew(settings), Reloads(snapshot, settings, signals)
    healthy, announced = True, False
    while healthy and (said := heard(signals, WATCH_S)) != STOP:
        if said == RELOAD:
            reloads.ask()
        if reloads.took():
            _announce("reloading", reloads.snapshot)
            crew.tell(signal.SIGHUP)
        healthy = crew.whole()
        if not announced and crew.answers():
            announced = True
            _announce(
                "serving", reloads.snapshot, address=f"{settings.address}:{settings.port}", workers=settings.workers
            )
    crew.stop()
    log.info("stopped", clean=healthy)
    return 0 if healthy else 1


def _prepared(settings: Settings) -> Snapshot:
    """Look at all that a start needs, and put it in force; raises as `serve`."""
    read_limits(settings.config)
    read_spill(settings.config)
    snapshot = settings.snapshot()
    _claim(settings.address, settings.port)
    for board in settings.boards:
        board.unlink(missing_ok=True)  # what an earlier server counted is not this one's
    if settings.metrics_port:
        expose(settings.address, settings.metrics_port, settings.boards)
    settings.put_in_force(snapshot)
    return snapshot


class _Member:
    """A process of the crew, and the pipe on which it says how far it is.

    A pipe and no `multiprocessing.Event`: a process that is killed inside an event's lock would take the supervisor
    with it.
    """

    def __init__(self, process: SpawnProcess, says: Connection) -> None:
        self.process, self._says, self._said = process, says, set[bytes]()

    def said(self, word: bytes) -> bool:
        """Has it said so by now?"""
        with suppress(EOFError, OSError):
            while self._says.poll():
                self._said.add(self._says.recv_bytes())
        return word in self._said


class _Crew:
    """The worker processes, and the learner after them."""

    def __init__(self, settings: Settings) -> None:
        self._spawn = multiprocessing.get_context("spawn")
        self._settings = settings
        self._deaths: deque[float] = deque(maxlen=RESTARTS)
        self._learner_due_s = 0.0
        self._members = [self._start(index) for index in range(settings.workers + 1)]

    def _start(self, index: int) -> _Member:
        settings, (ours, theirs) = self._settings, self._spawn.Pipe(duplex=False)
        if index < settings.workers:
            process = self._spawn.Process(target=work, args=(settings, index, theirs))
        else:
            process = self._spawn.Process(target=learn, args=(settings, theirs))
        process.start()
        theirs.close()
        return _Member(process, ours)

    def answers(self) -> bool:
        """Does every worker answer, and the learner follow?"""
        return all(member.said(ANSWERING) for member in self._members)

    def tell(self, number: int) -> None:
        """Send a signal to every process that is there and listening."""
        for member in self._members:
            if member.process.pid and member.process.is_alive() and member.said(LISTENING):
                os.kill(member.process.pid, number)

    def whole(self) -> bool:
        """Replace workers that died; false when too many did lately."""
        self._relearn()
        for index, worker in enumerate(self._members[:-1]):
            if worker.process.is_alive():
                continue
            self._deaths.append(time.monotonic())
            log.error("a worker died", worker=index, exit=worker.process.exitcode)
            if len(self._deaths) == RESTARTS and self._deaths[-1] - self._deaths[0] < RESTARTS_S:
                return False
            self._members[index] = self._start(index)
        return True

    def _relearn(self) -> None:
        learner = self._members[-1].process
        if learner.is_alive() or time.monotonic() < self._learner_due_s:
            return
        log.error("the learner died; what it taught stays in force", exit=learner.exitcode)
        self._learner_due_s = time.monotonic() + LEARNER_S
        self._members[-1] = self._start(self._settings.workers)

    def stop(self) -> None:
        """Ask every worker to finish, and wait for it."""
        for member in self._members:
            member.process.terminate()
        for member in self._members:
            member.process.join(GRACE_S * 2)


def _claim(address: str, port: int) -> None:
    """Fail while another server listens: SO_REUSEPORT would share the port silently."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise OSError(f"{address} is no address of this machine: {error.strerror}; write such as 0.0.0.0") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
        except OSError as error:
            raise OSError(f"{address}:{port} cannot be taken: {error.strerror}; is another server there?") from error


def _announce(event: str, snapshot: Snapshot, **more: object) -> None:
    """Say what is served, and of each model that has to be asked the slow way, why."""
    log.info(event, snapshot=snapshot.version, models=snapshot.scoring.titles, **more)
    for model in snapshot.scoring.models.values():
        if isinstance(model.scorer, OnnxRows) and model.scorer.reason:
            log.info("scored by ONNX Runtime", model=model.title, reason=model.scorer.reason)
