"""What was acknowledged is there, once: a few of the kills that `make faults` counts by the hundred."""

import pytest

from tests.faults.kills import faults_of, killed


def test_killed_writers_lose_nothing_that_was_acknowledged_and_count_nothing_twice(tmp_path):
    told = killed("lmdb", tmp_path / "state", kills=25)

    assert sum(tale.acked for tale in told) > 0
    assert faults_of(tmp_path / "state", told) == []


@pytest.mark.parametrize("name", ["reply first", "counts twice"])
def test_the_kills_catch(tmp_path, name):
    assert faults_of(tmp_path / "state", killed(name, tmp_path / "state", kills=10))
