"""A bare gRPC server: bytes in, the same bytes of a given size out; the floor under every service in Python."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Event

import grpc

from engine.serve.limits import Limits
from engine.serve.server import GRACE_S, THREADS

METHOD = "/bench.Echo/Echo"


def work(reply: bytes, port: int, core: int, ready: Event) -> None:
    """Serve on loopback until SIGTERM, with the options, threads and pinning of a worker of the engine.

    Args:
        reply: the answer to everything.
        port: where to listen.
        core: where to run.
        ready: set once it answers.
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent ends this process
    os.sched_setaffinity(0, {core})
    options = [
        ("grpc.so_reuseport", 1),
        ("grpc.max_receive_message_length", Limits().message_bytes),
        ("grpc.max_send_message_length", -1),
    ]
    _, service, name = METHOD.split("/")
    handlers = grpc.method_handlers_generic_handler(
        service, {name: grpc.unary_unary_rpc_method_handler(lambda _request, _context: reply)}
    )
    server = grpc.server(ThreadPoolExecutor(THREADS), handlers=[handlers], options=options)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    ready.set()
    stop.wait()
    server.stop(GRACE_S).wait()
