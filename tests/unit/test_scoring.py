"""Several models at once: each row and customer meets the model the bundle says."""

import dataclasses

import msgspec
import numpy as np
import pytest

from engine.customer.record import Record
from engine.customer.view import Sent, view
from engine.decide.bundle import read_bundle
from engine.decide.parts import NOTHING, Parts
from engine.decide.pipeline import Effort, decide
from engine.decide.request import Ask, Inline, Request
from engine.decide.scoring import Contender, first_day
from engine.decide.snapshot import build_snapshot
from engine.journal.reading import read
from engine.journal.writer import SegmentJournal
from engine.serve.shadow import Shadows
from models import FeatureSpec, PriorScorer

TEXTS = {
    "schema.yaml": "customer: {age: int}",
    "channels.yaml": "web: {direction: inbound}",
    "actions.csv": "action_key,objective,group,purposes,value\ncard,grow,cards,service,1\nnote,serve,notes,service,2\n",
    "policies.yaml": "{}",
    "purposes.yaml": "service: {exempt: true, basis: contract}",
    "models.yaml": """
use: [{model: response}, {model: sale, scope: {objective: grow}}]
challengers: [{model: response_b, instead_of: response, share: 0.5}]
shadows: [{model: sale_c, of: sale}]
""",
}
RATES = {"response": 0.1, "sale": 0.2, "response_b": 0.3, "sale_c": 0.4}
REQUEST = Request((Ask("web", limit=9),), 1_700_000_000_000)


@pytest.fixture(scope="module")
def snapshot():
    contenders = [
        Contender(name, "v1", FeatureSpec(()), PriorScorer(rate + 0.05), rate) for name, rate in RATES.items()
    ]
    return build_snapshot(read_bundle(TEXTS), TEXTS, contenders)


def asked(snapshot, customer="", request=REQUEST, effort=Effort.FULL):
    seen = view(Record(customer), Sent(customer), snapshot.needs(request), request.now_ms)
    return decide(snapshot, dataclasses.replace(seen, allowed=dict.fromkeys(seen.allowed, True)), request, effort)


def said(evaluation):
    keys = evaluation.snapshot.catalogue.names("action")[evaluation.candidates]
    titles = [evaluation.scored.models[at].title for at in evaluation.scored.by]
    return {
        key: (title, round(float(p), 2))
        for key, title, p in zip(keys, titles, evaluation.scored.propensity, strict=True)
    }


def test_each_row_is_scored_by_the_model_of_its_scope(snapshot):
    assert said(asked(snapshot)) == {"card": ("sale/v1", 0.25), "note": ("response/v1", 0.15)}


def test_a_share_of_the_customers_meets_the_challenger_always_the_same_ones(snapshot):
    met = {f"c{n}": said(asked(snapshot, f"c{n}"))["note"] for n in range(200)}

    assert set(met.values()) == {("response/v1", 0.15), ("response_b/v1", 0.35)}
    assert met == {customer: said(asked(snapshot, customer))["note"] for customer in met}


def test_in_a_hurry_each_row_has_the_base_rate_of_its_champion(snapshot):
    hurried = asked(snapshot, effort=Effort.PRIOR)

    assert said(hurried) == {"card": ("sale/v1", 0.2), "note": ("response/v1", 0.1)}


def test_candidates_that_a_request_brings_are_scored_by_the_same_lineup(snapshot):
    brought = Inline("new", "cards", "grow", ("service",), 1.0)

    assert said(asked(snapshot, request=dataclasses.replace(REQUEST, inline=(brought,)))) == {"new": ("sale/v1", 0.25)}


def test_a_shadow_scores_for_the_journal_what_it_follows_and_changes_nothing(snapshot, tmp_path):
    evaluation = asked(snapshot)
    journal = SegmentJournal(tmp_path, 0)
    shadows = Shadows(journal)
    shadows.offer("d1", evaluation)
    shadows.close()
    journal.close()

    (entry,) = read(tmp_path)
    assert (entry["kind"], entry["decision_id"], entry["model"]) == ("shadow", "d1", "sale_c/v1")
    assert (entry["action_keys"], entry["channels"]) == (["card"], ["web"])
    assert entry["propensity"] == pytest.approx([0.45])


class _Full:
    """A journal whose disk is full for the first entry."""

    def __init__(self):
        self.asked, self.taken = 0, []

    def offer(self, entry):
        self.asked += 1
        if self.asked == 1:
            raise OSError(28, "No space left on device")
        self.taken.append(msgspec.msgpack.decode(entry))

    def close(self):
        pass


def test_a_shadow_that_cannot_be_journalled_does_not_stop_the_next(snapshot):
    journal, evaluation = _Full(), asked(snapshot)
    shadows = Shadows(journal)

    for decision_id in ("d1", "d2"):
        shadows.offer(decision_id, evaluation)
    shadows.close()

    assert [entry["decision_id"] for entry in journal.taken] == ["d2"]


def test_shadows_that_cannot_keep_up_score_the_latest_decisions(snapshot, monkeypatch):
    monkeypatch.setattr("engine.serve.shadow.WAITING", 2)
    monkeypatch.setattr("engine.serve.shadow.EVERY_S", 3_600)
    journal, evaluation = _Full(), asked(snapshot)
    journal.asked = 1
    shadows = Shadows(journal)

    for number in range(5):
        shadows.offer(f"d{number}", evaluation)
    shadows.close()

    assert [entry["decision_id"] for entry in journal.taken] == ["d3", "d4"]


def test_models_are_not_taken_over_where_another_tag_gives_a_row_to_another_model():
    texts = {**TEXTS, "models.yaml": "use: [{model: response}, {model: sale, scope: {tag: new}}]"}
    header, card, note = texts["actions.csv"].splitlines()
    tags = {"new": "old", "old": "new"}
    actions = {tag: f"{header},tags\n{card},{tag}\n{note},{tags[tag]}\n" for tag in tags}
    contenders = [
        Contender(name, "v1", FeatureSpec(()), PriorScorer(RATES[name]), 0.1) for name in ("response", "sale")
    ]
    made = NOTHING
    for tag, model in (("new", "sale/v1"), ("old", "response/v1"), ("new", "sale/v1")):
        own = {**texts, "actions.csv": actions[tag]}
        parts = Parts(made)
        built = build_snapshot(read_bundle(own, parts=parts), own, contenders, parts=parts)
        made = built.made

        assert said(asked(built))["card"][0] == model


def test_a_model_that_is_not_trained_yet_is_the_prior(snapshot):
    names = snapshot.bundle.lineup.names
    fresh = build_snapshot(snapshot.bundle, TEXTS, [first_day(name, 0.01) for name in names])

    assert said(asked(fresh)) == {"card": ("sale/prior", 0.01), "note": ("response/prior", 0.01)}
    assert np.allclose(asked(fresh).scored.propensity, 0.01)
