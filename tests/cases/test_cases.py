"""Worlds in YAML: what is given, what is asked, what is expected, and because of what."""

from pathlib import Path

import pytest

from engine.serve.cases import run_cases

HERE = Path(__file__).parent
OUTCOMES = [outcome for world in sorted(HERE.iterdir()) if (world / "cases").is_dir() for outcome in run_cases(world)]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=[f"{outcome.file}: {outcome.case}" for outcome in OUTCOMES])
def test_the_case_holds(outcome):
    assert outcome.faults == ()


def test_there_are_cases_enough():
    assert len(OUTCOMES) >= 25


def test_a_wrong_expectation_is_told(tmp_path):
    for file in (HERE / "bank").glob("*.*"):
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "cases").mkdir()
    wrong = "- {case: wrong, given: {}, expect: {email: [card]}, because: {card in email: [adults only]}}"
    (tmp_path / "cases" / "wrong.yaml").write_text(wrong)

    (outcome,) = run_cases(tmp_path)

    assert [fault.partition(": ")[0] for fault in outcome.faults] == ["email", "card in email"]
    assert "was by ['adults only', 'marketing.offers in email']" in outcome.faults[1]
