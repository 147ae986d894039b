"""One worker process: its snapshot, its handles and its gRPC server."""

import gc
import os
import secrets
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from nba.v1 import customer_pb2, decision_pb2, interaction_pb2

from engine.decide.faults import BundleError
from engine.decide.parts import NOTHING
from engine.decide.snapshot import Snapshot
from engine.journal.deadletters import DeadLetters
from engine.journal.writer import SegmentJournal
from engine.serve.config import read_limits, read_spill
from engine.serve.handlers import handler
from engine.serve.metrics import Metrics
from engine.serve.publication import Publication
from engine.serve.service import CustomerService, DecisionService, Holder, InteractionService, Shell
from engine.serve.settings import Settings
from engine.serve.signals import ANSWERING, LISTENING, RELOAD, STOP, WATCH_S, Signals, heard, listen
from engine.store.open import open_store
from engine.store.protocol import Store, StoreError
from models import ModelError

THREADS = 4
GRACE_S = 5.0
LINGER_S = 0.5  # health says "not serving" meanwhile, so that new calls go elsewhere
SWITCH_S = 0.0001  # a call waits for a thread that compiles no longer than this; Python's own 5 ms tripled the p99
MEND_S = 2.0  # how often a worker looks again at what it cannot start without
REST_S = 0.005  # between two parts of a snapshot that is made while calls are answered: most are answered in less
log = structlog.get_logger()


def work(settings: Settings, index: int, supervisor: Connection) -> None:
    """One worker: its own snapshot, store handle and journal; stops on SIGTERM without a failed call."""
    signals = listen()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the supervisor tells the workers
    supervisor.send_bytes(LISTENING)
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[index % len(cores)]})
    publication = Publication(settings.state / "adaptive")
    _look(publication)
    there = _mended(settings, signals)
    if there is None:
        return
    first, store = there
    holder = Holder(first.taught(publication.learned))
    journal = SegmentJournal(settings.state / "journal", index, read_spill(settings.config))
    shell = Shell(holder, store, journal, lambda: secrets.randbits(64), read_limits(settings.config))
    metrics = Metrics(settings.boards[index])
    metrics.swapped(holder.current)
    server, healths = make_server(shell, DeadLetters(settings.state / "dead_letters", store.erased), metrics)
    server.add_insecure_port(f"{settings.address}:{settings.port}")
    server.start()
    sys.setswitchinterval(SWITCH_S)
    gc.freeze()  # what is here stays: a collection that looks through all of it holds every call up, by 50 ms
    supervisor.send_bytes(ANSWERING)
    while (said := heard(signals, WATCH_S)) != STOP:
        snapshot = _renewed(holder.current, settings) if said == RELOAD else holder.current
        if _look(publication) or snapshot is not holder.current:
            holder.current = snapshot.taught(publication.learned, holder.current)
            metrics.swapped(holder.current)
    shell.watches.end()  # they would last as long as their callers
    healths.enter_graceful_shutdown()
    # A stop cancels calls that have arrived and wait for a thread: go on answering until those of before are done.
    time.sleep(LINGER_S)
    server.stop(GRACE_S).wait()
    shell.close()


def _mended(settings: Settings, signals: Signals) -> tuple[Snapshot, Store] | None:
    """Compile what is in force, and open the store, as soon as it can be; None when told to stop.

    A worker that replaces a dead one may find a model gone that the others still hold, or no server of the records: to
    die of it would end the server, which a failover of three seconds is no reason for.
    """
    while True:
        try:
            return settings.in_force(NOTHING, lambda: None), open_store(settings.state)
        except (BundleError, ModelError, OSError, StoreError) as error:
            log.error("a worker waits until this is mended", faults=str(error))
        if heard(signals, MEND_S) == STOP:
            return None


def _renewed(old: Snapshot, settings: Settings) -> Snapshot:
    """What is in force now, made aside in small parts with rests between them; with the reason in the log, the old."""
    try:
        return settings.in_force(old.made, lambda: time.sleep(REST_S))
    except (BundleError, ModelError, OSError) as error:
        log.error("this worker cannot follow, its old snapshot stays", faults=str(error))
        return old


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
        # A caller that vanished without a word is missed within a minute and a half; the library's own is two hours.
        ("grpc.keepalive_time_ms", 60_000),
    ]


def make_server(shell: Shell, letters: DeadLetters, metrics: Metrics) -> tuple[grpc.Server, health.HealthServicer]:
    """A gRPC server with the three services, health and reflection; not yet started."""
    services = {
        decision_pb2.DESCRIPTOR.services_by_name["DecisionService"]: DecisionService(shell, metrics),
        interaction_pb2.DESCRIPTOR.services_by_name["InteractionService"]: InteractionService(shell, letters),
        customer_pb2.DESCRIPTOR.services_by_name["CustomerService"]: CustomerService(shell),
    }
    handlers = [handler(service, servicer, metrics) for service, servicer in services.items()]
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
