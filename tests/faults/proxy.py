"""A TCP proxy that can be cut: what is under way waits, as on a line that is down, and comes late when it is mended."""

import socket
import ssl
import threading
from contextlib import suppress
from typing import Self


class Proxy:
    """Passes bytes on to a port of this machine, until it is cut.

    Args:
        target: the port.
        context: for TLS, with whoever comes.
    """

    def __init__(self, target: int, context: ssl.SSLContext | None = None) -> None:
        self._target, self._context, self._whole = target, context, threading.Event()
        self._whole.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._start(self._accept)

    def _start(self, work, *arguments) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                came, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._connect, came)

    def _connect(self, came: socket.socket) -> None:
        self._whole.wait()
        try:
            came = self._context.wrap_socket(came, server_side=True) if self._context else came
            there = socket.create_connection(("127.0.0.1", self._target), timeout=5)
        except OSError:
            came.close()
            return
        there.settimeout(None)
        for end in (came, there):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits 40 ms
        self._sockets += [came, there]
        self._start(self._pass, came, there)
        self._start(self._pass, there, came)

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while read := one.recv(1 << 16):
                self._whole.wait()
                other.sendall(read)
        except OSError:
            pass
        for end in (one, other):
            _end(end)

    def cut(self) -> None:
        """Nothing passes, and nobody is told."""
        self._whole.clear()

    def mend(self) -> None:
        """Everything passes, also what was sent meanwhile."""
        self._whole.set()

    def close(self) -> None:
        """Close everything."""
        self.mend()
        self._listener.close()
        for each in self._sockets:
            _end(each)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _end(end: socket.socket) -> None:
    """Closed alone, it would stay open for whoever is just reading from it."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
