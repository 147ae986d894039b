"""Traces of people in the journal, in dead letters and in the store: found, made unreadable, and nothing else."""

import json
import multiprocessing

import msgspec
import pytest
from nba.v1 import decision_pb2

from engine.customer.formats import encode
from engine.customer.record import Interaction, Record
from engine.journal.blank import blank
from engine.journal.deadletters import DeadLetters
from engine.journal.entries import Decision, ShadowScores, known, pack
from engine.journal.frames import entries, frame
from engine.journal.parts import parts
from engine.journal.texts import texts
from engine.journal.writer import SegmentJournal
from engine.serve.rights.erase import erase
from engine.store.erased import KEY
from engine.store.lmdb import LmdbStore
from engine.store.protocol import StoreError


def packed_of(path):
    return [packed for _, packed in entries(path.read_bytes(), "here")]


@pytest.mark.parametrize("start", range(0, 700, 100))
def test_an_entry_of_any_length_is_blanked_where_it_lies(tmp_path, start):
    segment, kept = tmp_path / "000-000000.seg", pack({"kind": "decision", "request": b"other"})
    longs = [
        pack({"kind": "decision", "request": b"anna" + bytes(range(256)) * 3, "x": "y" * n})
        for n in range(start, start + 100)
    ]
    segment.write_bytes(b"".join(frame(each) for long in longs for each in (kept, long)))
    size = segment.stat().st_size

    assert blank(segment, lambda packed: b"anna" in packed) == 100

    found = packed_of(segment)
    assert [each for each in found if each == kept] == [kept] * 100
    assert len(found) == 200
    assert segment.stat().st_size == size
    assert b"anna" not in segment.read_bytes()
    assert blank(segment, lambda packed: b"anna" in packed) == 0


def test_a_damaged_entry_before_it_does_not_shift_what_is_blanked(tmp_path):
    segment, damaged = tmp_path / "000-000000.seg", bytearray(frame(pack({"kind": "a", "of": b"bob" * 20})))
    damaged[12] ^= 1
    segment.write_bytes(bytes(damaged) + b"".join(frame(pack({"kind": each})) for each in ("anna" * 9, "carl" * 9)))

    assert blank(segment, lambda packed: b"anna" in packed) == 1

    assert [b"carl" in packed for packed in packed_of(segment)] == [False, True]


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        ('{"customer_id": "anna-é", "kind": "click"}', True),
        (json.dumps({"events": [{"subject": "anna-é"}]}), True),
        (json.dumps({"raw": json.dumps([{"customer_id": "anna-é"}])}), True),
        ('{"customer_id": "anna-é", "kin', True),
        (json.dumps({"reason": "customer 'anna-é' is new"}), True),
        ('{"customer_id": "anna-é2", "also": "xanna-é"}', False),
        ("", False),
    ],
)
def test_an_id_is_found_in_whatever_came_and_not_in_a_longer_one(raw, names):
    assert ("anna-é" in set(texts(raw))) == names


def test_letters_that_name_somebody_are_blanked_and_the_rest_can_be_sent_again(tmp_path):
    letters = DeadLetters(tmp_path)
    for name in ("anna", "bob", "anna"):
        letters.add("Record", "bad", json.dumps({"customer_id": name}), 0)

    assert [json.loads(each["raw"]) for each in letters.naming(["anna"])] == [{"customer_id": "anna"}] * 2
    assert letters.blank(["anna"]) == 2

    assert letters.naming(["anna"]) == []
    letters.add("Record", "bad", json.dumps({"customer_id": "carl"}), 0)
    lines = (tmp_path / "1970-01-01.jsonl").read_text().splitlines()
    assert [bool(line.strip()) for line in lines] == [False, True, False, True]


def test_no_letter_is_kept_of_somebody_who_was_erased(tmp_path):
    letters = DeadLetters(tmp_path, {"anna"}.__contains__)

    letters.add("Record", "bad", json.dumps({"customer_id": "anna", "kind": ""}), 0)

    assert letters.naming(["anna"]) == []


def test_without_its_key_the_store_cannot_say_who_was_erased_and_takes_nobody(tmp_path):
    store = LmdbStore(tmp_path / "store")
    store.erase("anna")
    store.close()
    assert (tmp_path / "store" / KEY).stat().st_mode & 0o777 == 0o600
    (tmp_path / "store" / KEY).unlink()

    store = LmdbStore(tmp_path / "store")
    with pytest.raises(StoreError, match="bring it back from a backup"):
        store.put([Record("bob")])
    store.close()


def read_on(path, told, stop):
    store = LmdbStore(path)
    scan = store.scan()
    next(scan)
    told.set()
    stop.wait()


def test_what_a_reader_holds_up_is_said_and_the_next_run_finishes_it(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.store.wipe.PATIENCE_S", 0.2)
    store = LmdbStore(tmp_path / "store")
    store.put([Record(name, {"word": f"of {name}"}) for name in ("anna-0001", "bob")])
    store.apply([Interaction("k", "anna-0001", "click", 1_000)])
    store.close()
    context = multiprocessing.get_context("spawn")
    told, stop = context.Event(), context.Event()
    reader = context.Process(target=read_on, args=(tmp_path / "store", told, stop))
    reader.start()
    told.wait()

    with pytest.raises(StoreError, match="call again"):
        erase(tmp_path, ["anna-0001"])
    stop.set()
    reader.join()
    store = LmdbStore(tmp_path / "store")
    assert store.load("anna-0001") is None
    store.close()
    erase(tmp_path, [])

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if b"anna-0001" in path.read_bytes()] == []
    assert any(b"of bob" in path.read_bytes() for path in files)


def decision(who, number):
    request = decision_pb2.DecideRequest(customer=decision_pb2.Customer(id=who))
    reply = decision_pb2.DecideResponse(decision_id=f"{number:016x}")
    return Decision(request.SerializeToString(), reply.SerializeToString(), 1, 1, 2)


def test_what_was_spilled_and_what_shadows_said_is_erased_and_what_is_others_stays(tmp_path):
    journal = SegmentJournal(tmp_path / "journal", 0, tmp_path / "elsewhere", capacity=20_000)
    for number in range(400):
        who = ("anna-0001", "bob-0001")[number % 2]
        name = journal.record(encode(Record(who, {"at": number})))
        journal.offer(pack(msgspec.structs.replace(decision(who, number), record=name)))
        journal.offer(pack(ShadowScores(f"{number:016x}", "m", ["card"], ["web"], [0.5])))
    journal.close()
    assert journal.counts.spilled > 100
    LmdbStore(tmp_path / "store").close()

    done = erase(tmp_path, ["anna-0001"])

    files = list(tmp_path.rglob("*.seg"))
    packed = [each for path in files for each in packed_of(path)]
    assert {path.parent.name for path in files} == {"journal", "elsewhere"}
    assert done["entries"] == 600
    assert not any(b"anna-0001" in each for each in (*packed, *(path.read_bytes() for path in files)))
    left = [entry for entry in map(known, packed) if entry is not None]
    assert sum(isinstance(entry, Decision) for entry in left) == 200
    assert {int(entry.decision_id, 16) % 2 for entry in left if isinstance(entry, ShadowScores)} == {1}
    assert sum(part.name != "" for part in parts(tmp_path / "journal")) == len(files)
