"""The race for the last contact: many deciders at once, in four processes, under a cap."""

import random
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
from nba.v1 import decision_pb2, interaction_pb2

from tests.faults.fleet import Fleet

DECIDERS = 64
LASTS_S = 3
GONE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)


@dataclass
class Round:
    """What came of one race.

    Args:
        asked: how many asked.
        won: how many were given the contact and know it.
        unknown: how many do not know, for the call was cancelled or the server killed.
        late: how many exposures came so late that the reservation may have run out; such a round says nothing.
    """

    customer: str
    cap: int
    asked: int
    won: int = 0
    unknown: int = 0
    late: int = 0

    @property
    def fair(self) -> bool:
        """Exactly as many as there were contacts, or people asking."""
        return self.won == min(self.cap, self.asked) or bool(self.late)


def request(round_: Round, lasts_s: int = 600) -> decision_pb2.DecideRequest:
    """One decider's question."""
    return decision_pb2.DecideRequest(
        customer=decision_pb2.Customer(id=round_.customer),
        channels=[decision_pb2.ChannelRequest(channel="email")],
        action_keys=[f"act{round_.cap}"],
        reserve_s=lasts_s,
    )


def race(fleet: Fleet, rounds: Iterable[Round]) -> list[Round]:
    """Everybody at once; nobody is disturbed. One round after another, so that nothing blunts it."""
    return [_run(fleet, round_) for round_ in rounds]


def _run(fleet: Fleet, round_: Round) -> Round:
    asking = request(round_)
    servers = fleet.servers
    calls = [servers[at % len(servers)].decisions.Decide.future(asking, timeout=30) for at in range(round_.asked)]
    round_.won = sum(bool(call.result().channels[0].actions) for call in calls)
    return round_


def disturbed(fleet: Fleet, rounds: list[Round], cancelled: float) -> list[Round]:
    """The same while calls are cancelled and servers may be killed; what is won is shown at once.

    What nobody knows of runs out. Then people ask again one by one, and in the end every contact must have been given.

    Args:
        fleet: of servers.
        rounds: customers.
        cancelled: share of the calls that are.
    """
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda round_: _crowd(fleet, round_, cancelled), rounds))
        time.sleep(LASTS_S + 0.1)
        return list(pool.map(lambda round_: _rest(fleet, round_), rounds))


def _crowd(fleet: Fleet, round_: Round, cancelled: float) -> None:
    asking, began_s = request(round_, LASTS_S), time.monotonic()
    calls = [fleet.servers[at % 4].decisions.Decide.future(asking, timeout=10) for at in range(round_.asked)]
    leaving = [call for call in calls if random.random() < cancelled]
    time.sleep(random.uniform(0, 0.02))
    for call in leaving:
        call.cancel()
    for call in calls:
        try:
            reply = call.result()
        except (grpc.RpcError, grpc.FutureCancelledError):
            round_.unknown += 1
            continue
        _show(fleet, round_, reply, began_s)


def _rest(fleet: Fleet, round_: Round) -> Round:
    while True:
        began_s = time.monotonic()
        try:
            reply = fleet.any().decisions.Decide(request(round_, LASTS_S), timeout=10)
        except grpc.RpcError as error:
            if error.code() not in GONE:
                raise
            time.sleep(LASTS_S + 0.1)  # it may have reserved and been killed
            continue
        if not reply.channels[0].actions:
            return round_
        _show(fleet, round_, reply, began_s)


def _show(fleet: Fleet, round_: Round, reply: decision_pb2.DecideResponse, began_s: float) -> None:
    """Record the exposure until somebody has taken it."""
    if not reply.channels[0].actions:
        return
    round_.won += 1
    shown = interaction_pb2.Interaction(
        key=reply.decision_id, customer_id=round_.customer, kind="exposure", at_ms=time.time_ns() // 1_000_000,
        channel="email", action_key=f"act{round_.cap}", decision_id=reply.decision_id,
    )  # fmt: skip
    while True:
        try:
            fleet.any().interactions.Record(interaction_pb2.RecordRequest(interactions=[shown]), timeout=10)
            break
        except grpc.RpcError as error:
            if error.code() not in GONE:
                raise
    round_.late += time.monotonic() - began_s > LASTS_S * 0.9
