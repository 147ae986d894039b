"""What earlier versions wrote is read for ever: journals of every format, and the snapshot that decided.

`one` is what the first version wrote, `two` what came after it, `rolled` the same in Parquet; never to be made again.
"""

import shutil
from pathlib import Path

import pytest

from engine.journal.reading import read
from engine.serve.past.replay import compare, shares
from engine.serve.past.sql import ask

HERE = Path(__file__).parent


@pytest.fixture
def state(request, tmp_path):
    shutil.copytree(HERE / "snapshots", tmp_path / "snapshots")
    shutil.copytree(HERE / request.param, tmp_path / "journal")
    return tmp_path


def compared(state):
    found = [compare(share) for share in shares(state)]
    reasons = sum((one.not_replayable for one in found), start=type(found[0].not_replayable)())
    return sum(one.same for one in found), sum(one.different for one in found), reasons


@pytest.mark.parametrize("state", ["two", "rolled"], indirect=True)
def test_decisions_are_made_again_to_the_byte(state):
    same, different, reasons = compared(state)

    assert (same, different, dict(reasons)) == (12, 0, {})


@pytest.mark.parametrize("state", ["one"], indirect=True)
def test_of_the_first_format_strangers_are_decided_again_and_others_never_count_as_the_same(state):
    same, different, reasons = compared(state)

    assert (same, different) == (4, 0)
    assert dict(reasons) == {"its entry is of format 1, which names no customer record": 8}
    assert len([*read(state / "journal")]) == 12


@pytest.mark.parametrize("state", ["rolled"], indirect=True)
def test_the_first_parquet_files_answer_today(state):
    asked = "select count(*), sum(ranked), count(distinct record) from decisions"

    (decisions,) = ask(state / "journal", asked).rows
    (rankings,) = ask(state / "journal", "select count(*) from rankings").rows

    assert decisions == (12, rankings[0], 2)
    assert ask(state / "journal", "select granted from consents order by customer_id").rows == [(True,), (False,)]
