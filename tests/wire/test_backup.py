"""Backups made while servers work, restored and replayed; and who was erased since stays erased."""

import json
import threading

import pytest
from nba.v1 import decision_pb2, interaction_pb2

from engine.customer.record import Record
from engine.journal.entries import Decision
from engine.journal.parts import parts
from engine.serve.backup import BackupError, backup, restore
from engine.serve.past.roll import roll
from engine.serve.rights.erase import erase
from engine.store.lmdb import LmdbStore
from tests.wire.conftest import a_request, serving
from tests.wire.test_past import nba, use
from tests.wire.test_rights import an_event, traces

WRITERS, LEAVER = 3, "leaver-1234567"


def work(server, who, stop, failed):
    """Decide and record that it was shown, until told to stop; keep what failed."""
    while not stop.is_set():
        try:
            reply = server.decisions.Decide(a_request(customer=decision_pb2.Customer(id=who)), timeout=10)
            event = an_event(who, "exposure", decision_id=reply.decision_id)
            server.interactions.Record(interaction_pb2.RecordRequest(interactions=[event]), timeout=10)
        except Exception as error:  # noqa: BLE001  whatever it is, the test is to see it
            failed.append(error)


@pytest.fixture(scope="module")
def copied(bundle, tmp_path_factory):
    """A state, and a backup of it that was made under load; whom it holds was erased afterwards."""
    state, copy, stop, failed = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("copy"), threading.Event(), []
    with serving(bundle, state) as server:
        use(server, 0)
    roll(state)
    with serving(bundle, state, workers=2) as server:
        server.decisions.Decide(a_request(customer=decision_pb2.Customer(id=LEAVER)), timeout=10)
        server.interactions.Record(interaction_pb2.RecordRequest(interactions=[an_event(LEAVER)]))
        writers = [threading.Thread(target=work, args=(server, f"w{n}", stop, failed)) for n in range(WRITERS)]
        for each in writers:
            each.start()
        nba("backup", copy, "--state", state)
        stop.set()
        for each in writers:
            each.join()
        assert failed == []
        erase(state, [LEAVER, "never-stored-99"])
    return state, copy


def test_a_backup_made_under_load_is_a_state_that_replays_and_serves(bundle, copied, tmp_path):
    _, copy = copied
    again = tmp_path / "again"

    nba("restore", copy, "--state", again)

    replayed = json.loads(nba("replay", "--state", again, "--json"))
    assert (replayed["different"], replayed["not_replayable"]) == (0, {})
    assert replayed["same"] > 60
    before = sum(1 for part in parts(again / "journal") for _ in part.entries("decision"))
    with serving(bundle, again) as server:
        use(server, 2_000)
    roll(again)
    after = sum(1 for part in parts(again / "journal") for _ in part.entries("decision"))
    assert after > before


def test_every_decision_that_the_copied_store_knows_of_is_in_the_copied_journal(copied, tmp_path):
    restore(copied[1], tmp_path / "again")

    store = LmdbStore(tmp_path / "again" / "store")
    told = {each.decision_id for _, each in store.tail(0, 1_000_000)} - {""}
    store.close()

    entries = [entry for part in parts(tmp_path / "again" / "journal") for entry in part.entries("decision")]
    kept = {
        decision_pb2.DecideResponse.FromString(each.reply).decision_id for each in entries if isinstance(each, Decision)
    }
    assert len(told) > 60
    assert told <= kept


def test_who_was_erased_after_a_backup_is_not_brought_back_by_it(copied, tmp_path):
    state, copy = copied

    restored = restore(copy, tmp_path / "again", state)

    assert restored["erased"] == [LEAVER]
    assert traces(copy, LEAVER)
    assert traces(tmp_path / "again", LEAVER) == []
    store = LmdbStore(tmp_path / "again" / "store")
    assert store.erased(LEAVER)
    assert store.erased("never-stored-99")
    assert store.load("w0") is not None
    store.close()


def test_a_damaged_backup_or_a_target_in_use_is_refused(tmp_path):
    state, copy = tmp_path / "state", tmp_path / "copy"
    store = LmdbStore(state / "store")
    store.put([Record("anna", {"age": 30})])
    store.close()
    (state / "models").mkdir()
    (state / "models" / "one").write_text("a model")
    backup(state, copy)
    for wrong in (lambda: backup(state, copy), lambda: restore(copy, state)):
        with pytest.raises(BackupError, match="is not empty"):
            wrong()
    restore(copy, tmp_path / "again")
    assert (tmp_path / "again" / "models" / "one").read_text() == "a model"

    with pytest.raises(BackupError, match="is no state"):
        backup(tmp_path / "nothing", tmp_path / "other")
    with pytest.raises(BackupError, match="is no backup"):
        restore(state, tmp_path / "other")
    (copy / "models" / "one").write_text("a modem")
    with pytest.raises(BackupError, match="one is damaged"):
        restore(copy, tmp_path / "other")
    (copy / "models" / "one").unlink()
    with pytest.raises(BackupError, match="one is missing"):
        restore(copy, tmp_path / "other")
    (copy / "models" / "two").write_text("a guest")
    with pytest.raises(BackupError, match=r"is (missing|one too many)"):
        restore(copy, tmp_path / "other")
