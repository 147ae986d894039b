"""The journal: what was offered is there, whatever happened to the process."""

import os
import subprocess
import sys
import zlib

import msgspec
import pytest

from engine.journal.entries import plain
from engine.journal.frames import HEAD, entries
from engine.journal.front import Front
from engine.journal.protocol import JournalFullError
from engine.journal.reading import Tail, places, read, stream
from engine.journal.segments import finish_all, finished
from engine.journal.status import status
from engine.journal.writer import SegmentJournal


@pytest.fixture(autouse=True)
def memory(tmp_path):
    """Nothing is left in shared memory after a test."""
    yield
    for segment in tmp_path.rglob("*.seg"):
        front = Front.of(segment)
        if front:
            front.remove()


def entry(number):
    return msgspec.msgpack.encode({"number": number})


def framed(data):
    return HEAD.pack(len(data), zlib.crc32(data)) + data


def numbers(directory):
    return [found["number"] for found in read(directory) if "number" in found]


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
    finish_all(tmp_path)
    assert numbers(tmp_path) == list(range(1_000))
    assert Front.of(tmp_path / "000-000000.seg") is None


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


def stuck(journal):
    """A disk that takes nothing more, as ENOSPC or EIO would have it."""
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, journal._segment._file)
    os.close(full)


def offered(journal, count, size=1_000):
    refused = 0
    for number in range(count):
        try:
            journal.offer(msgspec.msgpack.encode({"number": number, "noise": os.urandom(size)}))
        except JournalFullError:
            refused += 1
    return refused


def identity(counts):
    return counts.written + counts.waiting + counts.spilled + counts.dropped


def test_a_full_disk_neither_stops_nor_loses_what_memory_can_hold(tmp_path):
    journal = SegmentJournal(tmp_path, 0)
    stuck(journal)

    assert offered(journal, 500) == 0
    assert len(numbers(tmp_path)) == 500
    journal.close()

    assert (journal.counts.written, journal.counts.waiting) == (0, 500)
    assert len(numbers(tmp_path)) == 500, "what never reached the disk waits in memory for the next start"
    SegmentJournal(tmp_path, 0).close()
    assert numbers(tmp_path) == list(range(500))
    assert Front.of(min(tmp_path.glob("*.seg"))) is None


def test_a_journal_that_cannot_keep_up_refuses_and_counts_what_it_refused(tmp_path):
    journal = SegmentJournal(tmp_path, 0, capacity=1 << 16)
    stuck(journal)

    refused = offered(journal, 200)
    journal.close()

    counts = journal.counts
    assert 0 < refused == counts.dropped < 200
    assert identity(counts) == counts.offered == 200
    assert len(numbers(tmp_path)) == 200 - refused


def test_a_journal_that_may_spill_refuses_nothing_and_all_of_it_can_be_read(tmp_path):
    spill = tmp_path / "elsewhere"
    journal = SegmentJournal(tmp_path / "journal", 0, spill, capacity=1 << 16)
    stuck(journal)

    assert offered(journal, 200) == 0
    journal.close()

    counts = journal.counts
    assert counts.spilled > 0
    assert counts.dropped == 0
    assert identity(counts) == counts.offered == 200
    assert places(tmp_path / "journal") == [tmp_path / "journal", spill]
    assert sorted(numbers(tmp_path / "journal")) == list(range(200))


def test_where_the_spill_fails_too_calls_are_refused(tmp_path):
    (tmp_path / "elsewhere").write_text("a file, no directory")
    journal = SegmentJournal(tmp_path / "journal", 0, tmp_path / "elsewhere", capacity=1 << 16)
    stuck(journal)

    refused = offered(journal, 200)
    journal.close()

    assert 0 < refused == journal.counts.dropped
    assert identity(journal.counts) == 200


def test_what_a_disk_takes_in_part_goes_on_where_it_stopped(tmp_path):
    """A real limit of a file's size: the write is short, the next one fails, and nothing is torn or twice."""
    script = f"""
import os, pathlib, resource, signal, msgspec
from engine.journal.writer import SegmentJournal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = SegmentJournal(pathlib.Path({str(tmp_path)!r}), 0)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_001, resource.RLIM_INFINITY))
for number in range(100):
    journal.offer(msgspec.msgpack.encode({{"number": number, "noise": os.urandom(1000)}}))
journal._write(sync=True)
assert (journal._segment.written, journal.counts.waiting) == (10_001, 100)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.close()
assert journal.counts.written == 100
"""
    done = subprocess.run([sys.executable, "-c", script], check=False)

    assert done.returncode == 0
    assert numbers(tmp_path) == list(range(100))


def test_a_new_segment_is_opened_when_one_is_full_and_the_old_one_is_finished(tmp_path):
    journal = SegmentJournal(tmp_path, 0, segment_bytes=1)
    for number in range(3):
        journal.offer(entry(number))
        journal.record(b"a record")
        journal._write(sync=True)
    names = sorted(tmp_path.glob("*.seg"))

    assert [finished(name) for name in names] == [True, True, True, False]
    assert [sum(e["kind"] == "record" for e in plain_entries(name)) for name in names] == [1, 1, 1, 0]
    journal.close()
    assert numbers(tmp_path) == [0, 1, 2]


def plain_entries(segment):
    return [{"kind": "", **plain(packed)} for _, packed in entries(stream(segment), "")]


def test_a_record_is_written_once_in_a_segment(tmp_path):
    journal = SegmentJournal(tmp_path, 0)
    names = [journal.record(b"one"), journal.record(b"two"), journal.record(b"one")]
    journal.close()

    assert names[0] == names[2] != names[1]
    assert journal.counts.offered == 2


def test_readers_see_what_waits_in_memory_while_a_writer_goes_on(tmp_path):
    journal, tail, seen = SegmentJournal(tmp_path, 0, capacity=1 << 14), Tail(tmp_path), []
    for number in range(2_000):
        while True:
            try:
                journal.offer(entry(number))
                break
            except JournalFullError:
                seen += [found["number"] for found in tail.new()]
        if number % 7 == 0:
            seen += [found["number"] for found in tail.new()]
    journal.close()
    seen += [found["number"] for found in tail.new()]

    assert seen == list(range(2_000))


def test_what_became_of_the_entries_can_be_seen_from_outside_while_it_goes_on(tmp_path):
    spill = tmp_path / "elsewhere"
    journal = SegmentJournal(tmp_path / "journal", 0, spill, capacity=1 << 16)
    offered(journal, 10)
    journal._write(sync=True)
    stuck(journal)
    offered(journal, 100)
    journal._write(sync=True)

    seen = status(tmp_path / "journal")
    journal.close()

    assert (seen["offered"], seen["written"], seen["dropped"]) == (110, 10, 0)
    assert seen["offered"] == seen["written"] + seen["waiting"] + seen["spilled"] + seen["dropped"]
    assert seen["waiting_bytes"] > 0
    assert seen["spilled_segments"] == 1
