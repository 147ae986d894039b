"""Connections, bounded: who keeps the server waiting makes way for others, and may not do so for ever."""

import asyncio
from dataclasses import dataclass, field

from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS = 512  # at once; with the process's files that is well below the usual 1,024 descriptors
REQUEST_S = 10  # from connecting, or from an answer, until the next request's headers are there


@dataclass
class _Room:
    most: int
    request_s: float
    waiting: dict[H11Protocol, None] = field(default_factory=dict)  # the longest first

    def make(self) -> None:
        """Close the connection that has kept us waiting longest."""
        connection = next(iter(self.waiting))
        del self.waiting[connection]
        connection.connections.discard(connection)  # at once: the transport tells it later
        connection.transport.close()


def bounded(most: int, request_s: float) -> type[H11Protocol]:
    """The protocol of one server's connections.

    The library bounds neither how long headers may take nor how many connections may lie idle: its `limit_concurrency`
    counts those, too, so that a flood of them would have every good request answered 503.

    Args:
        most: connections at once; when one more comes, the one that has kept us waiting longest is closed.
        request_s: seconds to send a request's headers in.
    """

    class Bounded(_Bounded):
        room = _Room(most, request_s)

    return Bounded


class _Bounded(H11Protocol):
    room: _Room  # of all connections of one server
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as what it extends
        super().connection_made(transport)
        self._settle()
        if len(self.connections) > self.room.most:
            self.room.make()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._settle()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.room.waiting.pop(self, None)
        self._disarm()

    def _settle(self) -> None:
        """See whose turn it is: the sender's until its request is whole, then ours until it is answered."""
        idle = self.cycle is None or self.cycle.response_complete
        if idle or self.cycle.more_body:
            self.room.waiting.setdefault(self)
        else:
            self.room.waiting.pop(self, None)
        if not idle:
            self._disarm()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.room.request_s, self.transport.close)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
