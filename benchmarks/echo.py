"""The floor: a bare gRPC server that answers every call with the same bytes, set up as ours is."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from engine.serve.limits import Limits
from engine.serve.worker import THREADS, channel_options

SERVICE, METHOD = "bench.Echo", "Echo"


def main(port: int, size: int) -> None:
    """Serve until the parent closes our standard input.

    Args:
        port: to listen on, loopback only.
        size: of the answer, in bytes.
    """
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    answer = os.urandom(size)
    handlers = {METHOD: grpc.unary_unary_rpc_method_handler(lambda *_: answer)}
    server = grpc.server(
        ThreadPoolExecutor(THREADS),
        options=channel_options(Limits().message_bytes),
        handlers=[grpc.method_handlers_generic_handler(SERVICE, handlers)],
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print("ready", flush=True)
    threading.Thread(target=sys.stdin.read, daemon=False).run()
    server.stop(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
