"""An event's way: sent to the collector, accepted, and seen by another process."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import grpc
import numpy as np
from nba.v1 import customer_pb2, customer_pb2_grpc

from benchmarks.report import Figure, percentiles
from benchmarks.service import ROOT, decider, free_port
from benchmarks.workload import build

HEADERS = {"content-type": "application/cloudevents+json"}
VISIBLE_US = 50_000.0  # what is promised at p99
PATIENCE_S = 10.0
CUSTOMERS = 50  # new ones; their records grow as the run goes


def measure(directory: Path, events: int) -> list[Figure]:
    """One event after the other over one connection, each asked for in the server's process until it is there.

    Args:
        directory: for the workload's files.
        events: how many.

    Returns:
        latency from sending until accepted (it is on disk then), and until the server's answer shows it.
    """
    bundle, state = build(directory, 10)
    accepted: list[float] = []
    visible: list[float] = []
    with (
        decider(bundle, state) as served,
        _collector(bundle, state) as http,
        grpc.insecure_channel(served.target) as channel,
    ):
        customers = customer_pb2_grpc.CustomerServiceStub(channel)
        for number in range(events):
            customer_id, seen = f"new{number % CUSTOMERS}", number // CUSTOMERS + 1
            began = time.perf_counter()
            _post(http, customer_id, number)
            accepted.append((time.perf_counter() - began) * 1e6)
            while _exposures(customers, customer_id) < seen:
                if time.perf_counter() > began + PATIENCE_S:
                    raise RuntimeError(f"event {number} was accepted and not seen within {PATIENCE_S:g} s")
            visible.append((time.perf_counter() - began) * 1e6)
    return [
        *percentiles("capture", "sent until accepted", accepted),
        *percentiles("capture", "sent until seen by another process", visible),
        Figure(
            "capture",
            "sent until seen by another process",
            "visible_us_p99",
            float(np.percentile(visible, 99)),
            "us",
            VISIBLE_US,
        ),
    ]


def _post(http: HTTPConnection, customer_id: str, number: int) -> None:
    event = {
        "specversion": "1.0",
        "id": str(number),
        "source": "/bench",
        "type": "exposure",
        "subject": customer_id,
        "time": datetime.fromtimestamp(time.time() - 1, UTC).isoformat(),
        "data": {"channel": "web", "action_key": "action_00001"},
    }
    http.request("POST", "/v1/events", json.dumps(event), HEADERS)
    reply = http.getresponse()
    words = reply.read()
    if reply.status != HTTPStatus.ACCEPTED:
        raise RuntimeError(f"the collector refused: {words.decode()}")


def _exposures(customers: customer_pb2_grpc.CustomerServiceStub, customer_id: str) -> float:
    reply = customers.Get(customer_pb2.GetRequest(customer_id=customer_id), timeout=30)
    return float(reply.behaviour["behaviour.exposures_total"])


@contextmanager
def _collector(bundle: Path, state: Path) -> Iterator[HTTPConnection]:
    port = free_port()
    command = [sys.executable, "-m", "engine.cli", "capture", str(bundle), "--state", str(state), "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:  # noqa: S603  our own command
        try:
            yield _connected(port)
        finally:
            process.send_signal(signal.SIGTERM)


def _connected(port: int) -> HTTPConnection:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        http = HTTPConnection("127.0.0.1", port, timeout=30)
        with suppress(ConnectionError):
            http.connect()
            return http
        time.sleep(0.05)
    raise RuntimeError("the collector did not start")
