"""Reservations on disk: across handles, restarts and years."""

import lmdb
import pytest

from engine.customer.record import Interaction, Record
from engine.decide.request import Contact
from engine.store.holding import Holding
from engine.store.lmdb import LmdbStore
from engine.store.protocol import StoreFullError
from engine.store.reservation import Promise
from engine.store.reserved import Reserved


def promise(decision="d1", lasts_s=60.0):
    return Promise(decision, [Contact(0, "", "card", "cards", "grow", "email", "")], lasts_s)


def test_what_is_reserved_outlives_the_process(tmp_path):
    store = LmdbStore(tmp_path, 1 << 24)
    store.reserve(store.hold("anna"), promise())
    store.close()

    assert len(LmdbStore(tmp_path, 1 << 24).hold("anna").reserved) == 4


def test_what_another_start_of_the_machine_left_is_removed(tmp_path):
    left = tmp_path / "reserved" / "00000000-0000-0000-0000-000000000000"
    left.mkdir(parents=True)
    (left / "data.mdb").write_bytes(b"torn by a power cut")

    LmdbStore(tmp_path, 1 << 24)

    assert not left.exists()


def test_what_has_run_out_leaves_though_nobody_asks_for_it_again(tmp_path):
    store = LmdbStore(tmp_path, 1 << 24)
    for number in range(200):
        store.reserve(store.hold(f"past {number}"), promise(lasts_s=0))
    for number in range(100):
        store.reserve(store.hold(f"then {number}"), promise(lasts_s=0))

    assert store._holding._reserved._env.stat()["entries"] < 110


def test_an_erasure_that_fails_gives_nothing_back_to_the_caps(tmp_path, monkeypatch):
    store = LmdbStore(tmp_path, 1 << 24)
    store.put([Record("anna")])
    store.reserve(store.hold("anna"), promise())
    forget = Holding.forget

    def fails(*args):
        forget(*args)
        raise lmdb.DiskError("full")

    with monkeypatch.context() as full:
        full.setattr(Holding, "forget", fails)
        with pytest.raises(StoreFullError):
            store.erase("anna")

    assert len(store.hold("anna").reserved) == 4
    store.erase("anna")
    assert store.hold("anna").reserved == ()


def test_a_process_killed_before_it_could_settle_leaves_nothing_that_counts_twice(tmp_path, monkeypatch):
    store = LmdbStore(tmp_path, 1 << 24)
    store.reserve(store.hold("anna"), promise("d1"))
    store.reserve(store.hold("anna"), promise("d2"))

    def shown(decision):
        return Interaction(decision, "anna", "exposure", 1, "email", "card", decision_id=decision)

    with monkeypatch.context() as killed:
        killed.setattr(Reserved, "change", lambda *_: False)
        store.apply([shown("d1")])
        store.apply([shown("d2")])

    held = store.hold("anna")
    assert sum(each.kind == "exposure" for each in held.record.contacts) == 2
    assert [each for each in held.reserved if each.kind == "exposure"] == []
