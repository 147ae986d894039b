"""The loop around a decision that reserves, when others are quicker, callers leave, or the answer cannot be written."""

from collections import Counter

import numpy as np
import pytest

from engine.customer.record import Consent, Interaction, Record
from engine.customer.view import Sent, view
from engine.decide.bundle import read_bundle
from engine.decide.pipeline import decide
from engine.decide.request import Ask, Request
from engine.decide.scoring import first_day
from engine.decide.snapshot import build_snapshot
from engine.serve.reserving import CONTENDED, TRIES, Asking, kept, reserved
from engine.store.memory import MemoryStore
from models import RESPONSE
from tests.wire.test_reserving import BUNDLE

NOW_MS = 1_790_000_000_000
SNAPSHOT = build_snapshot(read_bundle(BUNDLE), BUNDLE, [first_day(RESPONSE, 0.1)])


@pytest.fixture
def store():
    made = MemoryStore()
    made.put([Record("anna", {}, [Consent("marketing", "", granted=True, source="", at_ms=1)])])
    return made


def asking(*asks, decision="d1", awaited=lambda: True, before=lambda: None):
    """A decision; `before` runs between what is held and what is reserved."""
    request = Request(asks or (Ask("email", reserve=True),), NOW_MS)

    def decided(held):
        before()
        sent = Sent("anna")
        return decide(SNAPSHOT, view(held.record, sent, SNAPSHOT.needs(request), NOW_MS, held.reserved), request)

    return Asking("anna", decision, 60, decided, awaited)


def keys(taken):
    names, rows = SNAPSHOT.catalogue.names("action"), taken.evaluation.candidates
    return [[str(names[row]) for row in rows[ranking]] for ranking in taken.evaluation.rankings]


def test_a_decision_that_is_overtaken_decides_again(store):
    others = iter(["d2"])

    def overtake():
        for other in others:
            reserved(store, asking(decision=other))

    taken = reserved(store, asking(before=overtake))

    assert keys(taken) == [["loan"]]
    assert len({each.action_key for each in store.hold("anna").reserved}) == 2


def test_a_withdrawal_between_is_heeded(store):
    withdrawn = iter([Consent("marketing", "", granted=False, source="", at_ms=2)])

    def withdraw():
        for consent in withdrawn:
            store.set_consent("anna", consent)

    assert keys(reserved(store, asking(before=withdraw))) == [[]]
    assert store.hold("anna").reserved == ()


def test_a_customer_who_never_stands_still_gets_nothing_where_it_would_have_to_be_reserved(store):
    tries = []

    def disturb():
        tries.append(1)
        store.apply([Interaction(str(len(tries)), "anna", "view", 1)])

    taken = reserved(store, asking(Ask("email", reserve=True), Ask("web"), before=disturb))

    assert len(tries) == TRIES
    assert taken.refused == CONTENDED
    assert keys(taken) == [[], ["card"]]
    assert store.hold("anna").reserved == ()


def test_a_decision_that_ranks_nothing_reserved_writes_nothing(store):
    before = store.hold("anna")
    reserved(store, asking(Ask("web")))

    assert store.hold("anna") == before


def test_a_caller_who_has_left_takes_nothing(store):
    assert reserved(store, asking(awaited=lambda: False)).contacts == ()
    assert store.hold("anna").reserved == ()


def test_a_caller_who_leaves_before_the_answer_gives_back_what_was_taken(store):
    there = [True]
    leaving = asking(awaited=lambda: there[0])
    taken = reserved(store, leaving)
    assert store.hold("anna").reserved

    with kept(store, leaving, taken):
        there.clear()
        there.append(False)

    assert store.hold("anna").reserved == ()


def test_an_answer_that_cannot_be_written_gives_back_what_was_taken(store):
    writing = asking()
    taken = reserved(store, writing)

    with pytest.raises(OSError, match="disk"), kept(store, writing, taken):
        raise OSError("the journal's disk is full")

    assert store.hold("anna").reserved == ()


def test_what_a_clock_ahead_of_ours_has_recorded_counts_now_and_not_at_another_moment(store):
    store.apply([Interaction(str(at), "anna", "exposure", NOW_MS + 3_600_000 + at) for at in range(2)])
    request, record = Request((Ask("email"),), NOW_MS), store.load("anna")
    needs = SNAPSHOT.needs(request)

    def ranked(reserved):
        return len(decide(SNAPSHOT, view(record, Sent("anna"), needs, NOW_MS, reserved), request).rankings[0])

    assert ranked(()) == 0
    assert ranked(None) == 1


def test_each_of_several_that_are_reserved_is_chosen_as_often_as_its_chance_says():
    texts = {
        **BUNDLE,
        "actions.csv": BUNDLE["actions.csv"] + "fund,grow,funds,marketing,2\n",
        "arbitration.yaml": "explore: {grow: {kind: plackett_luce, temperature: 0.5, price: 0.9}}\n",
    }
    snapshot = build_snapshot(read_bundle(texts), texts, [first_day(RESPONSE, 0.1)])
    record = Record("anna", {}, [Consent("marketing", "", granted=True, source="", at_ms=1)])
    ask, seen, said = Ask("email", limit=3, reserve=True), Counter(), {}
    names, draws = snapshot.catalogue.names("action"), 3_000
    for seed in range(draws):
        request = Request((ask,), NOW_MS, seed)
        decided = decide(snapshot, view(record, Sent("anna"), snapshot.needs(request), NOW_MS, ()), request)
        chosen = tuple(str(names[row]) for row in decided.candidates[decided.rankings[0]])
        seen[chosen] += 1
        said[chosen] = float(np.prod(decided.chances[0]))

    assert ("card", "save") not in seen  # one of a group
    assert {len(chosen) for chosen in seen} == {2}  # two in all
    assert sum(said.values()) == pytest.approx(1)
    for chosen, chance in said.items():
        assert abs(seen[chosen] / draws - chance) < 4 * (chance * (1 - chance) / draws) ** 0.5
