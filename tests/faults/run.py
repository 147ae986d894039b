"""The long races: `make faults`. One line of `results.jsonl` is the last run of one part against one store."""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tests.faults import caps, consents, failover
from tests.faults import outcomes as sent_again
from tests.faults.fleet import CAPS, LIBRARY, PROCESSES, Fleet, Killer
from tests.faults.history import backwards, breaches
from tests.faults.kills import faults_of, killed

RESULTS = Path(__file__).with_name("results.jsonl")
SKEWED = (0, 1, -1, 0.5)
ROUNDS, TOGETHER = 1_000, 100
PRIMARY_KILLS, PARTITIONS = 50, 20
DECISIONS, WITHDRAWALS, SERVER_KILLS = 200_000, 20_000, 50
WRITER_KILLS = 500
OUTCOMES = 100_000
Figures = dict[str, object]


def crowds(store: str, directory: Path) -> Figures:
    """64 deciders at once, undisturbed but for clocks that differ."""
    made = (caps.Round(f"c{cap} {at}", cap, _asked(cap, at)) for cap in CAPS for at in range(ROUNDS))
    with Fleet(store, directory, [f"c{cap} {at}" for cap in CAPS for at in range(ROUNDS)], SKEWED) as fleet:
        rounds = caps.race(fleet, made)
    return _told(rounds)


def _asked(cap: int, at: int) -> int:
    """Mostly everybody; in some rounds just as many as there is room for, or one fewer."""
    return {0: cap, 1: max(1, cap - 1)}.get(at % 8, caps.DECIDERS)


def disturbed(store: str, directory: Path) -> Figures:
    """The same with calls cancelled and servers killed, and every contact shown."""
    every = [(cap, f"c{cap} {at}") for at in range(ROUNDS) for cap in CAPS]
    rounds, ready_s, kills = [], [], 0
    with Fleet(store, directory, [customer for _, customer in every], SKEWED) as fleet:
        for start in range(0, len(every), TOGETHER):
            lump = [caps.Round(customer, cap, caps.DECIDERS) for cap, customer in every[start : start + TOGETHER]]
            with Killer(fleet, 1_000, 1.0) as killer:
                rounds += caps.disturbed(fleet, lump, cancelled=0.2)
            ready_s, kills = ready_s + killer.ready_s, kills + len(killer.ready_s)
    unknown = sum(round_.unknown for round_ in rounds)
    return {**_told(rounds), "cancelled_or_killed_calls": unknown, "kills": kills, **_ready(ready_s)}


def _told(rounds: list[caps.Round]) -> Figures:
    return {
        "rounds": {cap: sum(r.cap == cap for r in rounds) for cap in CAPS},
        "deciders": caps.DECIDERS,
        "processes": PROCESSES,
        "clocks_off_h": SKEWED if LIBRARY.exists() else (),
        "above_the_cap": sum(r.won > min(r.cap, r.asked) and not r.late for r in rounds),
        "below_the_cap": sum(r.won < min(r.cap, r.asked) and not r.late for r in rounds),
        "too_late_to_say": sum(bool(r.late) for r in rounds),
    }


def _ready(ready_s: list[float]) -> Figures:
    return {"ready_s_median": round(median(ready_s), 2), "ready_s_max": round(max(ready_s), 2)} if ready_s else {}


def withdrawals(store: str, directory: Path) -> Figures:
    """Decisions racing withdrawals, with servers killed."""
    customers = [f"customer {number}" for number in range(400)]
    with Fleet(store, directory, customers, SKEWED) as fleet, Killer(fleet, SERVER_KILLS, 1.5) as killer:
        history = consents.race(fleet, customers, consents.History(DECISIONS, WITHDRAWALS))
    return {
        "decisions": len(history.decided),
        "with_an_action": sum(bool(each.purposes) for each in history.decided),
        "withdrawals": history.withdrawn,
        "clients": consents.CLIENTS,
        "processes": PROCESSES,
        "clocks_off_h": SKEWED if LIBRARY.exists() else (),
        "kills": len(killer.ready_s),
        "failed_calls": history.failed,
        "breaches": len(breaches(history.said, history.decided)),
        "revisions_that_do_not_rise": len(backwards(history.said)),
        **_ready(killer.ready_s),
    }


