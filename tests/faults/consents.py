"""The race of withdrawals and decisions: eight clients, four processes, and a history that says what everyone saw."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import grpc
from nba.v1 import common_pb2, customer_pb2, decision_pb2

from tests.faults.caps import GONE
from tests.faults.fleet import Fleet
from tests.faults.history import UNKNOWN_S, Decided, Said

CLIENTS = 8
PURPOSE = "marketing"
HASTY = 0.2  # share of the decisions that are short of time


@dataclass
class History:
    """What everybody saw, by one clock; appending is atomic.

    Args:
        decisions, withdrawals: how many there are to be.
    """

    decisions: int
    withdrawals: int
    said: list[Said] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    withdrawn: int = 0
    failed: int = 0

    @property
    def over(self) -> bool:
        """Whether enough has happened."""
        return len(self.decided) >= self.decisions and self.withdrawn >= self.withdrawals


def race(fleet: Fleet, customers: list[str], history: History) -> History:
    """Each client speaks for its own customers, and asks about everybody's."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        for client in [pool.submit(_client, fleet, customers, at, history) for at in range(CLIENTS)]:
            client.result()
    return history


def _client(fleet: Fleet, customers: list[str], at: int, history: History) -> None:
    own, allowed = customers[at::CLIENTS], dict.fromkeys(customers[at::CLIENTS], True)
    others = max(1, history.decisions // (2 * history.withdrawals) - 1)  # between one statement and the next
    while not history.over:
        customer = random.choice(own)
        if history.withdrawn < history.withdrawals:
            allowed[customer] = not allowed[customer]
            _say(fleet, customer, history, granted=allowed[customer])
            _ask(fleet, customer, history)  # the very next thing, at whichever process
        for _ in range(others):
            _ask(fleet, random.choice(customers), history)


def _say(fleet: Fleet, customer: str, history: History, *, granted: bool) -> None:
    consent = common_pb2.Consent(purpose=PURPOSE, granted=granted)
    start_s = time.monotonic()
    try:
        message = customer_pb2.SetConsentRequest(customer_id=customer, consent=consent)
        revision = fleet.any().customers.SetConsent(message, timeout=10).revision
        end_s = time.monotonic()
        history.withdrawn += not granted
    except grpc.RpcError as error:
        revision, end_s = _gone(error, history), UNKNOWN_S
    history.said.append(Said(customer, PURPOSE, granted, start_s, end_s, revision))


def _ask(fleet: Fleet, customer: str, history: History) -> None:
    channels = [decision_pb2.ChannelRequest(channel=channel) for channel in ("web", "email")]
    message = decision_pb2.DecideRequest(
        customer=decision_pb2.Customer(id=customer),
        channels=channels,
        budget_ms=int(random.random() < HASTY),
        reserve_s=1,
    )
    start_s = time.monotonic()
    try:
        reply = fleet.any().decisions.Decide(message, timeout=10)
    except grpc.RpcError as error:
        _gone(error, history)
        return
    answered = any(answer.actions for answer in reply.channels)
    purposes = frozenset({PURPOSE} if answered else ())
    history.decided.append(Decided(customer, start_s, time.monotonic(), purposes))


def _gone(error: grpc.RpcError, history: History) -> int:
    """A killed server answers nothing; whatever else goes wrong is a fault of its own."""
    if error.code() not in GONE:
        raise error
    history.failed += 1
    return 0
