"""Real servers for the tests: a small bundle, a free port, a process of its own."""

import itertools
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
import httpx
import pytest
from nba.v1 import customer_pb2_grpc, decision_pb2, decision_pb2_grpc, interaction_pb2, interaction_pb2_grpc

BUNDLE = {
    "schema.yaml": """
customer: {age: int, city: string, spent: double, member: bool, tags: list(string), since: timestamp}
request: {device: string}
action: {margin: double, level: uint}
""",
    "channels.yaml": "email: {direction: outbound}\nweb: {direction: inbound, placements: [home]}\n",
    "actions.csv": """action_key,objective,group,purposes,value,margin,message_email
card,grow,cards,marketing.offers,10,0.5,email/card
loan,grow,loans,marketing.offers,40,,email/loan
notice,serve,notices,service,1,0.1,
""",
    "policies.yaml": """
eligibility:
  - {name: adults, scope: {group: loans}, when: customer.age >= 18}
contact:
  - {name: two a week, kind: exposure, at_most: 2, within: 7d}
""",
    "arbitration.yaml": "fallback: {email: notice, web: notice}\n",
}


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bundle")
    for name, text in BUNDLE.items():
        (directory / name).write_text(text)
    return directory


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(port):
    """How many sockets listen on a port of this machine; workers share one, with a socket each."""
    files = [file for file in Path("/proc/net").glob("tcp*") if file.name in ("tcp", "tcp6")]
    lines = [line.split() for file in files for line in file.read_text().splitlines()[1:]]
    return sum(line[3] == "0A" and line[1].endswith(f":{port:04X}") for line in lines)


class Served:
    """A running server and a channel to it."""

    def __init__(self, bundle, state, workers=1, port=0, out=subprocess.DEVNULL, config=None, options=()):
        self.port, self.workers = port or free_port(), workers
        places = [str(bundle), "--state", str(state), "--port", str(self.port), "--workers", str(workers)]
        options = [*options, *(["--config", str(config)] if config else [])]
        command = [sys.executable, "-m", "engine.cli", "serve", *places, *options]
        self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, text=True)
        self.channel = self.connect()

    def connect(self):
        # A pool of its own for each channel: otherwise all share one connection, and so one worker.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        return grpc.insecure_channel(f"127.0.0.1:{self.port}", options=options)

    def wait(self):
        """Until every worker listens: the second comes later than the first."""
        until = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < until:
            if listening(self.port) >= self.workers:
                grpc.channel_ready_future(self.channel).result(timeout=30)
                return self
            time.sleep(0.05)
        raise AssertionError("the server did not start")

    @property
    def decisions(self):
        return decision_pb2_grpc.DecisionServiceStub(self.channel)

    @property
    def interactions(self):
        return interaction_pb2_grpc.InteractionServiceStub(self.channel)

    @property
    def customers(self):
        return customer_pb2_grpc.CustomerServiceStub(self.channel)

    def stop(self):
        self.channel.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def serving(bundle, state, workers=1, port=0, out=subprocess.DEVNULL, config=None):
    served = Served(bundle, state, workers, port, out, config)
    try:
        yield served.wait()
    finally:
        served.stop()


class Collecting:
    """A running collector."""

    def __init__(self, bundle, state, origins=(), port=0, out=subprocess.DEVNULL, config=None, token_file=None):
        self.port = port or free_port()
        options = [part for origin in origins for part in ("--origin", origin)]
        options += ["--config", str(config)] if config else []
        options += ["--token-file", str(token_file)] if token_file else []
        places = [str(bundle), "--state", str(state), "--port", str(self.port)]
        command = [sys.executable, "-m", "engine.cli", "capture", *places, *options]
        self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, text=True)
        self.address = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.address, timeout=20)

    def wait(self):
        until = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < until:
            with suppress(httpx.TransportError):
                self.http.get("/healthz")
                return self
            time.sleep(0.1)
        raise AssertionError("the collector did not start")

    def stop(self):
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def collecting(bundle, state, origins=(), **options):
    collector = Collecting(bundle, state, origins, **options)
    try:
        yield collector.wait()
    finally:
        collector.stop()


@pytest.fixture(scope="session")
def served(bundle, tmp_path_factory):
    with serving(bundle, tmp_path_factory.mktemp("state")) as server:
        yield server


def a_request(**fields):
    """A good request, with some fields changed."""
    customer = decision_pb2.Customer(id="anna")
    channels = [decision_pb2.ChannelRequest(channel="email", limit=3)]
    return decision_pb2.DecideRequest(**{"customer": customer, "channels": channels, **fields})


REPORTS = itertools.count()


def report(server, reply, action, *kinds):
    """Say what came of an action of a decision."""
    interactions = [
        interaction_pb2.Interaction(
            key=str(next(REPORTS)),
            customer_id=f"shown {reply.decision_id}",
            kind=kind,
            channel="web",
            action_key=action,
            decision_id=reply.decision_id,
        )
        for kind in kinds
    ]
    server.interactions.Record(interaction_pb2.RecordRequest(interactions=interactions), timeout=10)
