"""Files of any size: in blocks, by helpers, put in order, and the same whatever interrupts it."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.imports import imported, write_log
from engine.customer.as_of import AsOf
from engine.customer.described import described
from engine.decide.derived import USUALLY
from engine.serve import files, importing, runs
from engine.serve.files import read_blocks, read_lines
from engine.serve.helpers import each
from engine.serve.imports import import_interactions
from engine.store.lmdb import LmdbStore

NOW_MS = 1_767_225_600_000


def records(state):
    """Every record as people read it; each interaction was counted once."""
    store = LmdbStore(state / "store")
    found = [described(AsOf(record, NOW_MS, USUALLY)) for record in store.scan()]
    marks = [(event.customer_id, event.key) for _, event in store.tail(0, 1_000_000)]
    store.close()
    assert len(set(marks)) == len(marks)
    return found


def of_two_hundred(lines=3_000, bad=()):
    """A log in which a tenth stands twice, with another amount the second time."""
    chance = random.Random(1)
    events = [(f"k{at}", f"c{chance.randrange(200)}", 1_700_000_000_000 + at, at) for at in range(lines)]
    events += [(key, who, at_ms, amount + 1) for key, who, at_ms, amount in chance.sample(events, lines // 10)]
    made = [f"{key},{who},purchase,{at_ms},{amount}" for key, who, at_ms, amount in events]
    for at in bad:
        made[at] = f"bad{at},anna,purchase,soon,1"
    return "\n".join(["key,customer_id,kind,at_ms,amount", *made]) + "\n"


@pytest.mark.parametrize("fan_in", [3, 512])
def test_a_file_of_many_blocks_gives_the_records_and_counts_of_one(tmp_path, monkeypatch, fan_in):
    bad = [5, 1_000, 2_000, 2_999]
    for name in ("one", "many"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "log.csv").write_text(of_two_hundred(bad=bad))
    once = import_interactions(tmp_path / "one" / "log.csv", tmp_path / "one")
    monkeypatch.setattr(files, "BLOCK_BYTES", 8_192)
    monkeypatch.setattr(runs, "FAN_IN", fan_in)
    monkeypatch.setattr(importing, "LUMP", 100)

    counts = import_interactions(tmp_path / "many" / "log.csv", tmp_path / "many")

    assert counts == once
    assert counts["imported"] + counts["duplicates"] == 3_300 - len(bad)
    assert records(tmp_path / "many") == records(tmp_path / "one")
    letters = (tmp_path / "many" / "log.csv.rejected.jsonl").read_text().splitlines()
    assert [json.loads(letter)["line"] for letter in letters] == [at + 2 for at in bad]


@pytest.mark.parametrize("block", [1, 3, 1 << 20])
@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([b"", b"anna", b"\xff", b"a" * 39, b"b" * 41, b"c" * 95, b"d\r"]), max_size=12))
def test_lines_are_the_same_however_a_file_is_cut(tmp_path_factory, block, lines):
    file = tmp_path_factory.mktemp("cut") / "people.csv"
    file.write_bytes(b"\n".join([b"customer_id", *lines]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "LINE_BYTES", 40)
        patch.setattr(files, "BLOCK_BYTES", block)

        found = [(line.number, line.raw) for block in read_blocks(file) for line in read_lines(block)]

    whole = [line[:40].removesuffix(b"\r").decode(errors="backslashreplace") for line in lines]
    assert found == [(number, text) for number, text in enumerate(whole, 2) if text]


def test_a_helper_that_is_ended_ends_the_import_with_a_sentence():
    with pytest.raises(RuntimeError, match="a process that reads the file was ended"):
        list(each(sys.exit, [b"a", b"b", b"c"]))


def test_an_import_that_was_killed_and_run_again_gives_the_same_records(tmp_path):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        write_log(tmp_path / name / "log.csv", 3_000)
    command = [sys.executable, "-m", "engine.cli", "import", "interactions", tmp_path / "killed" / "log.csv"]
    store = LmdbStore(tmp_path / "killed" / "store")
    with subprocess.Popen([*command, "--state", tmp_path / "killed"]) as process:
        while not store.count():
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    before = store.count()
    store.close()
    assert 0 < before < 3_000

    again = import_interactions(tmp_path / "killed" / "log.csv", tmp_path / "killed")

    assert again["duplicates"] > 0
    assert import_interactions(tmp_path / "whole" / "log.csv", tmp_path / "whole")["imported"] == 30_000
    assert records(tmp_path / "killed") == records(tmp_path / "whole")
    assert [file.name for file in (tmp_path / "killed").iterdir()] == ["log.csv", "store"]


def test_memory_does_not_grow_with_the_file(tmp_path):
    memory_mb = []
    for customers in (8_000, 24_000):
        file = tmp_path / f"{customers}.csv"
        write_log(file, customers)
        memory_mb.append(imported(file, tmp_path / str(customers), 10 * customers))

    assert max(memory_mb) < 400  # as docs/import.md says, of all processes together
    assert memory_mb[1] < 1.25 * memory_mb[0]
