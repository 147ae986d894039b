"""What a worker counts, call by call and decision by decision."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter_ns, time

import grpc
from nba.v1 import customer_pb2, decision_pb2, interaction_pb2

from engine.decide.explain import ARBITRATION
from engine.decide.gates import STAGES
from engine.decide.pipeline import Effort
from engine.decide.snapshot import Snapshot
from engine.serve.board import Board, Count, Family

# From 50 us to 3 s, each bound 1.4 to 3 times the one before; finest where a decision usually ends.
SECONDS = (
    5e-5, 1e-4, 2e-4, 3e-4, 5e-4, 7e-4, 1e-3, 1.5e-3, 2e-3, 3e-3, 5e-3, 7e-3, 0.01, 0.02, 0.05, 0.1, 0.3, 1.0, 3.0
)  # fmt: skip
ROWS = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0)
LAPS = ("read", "decide", "write", "journal")  # decide: hold, decide and reserve, again where that changed meanwhile
FUNNEL = ("rows", *STAGES, ARBITRATION, "ranked")
STATUSES = tuple(code.name for code in grpc.StatusCode)
METHODS = tuple(
    method.name
    for contract in (decision_pb2, interaction_pb2, customer_pb2)
    for service in contract.DESCRIPTOR.services_by_name.values()
    for method in service.methods
)

CALLS = Family("nba_call_seconds", "Calls by method and status.", {"method": METHODS, "status": STATUSES}, SECONDS)
LAP = Family("nba_decide_stage_seconds", "Stages of a decision.", {"stage": LAPS}, SECONDS)
CANDIDATES = Family("nba_decide_candidates_rows", "Rows that nothing held back, by decision.", {}, ROWS)
STANDING = Family("nba_decide_standing_rows", "Rows left after each stage of the funnel, summed.", {"stage": FUNNEL})
HURRIED = tuple(effort.name for effort in Effort if effort is not Effort.FULL)
DEGRADED = Family("nba_decide_degraded", "Decisions that something was skipped in.", {"effort": HURRIED})
UNDER_WAY = Family("nba_calls_under_way", "Calls that were begun and are not ended.", {}, gauge=True)
TAKEN_AT = Family("nba_snapshot_taken_seconds", "When the snapshot in force was taken, epoch.", {}, gauge=True)
MATURITY = Family("nba_model_maturity_ratio", "Mean maturity of the rows' corrections.", {}, gauge=True)
FAMILIES = (CALLS, LAP, CANDIDATES, STANDING, DEGRADED, UNDER_WAY, TAKEN_AT, MATURITY)


class Counting:
    """Counts the calls of one method.

    Args:
        under_way: calls that are.
        ended: name of a status -> seconds of the calls that ended so.
    """

    def __init__(self, under_way: Count, ended: Mapping[str, Count]) -> None:
        self._under_way, self._ended = under_way, ended

    def began(self) -> int:
        """A call; returns when, for `ended`."""
        self._under_way.add()
        return perf_counter_ns()

    def ended(self, began_ns: int, status: grpc.StatusCode) -> None:
        """The same call."""
        self._under_way.add(-1.0)
        self._ended[status.name].observe((perf_counter_ns() - began_ns) / 1e9)


class Metrics:
    """One worker's figures.

    Args:
        file: its board's; a worker that replaces it goes on counting there.
    """

    def __init__(self, file: Path) -> None:
        self._board = board = Board(file, FAMILIES)
        self._laps = [board.of(LAP, stage) for stage in LAPS]
        self._standing = [board.of(STANDING, stage) for stage in FUNNEL]
        self._degraded = {effort: board.of(DEGRADED, effort) for effort in HURRIED}
        self._candidates, self._under_way = board.of(CANDIDATES), board.of(UNDER_WAY)
        self._taken_at, self._maturity = board.of(TAKEN_AT), board.of(MATURITY)
        self._under_way.set(0.0)  # those of a worker that was killed
        self._version = ""

    def counting(self, method: str) -> Counting:
        """For the calls of one method."""
        return Counting(self._under_way, {status: self._board.of(CALLS, method, status) for status in STATUSES})

    def decided(self, laps_ns: Sequence[int], reply: decision_pb2.DecideResponse, effort: Effort) -> None:
        """A decision.

        Args:
            laps_ns: when it began, and when each of LAPS was over.
            reply: whose funnel is counted.
            effort: what there was time for.
        """
        for lap, before, after in zip(self._laps, laps_ns, laps_ns[1:], strict=False):
            lap.observe((after - before) / 1e9)
        for standing, stage in zip(self._standing, reply.funnel, strict=True):
            standing.add(stage.rows)
        self._candidates.observe(reply.funnel[len(STAGES)].rows)
        if effort is not Effort.FULL:
            self._degraded[effort.name].add()

    def swapped(self, snapshot: Snapshot) -> None:
        """Another snapshot is in force, or the same one with more that outcomes have taught."""
        if snapshot.version != self._version:
            self._version = snapshot.version
            self._taken_at.set(time())
        self._maturity.set(snapshot.corrections.mean_maturity)
