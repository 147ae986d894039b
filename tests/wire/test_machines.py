"""Machines that share a Valkey: each a server with a state of its own, whose records lie elsewhere."""

import json
import os
import signal

import pytest
from nba.v1 import common_pb2, customer_pb2, decision_pb2, interaction_pb2
from typer.testing import CliRunner

from engine.cli import app
from engine.customer.record import Consent, Interaction
from engine.serve.past.roll import roll
from engine.store.lmdb import LmdbStore
from engine.store.open import keep_in, open_store
from engine.store.protocol import StoreError
from engine.store.valkey.store import ValkeyStore
from tests.contracts.conftest import valkey  # noqa: F401  a fixture
from tests.contracts.valkeys import Valkey
from tests.wire.conftest import listening, serving
from tests.wire.test_lifecycle import eventually, workers_of


@pytest.fixture
def machines(bundle, valkey, tmp_path):  # noqa: F811  the fixture
    """Two servers."""
    valkey.clear()
    for name in ("one", "other"):
        keep_in(tmp_path / name, valkey.address)
    with serving(bundle, tmp_path / "one") as one, serving(bundle, tmp_path / "other") as other:
        yield one, other


def decided(machine):
    request = decision_pb2.DecideRequest(
        customer=decision_pb2.Customer(id="anna"), channels=[decision_pb2.ChannelRequest(channel="web")]
    )
    return [action.action_key for action in machine.decisions.Decide(request).channels[0].actions]


def say(machine, granted):
    consent = common_pb2.Consent(purpose="service", granted=granted, source="page")
    machine.customers.SetConsent(customer_pb2.SetConsentRequest(customer_id="anna", consent=consent))


def test_a_withdrawal_at_one_machine_holds_at_the_other_and_so_does_what_happened(machines):
    one, other = machines
    assert decided(other) == []
    say(one, granted=True)
    assert decided(other) == ["notice"]
    say(one, granted=False)
    assert decided(other) == []

    seen = interaction_pb2.Interaction(key="a", customer_id="anna", kind="purchase", at_ms=1_000, amount=2.0)
    first = one.interactions.Record(interaction_pb2.RecordRequest(interactions=[seen]))
    again = other.interactions.Record(interaction_pb2.RecordRequest(interactions=[seen]))
    assert [first.results[0].status, again.results[0].status] == [
        interaction_pb2.RECORD_STATUS_RECORDED,
        interaction_pb2.RECORD_STATUS_DUPLICATE,
    ]


def test_records_lie_in_the_state_unless_it_names_servers(valkey, tmp_path):  # noqa: F811  the fixture
    keep_in(tmp_path / "far", valkey.address)

    for state, kind in (("far", ValkeyStore), ("near", LmdbStore)):
        store = open_store(tmp_path / state)
        assert isinstance(store, kind)
        store.close()


def test_a_state_with_records_of_its_own_is_not_left_for_a_server(valkey, tmp_path):  # noqa: F811  the fixture
    open_store(tmp_path).close()

    with pytest.raises(StoreError, match="holds records, which would not be found any more"):
        keep_in(tmp_path, valkey.address)


def test_servers_that_do_not_answer_are_not_kept(tmp_path):
    with pytest.raises(StoreError, match="no primary"):
        keep_in(tmp_path / "state", "valkey://127.0.0.1:1")

    assert not (tmp_path / "state" / "store.url").exists()


def test_a_worker_that_dies_while_the_records_cannot_be_reached_is_replaced_when_they_can(bundle, tmp_path):
    with Valkey(tmp_path / "valkey") as far:
        keep_in(tmp_path / "state", far.address)
        told = tmp_path / "told"
        with told.open("w") as out, serving(bundle, tmp_path / "state", out=out) as server:
            far.kill()
            os.kill(workers_of(server.process.pid)[0], signal.SIGKILL)
            assert eventually(lambda: "a worker waits until this is mended" in told.read_text())
            far.start()

            assert eventually(lambda: listening(server.port) == 1)
            say(server, granted=True)


def test_commands_find_what_lies_elsewhere(valkey, tmp_path):  # noqa: F811  the fixture
    valkey.clear()
    keep_in(tmp_path, valkey.address)
    store = open_store(tmp_path)
    store.set_consent("anna", Consent("service", "", True, "page", 1_000, "consent"))
    store.apply([Interaction(key="a", customer_id="anna", kind="purchase", at_ms=1_000)])
    store.close()

    assert roll(tmp_path) == {"interactions": 1, "changes": 1}
    shown, erased = (
        CliRunner().invoke(app, ["customer", *command, "anna", "--state", str(tmp_path)]).stdout
        for command in (("show", "--json"), ("erase",))
    )
    assert json.loads(shown)["customer_id"] == "anna"
    assert json.loads(erased)["erased"] == ["anna"]
