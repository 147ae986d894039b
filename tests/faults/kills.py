"""Killed writers: what was acknowledged is there, and nothing is there twice; `test_power_cuts.py` cuts the power."""

import subprocess
import sys
from pathlib import Path

import msgspec

from engine.customer.history import totals_of
from engine.store.lmdb import LmdbStore
from tests.faults.killed import Tale, customer_of


def killed(name: str, state: Path, kills: int, longest_ms: float = 30) -> list[Tale]:
    """Three writers at once; one after another is killed."""
    state.mkdir()
    command = [sys.executable, "-m", "tests.faults.killed", name, str(state), str(kills), str(longest_ms)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=1200)
    return msgspec.json.decode(done.stdout, type=list[Tale])


def faults_of(state: Path, told: list[Tale]) -> list[str]:
    """What is missing of what was acknowledged, and what is there that cannot be; empty when all is well."""
    store = LmdbStore(state / "store")
    faults = []
    for slot, tale in enumerate(told):
        record = store.load(customer_of(slot))
        outcomes = [round(each.at_ms) for each in store.interactions(customer_of(slot))]
        lost = set(range(1, tale.acked + 1)) - set(outcomes)
        if lost:
            faults.append(f"writer {slot}: {len(lost)} acknowledged outcomes are lost")
        if len(outcomes) != len(set(outcomes)) or any(number > tale.sent for number in outcomes):
            faults.append(f"writer {slot}: outcomes are there twice, or were never sent")
        counted = totals_of(record.totals).kinds.get("purchase", [0])[0] if record else 0
        if counted != len(outcomes):
            faults.append(f"writer {slot}: the record counts {counted} outcomes, and there are {len(outcomes)}")
        said = record.consents[0].at_ms if record and record.consents else 0
        if not tale.acked <= said <= tale.sent:
            faults.append(f"writer {slot}: consent {tale.acked} was acknowledged, and {said} stands")
        if record and said and record.consents[0].granted != bool(said % 2):
            faults.append(f"writer {slot}: consent {said} says the opposite")
    if len(store.tail(0, 1 << 30)) != sum(len(store.interactions(customer_of(slot))) for slot in range(len(told))):
        faults.append("what was counted and what the customers did differ")
    store.close()
    return faults
