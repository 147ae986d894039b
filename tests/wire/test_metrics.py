"""What a running server counts, as Prometheus reads it."""

import os
import signal

import grpc
import httpx
import pytest
from nba.v1 import decision_pb2
from prometheus_client.parser import text_string_to_metric_families

from tests.wire.conftest import Served, a_request, free_port
from tests.wire.test_lifecycle import eventually, workers_of


@pytest.fixture
def counted(bundle, tmp_path):
    """A server of two workers, and a question to its metrics."""
    port = free_port()
    server = Served(bundle, tmp_path, workers=2, options=["--metrics-port", str(port)])

    def value(name, **labels):
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())

    try:
        yield server.wait(), value
    finally:
        server.stop()


def test_every_call_of_every_worker_is_counted_once_and_a_killed_one_takes_nothing_with_it(counted):
    server, value = counted
    for _ in range(20):
        with server.connect() as channel:
            type(server.decisions)(channel).Decide(a_request(), timeout=10)
    with pytest.raises(grpc.RpcError):
        server.decisions.Decide(decision_pb2.DecideRequest(), timeout=10)
    os.kill(workers_of(server.process.pid)[0], signal.SIGKILL)
    assert eventually(lambda: value("nba_calls_under_way") == 0)

    assert value("nba_call_seconds_count", method="Decide", status="OK") == 20
    assert value("nba_call_seconds_count", method="Decide", status="INVALID_ARGUMENT") == 1
    assert value("nba_decide_stage_seconds_count", stage="decide") == 20
    assert value("nba_decide_standing_rows_total", stage="rows") > 0
