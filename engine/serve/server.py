"""Worker processes on one port, and the supervisor that starts, watches, reloads and stops them."""

import multiprocessing
import os
import secrets
import signal
import socket
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from nba.v1 import customer_pb2, decision_pb2, interaction_pb2

from engine.decide.faults import BundleError
from engine.decide.snapshot import Snapshot
from engine.journal.deadletters import DeadLetters
from engine.journal.segments import SegmentJournal
from engine.serve.build import load_snapshot
from engine.serve.config import read_limits
from engine.serve.handlers import handler
from engine.serve.learn import learn
from engine.serve.publication import Publication
from engine.serve.service import CustomerService, DecisionService, Holder, InteractionService, Shell
from engine.serve.signals import RELOAD, STOP, Signals, heard, listen
from engine.store.lmdb import LmdbStore
from engine.store.protocol import StoreError
from engine.store.settle import settle
from models import ModelError, OnnxRows

THREADS = 4
GRACE_S = 5.0
LINGER_S = 0.5  # health says "not serving" meanwhile, so that new calls go elsewhere
WATCH_S = 0.2
SWITCH_S = 0.0005  # a call waits for a thread that compiles no longer than this; Python's own 5 ms tripled the p99
MEND_S = 2.0  # how often a worker looks again at a bundle or a model that it cannot start with
RESTARTS, RESTARTS_S = 5, 60.0  # a worker that keeps dying is a fault, not bad luck
LEARNER_S = 10.0  # a learner that keeps dying, on a full disk say, is started again this often: decisions go on
log = structlog.get_logger()


@dataclass(frozen=True)
class Settings:
    """What a server is started with."""

    bundle: Path
    state: Path
    address: str = "127.0.0.1"
    port: int = 50051
    workers: int = 1
    config: Path | None = None

    def snapshot(self, previous: Snapshot | None = None) -> Snapshot:
        """Compile what lies there now; what the previous one has prepared and still holds is taken over.

        Raises:
            BundleError, ModelError: naming every fault.
        """
        return load_snapshot(self.bundle, self.state / "models", self.state / "conditions", previous)

    def settle(self, snapshot: Snapshot) -> None:
        """Check that the records keep what a snapshot needs.

        Raises:
            StoreError: when they do not, or the state cannot be used.
        """
        store = LmdbStore(self.state / "store")
        settle(store, snapshot.bundle.keeping)
        store.close()


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
    signals = listen()
    read_limits(settings.config)
    snapshot = settings.snapshot()
    settings.settle(snapshot)
    _claim(settings.address, settings.port)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the workers inherit it; more threads than cores only wait for each other
    crew = _Crew(settings)
    healthy = crew.started()
    if healthy:
        _announce("serving", snapshot, address=f"{settings.address}:{settings.port}", workers=settings.workers)
    while healthy:
        said = heard(signals, WATCH_S)
        if said == STOP:
            break
        if said == RELOAD and (new := _renewed(snapshot, settings)) is not snapshot:
            snapshot = new
            _announce("reloading", snapshot)
            crew.tell(signal.SIGHUP)
        healthy = crew.whole()
    crew.stop()
    log.info("stopped", clean=healthy)
    return 0 if healthy else 1


class _Crew:
    """The worker processes, and the learner after them."""

    def __init__(self, settings: Settings) -> None:
        self._spawn = multiprocessing.get_context("spawn")
        self._settings = settings
        self._deaths: deque[float] = deque(maxlen=RESTARTS)
        self._learner_due_s = 0.0
        self._ready = [self._spawn.Event() for _ in range(settings.workers + 1)]
        self._workers = [self._start(index) for index in range(settings.workers + 1)]

    def _start(self, index: int) -> SpawnProcess:
        self._ready[index].clear()
        settings, ready = self._settings, self._ready[index]
        if index < settings.workers:
            worker = self._spawn.Process(target=work, args=(settings, index, ready))
        else:
            worker = self._spawn.Process(target=learn, args=(settings.bundle, settings.state, ready))
        worker.start()
        return worker

    def started(self) -> bool:
        """Wait until every worker answers; false when one died instead."""
        for worker, ready in zip(self._workers, self._ready, strict=True):
            while not ready.wait(0.05):
                if not worker.is_alive():
                    return False
        return True

    def tell(self, number: int) -> None:
        """Send a signal to every worker that is there and listening."""
        for worker, ready in zip(self._workers, self._ready, strict=True):
            if worker.pid and worker.is_alive() and ready.is_set():
                os.kill(worker.pid, number)

    def whole(self) -> bool:
        """Replace workers that died; false when too many did lately."""
        self._relearn()
        for index, worker in enumerate(self._workers[:-1]):
            if worker.is_alive():
                continue
            self._deaths.append(time.monotonic())
            log.error("a worker died", worker=index, exit=worker.exitcode)
            if len(self._deaths) == RESTARTS and self._deaths[-1] - self._deaths[0] < RESTARTS_S:
                return False
            self._workers[index] = self._start(index)
        return True

    def _relearn(self) -> None:
        learner = self._workers[-1]
        if learner.is_alive() or time.monotonic() < self._learner_due_s:
            return
        log.error("the learner died; what it taught stays in force", exit=learner.exitcode)
        self._learner_due_s = time.monotonic() + LEARNER_S
        self._workers[-1] = self._start(self._settings.workers)

    def stop(self) -> None:
        """Ask every worker to finish, and wait for it."""
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            worker.join(GRACE_S * 2)


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


