"""A server takes over from another, and nothing that was acknowledged is lost: a few rounds of what runs long."""

import pytest

from tests.faults.failover import disturbed


@pytest.mark.parametrize(("servers", "disturbance"), [(2, "kill"), (3, "part_from_all")], ids=["killed", "cut off"])
def test_what_was_acknowledged_outlives_a_primary_and_no_cap_or_consent_is_forgotten(tmp_path, servers, disturbance):
    told = disturbed(tmp_path, [disturbance], servers)

    assert told.faults == []
    assert told.done > 100
    assert told.failed > 0


def test_the_rounds_catch_a_store_that_does_not_wait_for_its_replicas(tmp_path):
    assert disturbed(tmp_path, ["part"], replicas=0).faults


def test_the_rounds_catch_a_store_that_reads_without_asking_whether_its_server_is_the_primary(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.store.valkey.servers.LEASE_S", 60.0)

    assert any("a decision that began later" in fault for fault in disturbed(tmp_path, ["part"]).faults)
