"""Each kind of gate is broken in turn, and the cases must notice."""

from pathlib import Path

import numpy as np
import pytest

from engine.customer import consents, view
from engine.decide import contacts, engagement, quiet
from engine.decide.consents import ConsentBlock, SuppressionBlock
from engine.decide.contacts import ContactBlock
from engine.decide.engagement import PolicyBlock
from engine.decide.gates import STANDING, Gates
from engine.decide.preferences import PreferenceBlock
from engine.decide.quiet import QuietBlock
from engine.decide.sequences import SequenceBlock
from engine.decide.windows import WindowBlock
from engine.serve.cases import run_cases

WORLDS = sorted(path.parent for path in Path(__file__).parent.glob("*/cases"))
BLOCKS = (
    SuppressionBlock,
    ConsentBlock,
    WindowBlock,
    PolicyBlock,
    PreferenceBlock,
    SequenceBlock,
    ContactBlock,
    QuietBlock,
)


def failures():
    return [outcome.case for world in WORLDS for outcome in run_cases(world) if outcome.faults]


def test_nothing_fails_unbroken():
    assert failures() == []


@pytest.mark.parametrize("block", BLOCKS)
def test_a_kind_of_gate_that_lets_everything_pass_is_noticed(monkeypatch, block):
    monkeypatch.setattr(block, "evaluate", lambda self, moment: np.ones(self.size, bool))

    assert failures() != []


@pytest.mark.parametrize("block", BLOCKS)
def test_a_kind_of_gate_that_lets_nothing_pass_is_noticed(monkeypatch, block):
    monkeypatch.setattr(block, "evaluate", lambda self, moment: np.zeros(self.size, bool))

    assert failures() != []


@pytest.mark.parametrize(
    ("module", "name", "broken"),
    [
        (consents, "_expired", lambda consent, now_ms: False),
        (consents, "lineage", lambda purpose: [purpose]),
        (consents.Statements, "suppressed", lambda self: frozenset()),
        (view, "_covers", lambda consent, purpose, channel: False),
        (engagement, "role", lambda policy: ""),
        (contacts, "since_ms", lambda contact, moment: 0),
        (contacts, "zone_of", lambda name: None),
        (quiet, "is_holiday", lambda region, day: False),
        (quiet, "_between", lambda minute, start, end: start < minute < end),
    ],
)
def test_a_broken_part_is_noticed(monkeypatch, module, name, broken):
    monkeypatch.setattr(module, name, broken)

    assert failures() != []


def test_preferences_that_weigh_nothing_are_noticed(monkeypatch):
    monkeypatch.setattr("engine.decide.worth.weights", lambda asked, groups, channels: np.ones(len(groups)))

    assert failures() != []


def test_a_table_of_rows_and_gates_that_forgets_a_gate_is_noticed(monkeypatch):
    whole = Gates.lost_at

    def forgetful(self, passed):
        lost = whole(self, passed)
        lost[lost == lost.min()] = STANDING
        return lost

    monkeypatch.setattr(Gates, "lost_at", forgetful)

    assert failures() != []
