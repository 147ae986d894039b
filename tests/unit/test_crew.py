"""The supervisor: which deaths it bears."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.serve import server
from engine.serve.server import RESTARTS, _Crew
from engine.serve.settings import Settings

LEARNER = 1  # after one worker


@pytest.fixture
def started(monkeypatch):
    """Every process that is started, and is dead at once if it is of `dying`."""
    numbers, dying = [], set()

    def start(_, number):
        numbers.append(number)
        return SimpleNamespace(process=SimpleNamespace(is_alive=lambda: number not in dying, exitcode=1))

    monkeypatch.setattr(_Crew, "_start", start)
    return SimpleNamespace(numbers=numbers, dying=dying)


def a_crew():
    return _Crew(Settings(Path("bundle"), Path("state")))


def test_a_worker_that_keeps_dying_is_a_fault(started):
    started.dying.add(0)
    crew = a_crew()

    assert [crew.whole() for _ in range(RESTARTS)] == [True] * (RESTARTS - 1) + [False]


def test_a_learner_that_keeps_dying_is_no_reason_to_stop_deciding(started):
    started.dying.add(LEARNER)
    crew = a_crew()

    assert all(crew.whole() for _ in range(RESTARTS * 2))
    assert started.numbers.count(LEARNER) == 2  # again at once, then only after a pause


def test_a_learner_is_started_again_after_a_pause(started, monkeypatch):
    monkeypatch.setattr(server, "LEARNER_S", 0.0)
    started.dying.add(LEARNER)
    crew = a_crew()

    assert all(crew.whole() for _ in range(RESTARTS * 2))
    assert started.numbers.count(LEARNER) == 1 + RESTARTS * 2
