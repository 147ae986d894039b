"""Outcomes that are each sent three times, shuffled, to servers over one state: each is counted once."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from nba.v1 import customer_pb2, interaction_pb2

from tests.faults.fleet import Fleet

CLIENTS, BATCH, TIMES = 8, 100, 3


class Counted(NamedTuple):
    """What the servers said, and what the records hold."""

    sent: int
    recorded: int
    duplicates: int
    in_records: int


def race(fleet: Fleet, customers: list[str], outcomes: int) -> Counted:
    """Send so many outcomes of these customers three times each, from several clients at once."""
    chance = random.Random(outcomes)
    every = [*range(outcomes)] * TIMES
    chance.shuffle(every)
    batches = [every[at : at + BATCH] for at in range(0, len(every), BATCH)]

    def send(numbers: list[int]) -> list[int]:
        items = [_outcome(number, customers) for number in numbers]
        request = interaction_pb2.RecordRequest(interactions=items)
        return [result.status for result in fleet.any().interactions.Record(request, timeout=60).results]

    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = [status for found in pool.map(send, batches) for status in found]
    recorded, duplicates = (
        statuses.count(status)
        for status in (interaction_pb2.RECORD_STATUS_RECORDED, interaction_pb2.RECORD_STATUS_DUPLICATE)
    )
    return Counted(len(every), recorded, duplicates, round(sum(_bought(fleet, each) for each in customers)))


def _outcome(number: int, customers: list[str]) -> interaction_pb2.Interaction:
    customer = customers[number % len(customers)]
    return interaction_pb2.Interaction(key=f"o{number}", customer_id=customer, kind="purchase", at_ms=1, amount=1.0)


def _bought(fleet: Fleet, customer: str) -> float:
    found = fleet.any().customers.Get(customer_pb2.GetRequest(customer_id=customer), timeout=60)
    return found.behaviour["rfm.frequency_total"]
