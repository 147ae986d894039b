"""Stores and services that are broken on purpose: a suite that lets one of them pass proves nothing."""

import threading
import time

import msgspec
from nba.v1 import decision_pb2

from engine.customer.checks import Bounds
from engine.serve.service import DecisionService
from engine.store.lmdb import LmdbStore
from engine.store.open import open_store


class StaleConsents(LmdbStore):
    """A cache of records, filled when one is first asked for and good for a second."""

    def __init__(self, path):
        super().__init__(path)
        self._cached = {}

    def hold(self, customer_id):
        until, held = self._cached.get(customer_id, (0, None))
        if time.monotonic() < until:
            return held
        held = super().hold(customer_id)
        self._cached[customer_id] = time.monotonic() + 1, held
        return held

    def reserve(self, held, promise):
        return super().reserve(super().hold(held.customer_id), promise)


class CheckThenAct(LmdbStore):
    """The cap is checked, and then the contact is taken, whatever happened between the two."""

    def reserve(self, held, promise):
        return super().reserve(self.hold(held.customer_id), promise) or self.reserve(held, promise)


class ReplyFirst(LmdbStore):
    """Says that it is done, and then does it."""

    def set_consent(self, customer_id, consent, *, now=False):
        record = self.load(customer_id)
        _later(lambda: super(ReplyFirst, self).set_consent(customer_id, consent, now=now))
        return record.revision + 1 if record else 1

    def apply(self, interactions, names=Bounds.names):
        _later(lambda: super(ReplyFirst, self).apply(interactions, names))
        return ["recorded"] * len(interactions)


def _later(change):
    threading.Timer(0.02, change).start()


class CountsTwice(LmdbStore):
    """Sends again what it has not heard of, without its key."""

    def apply(self, interactions, names=Bounds.names):
        again = [msgspec.structs.replace(each, key=f"{each.key} {time.monotonic_ns()}") for each in interactions]
        return super().apply(again, names)


class OpenFallback(DecisionService):
    """When time is short, the channel's fallback action, asking nobody."""

    def Decide(self, message, context):  # noqa: N802  the contract's name
        reply = super().Decide(message, context)
        if message.budget_ms:
            for answer in reply.channels:
                if not answer.actions:
                    key = self.shell.holder.current.bundle.fallback[answer.channel]
                    answer.actions.append(decision_pb2.RankedAction(rank=1, action_key=key, fallback=True))
        return reply


STORES = {
    "lmdb": LmdbStore,
    "valkey": lambda path: open_store(path.parent),
    "stale consents": StaleConsents,
    "check then act": CheckThenAct,
    "reply first": ReplyFirst,
    "open fallback": LmdbStore,
    "counts twice": CountsTwice,
}
SERVICES = {"open fallback": OpenFallback}
