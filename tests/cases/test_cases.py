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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{a: [", "not YAML"),
        ("[1, 2]", "must be a list of cases"),
        ("{case: x}", "must be a list of cases"),
        ("[{case: x, giben: {}}]", "unknown ['giben']"),
        ("[{case: x, ask: {now: never}}]", "cases.yaml: x: cannot be read: 'never' is no date"),
        ("[{case: x, ask: {channels: [fax]}}]", "unknown channel 'fax'"),
        ("[{case: x, ask: {actions: [nope]}}]", "unknown action 'nope'"),
        ("[{case: x, given: {consents: [a b c d e]}}]", "is no consent"),
        ("[{case: x, given: {history: [yesterday]}}]", "is no event"),
        ("[{case: x, given: {preferences: {off: [a]}}}]", "unknown ['False']"),
        ("[{case: x, given: 3}]", "cannot be read"),
    ],
)
def test_a_case_that_cannot_be_read_is_named(tmp_path, text, words):
    for file in (HERE / "bank").glob("*.*"):
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "cases.yaml").write_text(text)

    with pytest.raises(ValueError, match=r"cases\.yaml") as caught:
        list(run_cases(tmp_path))

    assert words in str(caught.value)
