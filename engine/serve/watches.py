"""Open watches: each looks at its record again and again, for a change may come from any process."""

from collections.abc import Iterator
from threading import BoundedSemaphore, Event

import grpc

from engine.customer.record import Record
from engine.store.protocol import Store

WATCHES = 64  # open at once in a worker, each with a thread of its own
LOOK_S = 0.1  # between two looks, in LMDB a few microseconds each; a screen shows a change this much later at most


class Watches:
    """The watches of one worker; bounded, and ended all at once when it stops.

    Args:
        store: where records live.
    """

    def __init__(self, store: Store) -> None:
        self._store, self._free, self._ended = store, BoundedSemaphore(WATCHES), Event()

    def records(self, customer_id: str, context: grpc.ServicerContext) -> Iterator[Record]:
        """The record as it stands, and again after a change; what changed meanwhile is told once.

        Args:
            customer_id: whose.
            context: the call's; ended here when there is no such customer, no room, or the server stops.
        """
        if not self._free.acquire(blocking=False):
            full = f"{WATCHES} watches are open here; close one, or watch again in a while"
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, full)
        try:
            yield from self._seen(customer_id, context)
        finally:
            self._free.release()

    def _seen(self, customer_id: str, context: grpc.ServicerContext) -> Iterator[Record]:
        told: Record | None = None
        while context.is_active():
            record = self._store.load(customer_id)
            if record is None:
                context.abort(grpc.StatusCode.NOT_FOUND, f"no customer '{customer_id}'")
                return  # abort always raises
            if record != told:
                yield record
                told = record
            if self._ended.wait(LOOK_S):
                context.abort(grpc.StatusCode.UNAVAILABLE, "the server stops; watch again")

    def end(self) -> None:
        """End every watch now, and those to come."""
        self._ended.set()