def work(settings: Settings, index: int, ready: Event) -> None:
    """One worker: its own snapshot, store handle and journal; stops on SIGTERM without a failed call."""
    signals = listen()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the supervisor tells the workers
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[index % len(cores)]})
    publication = Publication(settings.state / "adaptive")
    _look(publication)
    first = _mended(settings, signals)
    if first is None:
        return
    holder = Holder(first.taught(publication.learned))
    store = LmdbStore(settings.state / "store")
    journal = SegmentJournal(settings.state / "journal", index)
    shell = Shell(holder, store, journal, lambda: secrets.randbits(64), read_limits(settings.config))
    server, healths = make_server(shell, DeadLetters(settings.state / "dead_letters"))
    server.add_insecure_port(f"{settings.address}:{settings.port}")
    server.start()
    sys.setswitchinterval(SWITCH_S)
    ready.set()
    while (said := heard(signals, WATCH_S)) != STOP:
        snapshot = _reloaded(holder.current, settings) if said == RELOAD else holder.current
        if _look(publication) or snapshot is not holder.current:
            holder.current = snapshot.taught(publication.learned)
    healths.enter_graceful_shutdown()
    # A stop cancels calls that have arrived and wait for a thread: go on answering until those of before are done.
    time.sleep(LINGER_S)
    server.stop(GRACE_S).wait()
    shell.close()


def _announce(event: str, snapshot: Snapshot, **more: object) -> None:
    """Say what is served, and of each model that has to be asked the slow way, why."""
    log.info(event, snapshot=snapshot.version, models=snapshot.scoring.titles, **more)
    for model in snapshot.scoring.models.values():
        if isinstance(model.scorer, OnnxRows) and model.scorer.reason:
            log.info("scored by ONNX Runtime", model=model.title, reason=model.scorer.reason)


def _mended(settings: Settings, signals: Signals) -> Snapshot | None:
    """Compile what lies there as soon as it can be; None when told to stop.

    A worker that replaces a dead one meets what a reload has refused; the others go on with the old snapshot.
    """
    while True:
        try:
            snapshot = settings.snapshot()
            settings.settle(snapshot)
            return snapshot
        except (BundleError, ModelError, StoreError, OSError) as error:
            log.error("a worker waits until this is mended", faults=str(error))
        if heard(signals, MEND_S) == STOP:
            return None


def _renewed(old: Snapshot, settings: Settings) -> Snapshot:
    """What lies there now, if it is good and the records keep what it needs; else the old one."""
    new = _reloaded(old, settings)
    try:
        settings.settle(new)
    except StoreError as error:
        log.error("reload refused, the old snapshot stays", faults=str(error))
        return old
    return new


def _reloaded(old: Snapshot, settings: Settings) -> Snapshot:
    """What lies there now, or, with its faults in the log, the old snapshot."""
    try:
        renewed = settings.snapshot(old)
        _nothing_gone(old, renewed)
    except (BundleError, ModelError, OSError) as error:
        log.error("reload refused, the old snapshot stays", faults=str(error))
        return old
    return renewed


def _nothing_gone(old: Snapshot, renewed: Snapshot) -> None:
    """Otherwise the prior would take over without a word.

    Raises:
        ModelError: when a model in force has left the registry.
    """
    trained = {name for name, model in old.scoring.models.items() if model.contender.trained}
    gone = [name for name, model in renewed.scoring.models.items() if name in trained and not model.contender.trained]
    if gone:
        raise ModelError(f"{', '.join(gone)}: in force, and gone from the registry; train again, or restart without")


def _look(publication: Publication) -> bool:
    """Whether the learner has published; what cannot be read changes nothing."""
    try:
        return publication.look()
    except ModelError as error:
        log.error("what was learned cannot be read, the version before stays", fault=str(error))
        return False


def channel_options(message_bytes: int) -> list[tuple[str, int]]:
    """What every server of ours is started with."""
    return [
        ("grpc.so_reuseport", 1),
        ("grpc.max_receive_message_length", message_bytes),
        ("grpc.max_send_message_length", -1),
    ]


def make_server(shell: Shell, letters: DeadLetters) -> tuple[grpc.Server, health.HealthServicer]:
    """A gRPC server with the three services, health and reflection; not yet started."""
    services = {
        decision_pb2.DESCRIPTOR.services_by_name["DecisionService"]: DecisionService(shell),
        interaction_pb2.DESCRIPTOR.services_by_name["InteractionService"]: InteractionService(shell, letters),
        customer_pb2.DESCRIPTOR.services_by_name["CustomerService"]: CustomerService(shell),
    }
    handlers = [handler(service, servicer) for service, servicer in services.items()]
    server = grpc.server(
        ThreadPoolExecutor(THREADS), handlers=handlers, options=channel_options(shell.limits.message_bytes)
    )
    names = [service.full_name for service in services]
    healths = health.HealthServicer()
    for name in ("", *names):
        healths.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(healths, server)
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    return server, healths
