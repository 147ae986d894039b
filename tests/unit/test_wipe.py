"""What was deleted from an LMDB file is not in it any more, and everything else is."""

import os
import random

import lmdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.store.pages import Pages
from engine.store.protocol import StoreError
from engine.store.wipe import Wiper, masked, wash

NAMES = (b"records", b"keys", b"numbered", b"meta")
PEOPLE = 300
MARKER = b"CANARY"
SIZES = (30, 300, 900, 1_800, 2_500, 4_000, 4_080, 6_000, 9_000)  # in a page, in pages of their own, exactly one


class File:
    """An environment with people in it, a third of them marked."""

    def __init__(self, path, seed):
        self.env, self.random = lmdb.open(str(path), map_size=1 << 28, max_dbs=8), random.Random(seed)
        self.dbs = {name: self.env.open_db(name) for name in NAMES}
        self.path = path / "data.mdb"
        with self.env.begin(write=True) as txn:
            for number in range(PEOPLE):
                self.put(txn, number)
                for key in range(self.random.randint(1, 30)):
                    txn.put(self.name(number) + b"\0%d" % key, b"12345678", db=self.dbs[b"keys"])
        for _ in range(20):
            with self.env.begin(write=True) as txn:
                for _ in range(10):
                    self.put(txn, self.random.randrange(PEOPLE))

    def name(self, number):
        return (b"household%05d", MARKER + b"%05d")[number % 3 == 0] % number

    def put(self, txn, number):
        word, size = (b"plain ", MARKER)[number % 3 == 0], self.random.choice(SIZES)
        txn.put(self.name(number), (word * size)[:size], db=self.dbs[b"records"])

    def delete(self):
        with self.env.begin(write=True) as txn:
            for name in (b"records", b"keys"):
                cursor = txn.cursor(self.dbs[name])
                cursor.set_range(MARKER)
                while cursor.key().startswith(MARKER):
                    cursor.delete()

    def wipe(self):
        Wiper(self.env, {name: self.dbs[name] for name in (b"records", b"keys")}, self.tick).wipe()

    def tick(self):
        with self.env.begin(write=True) as txn:
            txn.put(b"tick", os.urandom(8), db=self.dbs[b"meta"])
            return txn.id()

    def work_on(self):
        for turn in range(40):
            with self.env.begin(write=True) as txn:
                for _ in range(20):
                    self.put(txn, self.random.randrange(PEOPLE // 3) * 3 + 1)
                txn.put(turn.to_bytes(8, "big"), bytes(self.random.choice(SIZES)), db=self.dbs[b"numbered"])

    def everything(self):
        with self.env.begin() as txn:
            found = {
                name: [(bytes(key), bytes(value)) for key, value in txn.cursor(db)] for name, db in self.dbs.items()
            }
            for name, items in found.items():
                assert items == sorted(items)
                assert all(txn.get(key, db=self.dbs[name]) == value for key, value in items)
        del found[b"meta"]
        return found

    def traces(self):
        return self.path.read_bytes().count(MARKER)


@pytest.fixture(params=range(6))
def file(request, tmp_path):
    made = File(tmp_path, request.param)
    yield made
    made.env.close()


def test_nothing_of_what_was_deleted_is_left_and_all_else_stands(file):
    file.delete()
    before = file.everything()
    assert file.traces() > 1_000
    wash(file.env, file.dbs[b"meta"])

    file.wipe()

    assert file.traces() == 0
    assert file.everything() == before
    file.work_on()
    assert file.traces() == 0
    file.everything()


def test_a_process_that_does_not_wash_writes_out_again_what_it_holds_in_memory(tmp_path):
    left = 0
    for seed in range(6):
        (tmp_path / str(seed)).mkdir()
        file = File(tmp_path / str(seed), seed)
        file.delete()
        file.wipe()
        file.work_on()
        left += file.traces()
        file.env.close()
    assert left > 0


def test_what_a_reader_still_sees_is_not_taken_from_under_it(file, monkeypatch):
    monkeypatch.setattr("engine.store.wipe.PATIENCE_S", 0.2)
    reader = file.env.begin()
    file.delete()
    wash(file.env, file.dbs[b"meta"])

    with pytest.raises(StoreError, match="a reader still sees"):
        file.wipe()

    assert len([key for key, _ in reader.cursor(file.dbs[b"records"]) if MARKER in key]) == PEOPLE // 3
    reader.abort()
    file.wipe()
    assert file.traces() == 0


def test_a_file_of_another_layout_is_left_alone(tmp_path):
    (tmp_path / "data.mdb").write_bytes(bytes(16) + (0xBEEFC0DE).to_bytes(4, "little") + b"\2" + bytes(1 << 14))

    with pytest.raises(StoreError, match="layout 2"):
        Pages(tmp_path / "data.mdb", 4_096)


keys = st.binary(min_size=1, max_size=12) | st.text("ab\x00\xff", min_size=1, max_size=6).map(str.encode)


@given(st.sets(keys, min_size=3, max_size=3).map(sorted), st.booleans())
def test_a_masked_separator_stands_between_its_neighbours_at_every_step(three, last):
    below, key, above = three
    above = None if last else above
    now = bytearray(key)
    for at, byte in masked(key, below, above):
        now[at] = byte
        assert below < bytes(now)
        assert above is None or bytes(now) <= above
    assert masked(bytes(now), below, above) == []
    shared = max(shared_with(key, each) for each in (below, above) if each is not None)
    assert set(now[shared + 1 :]) <= {0, 255}


def shared_with(key, other):
    return next(
        (at for at, (one, two) in enumerate(zip(key, other, strict=False)) if one != two), min(len(key), len(other))
    )


def test_the_lowest_separator_is_masked_too():
    assert [at for at, _ in masked(b"anna", b"", b"bob")] == [1, 2, 3]