def kills(store: str, directory: Path) -> Figures:
    """Writers killed one by one."""
    told = killed(store, directory / "state", WRITER_KILLS)
    ready_ms = [ms for tale in told for ms in tale.ready_ms]
    return {
        "kills": WRITER_KILLS,
        "acknowledged": sum(tale.acked for tale in told),
        "faults": faults_of(directory / "state", told),
        "ready_ms_median": round(median(ready_ms), 1),
        "ready_ms_max": round(max(ready_ms), 1),
    }


def outcomes(store: str, directory: Path) -> Figures:
    """Outcomes sent again and again to any of the servers."""
    customers = [f"customer {number}" for number in range(1_000)]
    with Fleet(store, directory, customers, SKEWED) as fleet:
        counted = sent_again.race(fleet, customers, OUTCOMES)
    wrong = abs(counted.recorded - OUTCOMES) + abs(counted.in_records - OUTCOMES)
    return {"outcomes": OUTCOMES, "processes": PROCESSES, **counted._asdict(), "miscounted": wrong}


def primaries(store: str, directory: Path) -> Figures:
    """Valkey's primary killed again and again: first of two servers, then of three."""
    return _taken_over(directory, ["kill"] * (PRIMARY_KILLS // 2))


def partitions(store: str, directory: Path) -> Figures:
    """Valkey's primary cut off from its replicas, every other time from clients, too; of two servers, then three."""
    return _taken_over(directory, ["part", "part_from_all"] * (PARTITIONS // 4))


def _taken_over(directory: Path, disturbances: list[str]) -> Figures:
    told = [failover.disturbed(directory / str(servers), disturbances, servers) for servers in (2, 3)]
    outages_s = [outage for each in told for outage in each.outages_s]
    return {
        "disturbances": 2 * len(disturbances),
        "servers": (2, 3),
        "clients": failover.CLIENTS,
        "calls": sum(each.done for each in told),
        "failed_calls": sum(each.failed for each in told),
        "acknowledged": sum(len(keys) for each in told for keys in each.counted.values()),
        "contacts": sum(won for each in told for won in each.won.values()),
        "faults": [fault for each in told for fault in each.faults],
        "outage_s_median": round(median(outages_s), 2),
        "outage_s_max": round(max(outages_s), 2),
    }


Part = Callable[[str, Path], Figures]
OF_VALKEY: tuple[Part, ...] = (crowds, primaries, partitions)
OF_LMDB: tuple[Part, ...] = (crowds, disturbed, withdrawals, outcomes, kills)
PARTS = {part.__name__: part for part in (*OF_LMDB, *OF_VALKEY)}
WRONG = ("above_the_cap", "below_the_cap", "breaches", "revisions_that_do_not_rise", "miscounted", "faults")


def main() -> int:
    """Run parts; 1 when one of them found a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", default="lmdb", help="its name in planted.py")
    parser.add_argument("--part", choices=PARTS, action="append", help="all of the store's without")
    told = parser.parse_args()
    lines = [_run(part, told.store) for part in told.part or _parts_of(told.store)]
    _keep(lines)
    return int(any(line[wrong] for line in lines for wrong in WRONG if wrong in line))


def _parts_of(store: str) -> list[str]:
    return [part.__name__ for part in (OF_VALKEY if store == "valkey" else OF_LMDB)]


def _run(part: str, store: str) -> Figures:
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        figures = PARTS[part](store, Path(directory))
    at = datetime.now(UTC).strftime("%Y-%m-%d")
    line = {"part": part, "store": store, "on": at, "cores": os.cpu_count(), **figures}
    line["took_s"] = round(time.monotonic() - start_s)
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    return line


def _keep(lines: list[Figures]) -> None:
    """Each replaces the line of the run before it."""
    fresh = {(line["part"], line["store"]) for line in lines}
    kept = [line for line in _kept() if (line["part"], line["store"]) not in fresh]
    RESULTS.write_text("".join(json.dumps(line) + "\n" for line in [*kept, *lines]))


def _kept() -> Iterator[Figures]:
    if RESULTS.exists():
        yield from map(json.loads, RESULTS.read_text().splitlines())


if __name__ == "__main__":
    sys.exit(main())
