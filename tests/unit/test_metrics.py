"""What is counted, and how it is read."""

from types import SimpleNamespace

import grpc
import pytest
from nba.v1 import decision_pb2
from prometheus_client import CollectorRegistry

from engine.decide.pipeline import Effort
from engine.serve.board import Board, Family
from engine.serve.exposition import Exposition
from engine.serve.metrics import FUNNEL, METHODS, Metrics

SIZES = Family("sizes", "For a test.", {"kind": ("a", "b")}, (1.0, 2.0))


@pytest.fixture
def told(tmp_path):
    """Two workers, and what one figure stands at over both."""
    files = [tmp_path / "0", tmp_path / "1"]
    registry = CollectorRegistry()
    registry.register(Exposition(files))
    return [Metrics(file) for file in files], lambda name, **labels: registry.get_sample_value(name, labels)


def test_a_bound_belongs_to_its_bucket_and_what_is_beyond_to_the_last(tmp_path):
    board = Board(tmp_path / "board", [SIZES])
    for amount in (0.5, 1.0, 1.5, 9.0):
        board.of(SIZES, "b").observe(amount)

    assert dict(board.read(SIZES)) == {("a",): [0, 0, 0, 0], ("b",): [2, 1, 1, 12]}


def test_whoever_replaces_a_process_goes_on_counting(tmp_path):
    for _ in range(2):
        Board(tmp_path / "board", [SIZES]).of(SIZES, "a").observe(1.0)

    assert dict(Board(tmp_path / "board", [SIZES]).read(SIZES))["a",] == [2, 0, 0, 2]


def test_calls_of_all_workers_are_one_sum_by_method_and_status(told):
    workers, value = told
    for worker in workers:
        count = worker.counting("Decide")
        count.ended(count.began(), grpc.StatusCode.OK)
    count.ended(count.began(), grpc.StatusCode.INVALID_ARGUMENT)

    assert value("nba_call_seconds_count", method="Decide", status="OK") == 2
    assert value("nba_call_seconds_count", method="Decide", status="INVALID_ARGUMENT") == 1
    assert value("nba_call_seconds_count", method="Record", status="OK") is None


def test_a_decision_tells_its_stages_its_candidates_and_its_funnel(told):
    (worker, _), value = told
    reply = decision_pb2.DecideResponse()
    for number, stage in enumerate(FUNNEL):
        reply.funnel.add(stage=stage, rows=100 - number)

    worker.decided([0, 1_000_000, 4_000_000, 5_000_000, 6_000_000], reply, Effort.PRIOR)

    assert value("nba_decide_stage_seconds_sum", stage="decide") == pytest.approx(0.003)
    assert value("nba_decide_standing_rows_total", stage="consent") == 98
    assert value("nba_decide_candidates_rows_sum") == 91
    assert value("nba_decide_degraded_total", effort="PRIOR") == 1


def test_calls_under_way_of_a_killed_worker_are_forgotten(told, tmp_path):
    (worker, _), value = told
    worker.counting("Decide").began()
    assert value("nba_calls_under_way", worker="0") == 1

    Metrics(tmp_path / "0")

    assert value("nba_calls_under_way", worker="0") == 0


def test_a_snapshot_grows_older_while_outcomes_teach_it_more(told):
    (worker, _), value = told

    def taken(version, maturity):
        worker.swapped(SimpleNamespace(version=version, corrections=SimpleNamespace(mean_maturity=maturity)))
        return value("nba_snapshot_taken_seconds", worker="0"), value("nba_model_maturity_ratio", worker="0")

    first_s, _ = taken("a", 0.0)
    assert taken("a", 0.5) == (first_s, 0.5)
    assert taken("b", 0.5)[0] > first_s


def test_every_method_of_the_contract_is_counted():
    assert {"Decide", "Record", "SetConsent"} <= set(METHODS)
