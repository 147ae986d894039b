"""The journal: what was offered is there, whatever happened to the process."""

import os
import subprocess
import sys
import zlib

import msgspec
import pytest

from engine.journal.frames import HEAD
from engine.journal.reading import Tail, read
from engine.journal.writer import SegmentJournal


def entry(number):
    return msgspec.msgpack.encode({"number": number})


def framed(data):
    return HEAD.pack(len(data), zlib.crc32(data)) + data


def numbers(directory):
    return [found["number"] for found in read(directory)]


def test_entries_come_back_in_their_order(tmp_path):
    journal = SegmentJournal(tmp_path, 0)
    for number in range(100):
        journal.offer(entry(number))
    journal.close()

    assert numbers(tmp_path) == list(range(100))


def test_each_start_opens_a_segment_of_its_own(tmp_path):
    for number in range(3):
        journal = SegmentJournal(tmp_path, 1)
        journal.offer(entry(number))
        journal.close()

    assert len(list(tmp_path.glob("*.seg"))) == 3
    assert numbers(tmp_path) == [0, 1, 2]


def test_a_killed_process_loses_nothing_it_offered(tmp_path):
    script = f"""
import os, signal, pathlib, msgspec
from engine.journal.writer import SegmentJournal
journal = SegmentJournal(pathlib.Path({str(tmp_path)!r}), 0)
for number in range(1000):
    journal.offer(msgspec.msgpack.encode({{"number": number}}))
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], check=False)

    assert done.returncode == -9
    assert numbers(tmp_path) == list(range(1_000))


def test_a_torn_tail_ends_its_segment_and_no_other(tmp_path):
    for worker in (0, 1):
        journal = SegmentJournal(tmp_path, worker)
        journal.offer(entry(worker))
        journal.offer(entry(worker + 10))
        journal.close()
    first = min(tmp_path.glob("*.seg"))
    os.truncate(first, first.stat().st_size - 1)

    assert numbers(tmp_path) == [0, 1, 11]


@pytest.mark.parametrize(
    "damaged",
    [HEAD.pack(9, 0) + b"nine byte", framed(b"\xc1wrong"), framed(b"\x01")],
    ids=["checksum", "no msgpack", "no mapping"],
)
def test_a_damaged_entry_costs_no_other(tmp_path, damaged):
    (tmp_path / "000-000000.seg").write_bytes(framed(entry(0)) + damaged + framed(entry(1)))

    assert numbers(tmp_path) == [0, 1]


def test_zeros_that_a_power_cut_leaves_end_a_segment(tmp_path):
    (tmp_path / "000-000000.seg").write_bytes(framed(entry(0)) + bytes(100))

    assert numbers(tmp_path) == [0]


def test_segments_that_were_moved_away_keep_no_writer_from_starting(tmp_path):
    for _ in range(2):
        SegmentJournal(tmp_path, 0).close()
    (tmp_path / "000-000000.seg").unlink()

    SegmentJournal(tmp_path, 0).close()

    assert sorted(file.name for file in tmp_path.iterdir()) == ["000-000001.seg", "000-000002.seg"]


def test_a_tail_gives_each_entry_once_and_waits_for_one_that_is_not_whole(tmp_path):
    segment, tail, whole = tmp_path / "000-000000.seg", Tail(tmp_path), framed(entry(0))
    segment.write_bytes(whole)
    first = [found["number"] for found in tail.new()]
    with segment.open("ab", buffering=0) as file:
        file.write(whole[:-1])
        torn = list(tail.new())
        file.write(whole[-1:])

    assert (first, torn) == ([0], [])
    assert [found["number"] for found in tail.new()] == [0]
    assert list(tail.new()) == []
