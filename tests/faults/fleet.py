"""Four server processes over one state: started, killed and started again."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import grpc
from nba.v1 import customer_pb2, customer_pb2_grpc, decision_pb2_grpc, interaction_pb2_grpc

from engine.customer.record import Consent, Record
from engine.serve.settings import Settings
from engine.store.open import keep_in
from engine.store.settle import settle
from tests.contracts.valkeys import Valkey
from tests.faults.planted import STORES
from tests.wire.conftest import free_port

PROCESSES = 4
LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
CAPS = (1, 3, 10)
BUNDLE = {
    "schema.yaml": "customer: {age: int}\n",
    "channels.yaml": "email: {direction: outbound, quiet: none}\nweb: {direction: inbound}\n",
    "actions.csv": "action_key,objective,group,purposes,value\n"
    + "".join(f"act{cap},grow,group{cap},marketing,1\n" for cap in CAPS),
    "policies.yaml": "contact:\n"
    + "".join(
        f"  - {{name: at most {cap}, scope: {{group: group{cap}}}, kind: exposure, at_most: {cap}, within: 7d}}\n"
        for cap in CAPS
    ),
    "arbitration.yaml": "fallback: {web: act10, email: act10}\n",
}
OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
]


def skewed(hours: float) -> dict[str, str]:
    """What makes a process see a time of day that is off; nothing where libfaketime is not installed."""
    if not hours or not LIBRARY.exists():
        return {}
    return {"LD_PRELOAD": str(LIBRARY), "FAKETIME": f"{hours * 3600:+.0f}s"}


class Server:
    """One process, and stubs to it."""

    def __init__(self, name: str, places: tuple[Path, Path], index: int, hours: float) -> None:
        self.port = free_port()
        told = name, *places, self.port, index
        self._command = [sys.executable, "-m", "tests.faults.server", *map(str, told)]
        self._skew = skewed(hours)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", options=OPTIONS)
        self.decisions = decision_pb2_grpc.DecisionServiceStub(self.channel)
        self.customers = customer_pb2_grpc.CustomerServiceStub(self.channel)
        self.interactions = interaction_pb2_grpc.InteractionServiceStub(self.channel)
        self.start()

    def start(self) -> None:
        """Start the process."""
        self.up, self._began_s = False, time.monotonic()
        self.process = subprocess.Popen(self._command, env={**os.environ, **self._skew}, stderr=subprocess.DEVNULL)

    def wait(self) -> float:
        """Until it answers; returns how many seconds that took since the start."""
        while time.monotonic() < self._began_s + 60:
            try:
                self.customers.Get(customer_pb2.GetRequest(customer_id="nobody"), timeout=1, wait_for_ready=True)
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.NOT_FOUND:
                    self.up = True
                    return time.monotonic() - self._began_s
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        """At once, without a word."""
        self.up = False
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Politely."""
        self.channel.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


class Fleet:
    """Servers over one state, whose clocks may be hours apart; use it in a `with`.

    Args:
        name: of the store and the services, in `planted.py`.
        directory: for bundle and state.
        customers: ids; everyone has consented to everything.
        hours: by how much each server's clock is off.
    """

    def __init__(self, name: str, directory: Path, customers: list[str], hours: tuple[float, ...] = (0,) * PROCESSES):
        bundle, state = directory / "bundle", directory / "state"
        bundle.mkdir()
        for file, text in BUNDLE.items():
            (bundle / file).write_text(text)
        snapshot = Settings(bundle, state).snapshot()
        self._stack = ExitStack()
        if name == "valkey":
            keep_in(state, self._stack.enter_context(Valkey(directory / "valkey")).address)
        store = STORES[name](state / "store")
        settle(store, snapshot.bundle.keeping)
        yes = [Consent("marketing", "", granted=True, source="", at_ms=1)]
        store.put(Record(customer, {}, yes) for customer in customers)
        store.close()
        self.state = state
        self.servers = [Server(name, (bundle, state), index, off) for index, off in enumerate(hours)]

    def __enter__(self) -> Self:
        try:
            for server in self.servers:
                server.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers:
            server.stop()
        self._stack.close()

    def any(self) -> Server:
        """One of those that are not being started."""
        return random.choice([server for server in self.servers if server.up] or self.servers)


class Killer:
    """Kills one server after another at random moments, while the block runs.

    Args:
        fleet: whose servers.
        kills: how many; 0 for none.
        every_s: about how often.
    """

    def __init__(self, fleet: Fleet, kills: int, every_s: float) -> None:
        self._fleet, self._left, self._every_s = fleet, kills, every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.ready_s: list[float] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def left(self) -> int:
        """How many kills are still to come."""
        return self._left

    def _run(self) -> None:
        while self._left and not self._over.wait(random.uniform(0, 2 * self._every_s)):
            server = self._fleet.any()
            server.kill()
            server.start()
            self.ready_s.append(server.wait())
            self._left -= 1
