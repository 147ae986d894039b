"""Worker processes on one port, and the supervisor that starts and stops them."""

import multiprocessing
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from nba.v1 import customer_pb2_grpc, decision_pb2_grpc, interaction_pb2_grpc

from engine.decide.faults import BundleError
from engine.journal.segments import SegmentJournal
from engine.serve.build import ModelError, load_snapshot
from engine.serve.limits import Limits
from engine.serve.service import CustomerService, DecisionService, Holder, InteractionService, Shell
from engine.store.lmdb import LmdbStore

THREADS = 4
GRACE_S = 5.0
SERVICES = (
    "nba.v1.DecisionService",
    "nba.v1.InteractionService",
    "nba.v1.CustomerService",
    health.SERVICE_NAME,
    reflection.SERVICE_NAME,
)


@dataclass(frozen=True)
class Settings:
    """What a server is started with."""

    bundle: Path
    state: Path
    address: str = "127.0.0.1"
    port: int = 50051
    workers: int = 1


def serve(settings: Settings, said: Event | None = None) -> int:
    """Run the workers until SIGTERM or SIGINT; every call under way is answered first.

    Args:
        settings: what to serve.
        said: set once every worker answers.

    Returns:
        0 after a clean stop, 1 when a worker failed to start.

    Raises:
        BundleError, ModelError: before anything is started.
        OSError: when another server holds the port.
    """
    load_snapshot(settings.bundle, settings.state / "models")
    _claim(settings.address, settings.port)
    spawn = multiprocessing.get_context("spawn")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ready = [spawn.Event() for _ in range(settings.workers)]
    workers = [spawn.Process(target=work, args=(settings, i, event)) for i, event in enumerate(ready)]
    for worker in workers:
        worker.start()
    healthy = all(_wait(worker.is_alive, event) for worker, event in zip(workers, ready, strict=True))
    if healthy and said:
        said.set()
    while healthy and not stop.wait(0.2):
        healthy = all(worker.is_alive() for worker in workers)
    for worker in workers:
        worker.terminate()
        worker.join(GRACE_S * 2)
    return 0 if healthy else 1


def _claim(address: str, port: int) -> None:
    """Fail while another server listens: SO_REUSEPORT would share the port silently."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))


def _wait(alive: Callable[[], bool], event: Event) -> bool:
    while not event.wait(0.1):
        if not alive():
            return False
    return True


def work(settings: Settings, index: int, ready: Event) -> None:
    """One worker: its own snapshot, store handle and journal; stops on SIGTERM without a failed call."""
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[index % len(os.sched_getaffinity(0))]})
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    holder = Holder(load_snapshot(settings.bundle, settings.state / "models"))
    signal.signal(signal.SIGHUP, lambda *_: _reload(holder, settings))
    store = LmdbStore(settings.state / "store")
    journal = SegmentJournal(settings.state / "journal", index)
    server, healths = make_server(Shell(holder, store, journal, lambda: secrets.randbits(64)))
    server.add_insecure_port(f"{settings.address}:{settings.port}")
    server.start()
    ready.set()
    stop.wait()
    healths.enter_graceful_shutdown()
    server.stop(GRACE_S).wait()
    journal.close()
    store.close()


def _reload(holder: Holder, settings: Settings) -> None:
    try:
        holder.current = load_snapshot(settings.bundle, settings.state / "models")
    except (BundleError, ModelError) as error:
        print(f"reload refused, the old snapshot stays:\n{error}", flush=True)


def make_server(shell: Shell) -> tuple[grpc.Server, health.HealthServicer]:
    """A gRPC server with the three services, health and reflection; not yet started."""
    options = [
        ("grpc.so_reuseport", 1),
        ("grpc.max_receive_message_length", Limits().message_bytes),
        ("grpc.max_send_message_length", -1),
    ]
    server = grpc.server(ThreadPoolExecutor(THREADS), options=options)
    decision_pb2_grpc.add_DecisionServiceServicer_to_server(DecisionService(shell), server)
    interaction_pb2_grpc.add_InteractionServiceServicer_to_server(InteractionService(shell), server)
    customer_pb2_grpc.add_CustomerServiceServicer_to_server(CustomerService(shell), server)
    healths = health.HealthServicer()
    for name in ("", *SERVICES[:3]):
        healths.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(healths, server)
    reflection.enable_server_reflection(SERVICES, server)
    return server, healths
