"""An online model in a line-up: what it scores, what it is taught by, and what is left alone."""

from dataclasses import replace

import numpy as np
import pytest
from nba.v1 import decision_pb2

from engine.customer.record import Interaction
from engine.decide.bundle import read_bundle
from engine.decide.faults import BundleError
from engine.decide.pipeline import Effort, decide
from engine.decide.request import Ask, CustomerView, Inline, Request
from engine.decide.snapshot import Snapshot
from engine.serve.build import load_snapshot
from engine.serve.joiner import Joiner
from engine.serve.teaching import taught
from models import HALF_LIFE_MS, NOTHING, Cell, Event, State, update
from models.online import read_inputs

TEXTS = {
    "schema.yaml": "customer: {age: int, plan: string}\nrequest: {hour: int}",
    "channels.yaml": "web: {direction: inbound}",
    "actions.csv": "action_key,objective,group,purposes,value\n"
    "card,grow,cards,service,1\nloan,grow,loans,service,1\nnote,serve,notes,service,1\n",
    "policies.yaml": "{}",
    "models.yaml": """
online:
  - model: quick
    features: [customer.age, {name: customer.plan, kind: categorical, categories: [basic, full]}, request.hour]
use: [{model: response}, {model: quick, scope: {objective: grow}}]
""",
}
LOAN = Cell("loan", "web", "loans")
ASKED = Request((Ask("web", limit=3),), now_ms=0, context={"hour": 9})


def snapshot(tmp_path, models="", previous=None) -> Snapshot:
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text + models if name == "models.yaml" else text)
    return load_snapshot(tmp_path, tmp_path / "models", previous=previous)


def customer(**attributes):
    return CustomerView({"age": 30, "plan": "full"} | attributes, {}, {("service", "web"): True}, customer_id="anna")


def quick_of(snapshot):
    return snapshot.scoring.models["quick"]


def learned_by(snapshot, *positives, cell=LOAN, count=20):
    """Shown to customers of many ages, answered by some."""
    inputs = [
        quick_of(snapshot).read(decide(snapshot, customer(age=age), ASKED).moment) for age in range(20, 20 + count)
    ]
    events = [Event(cell, 0, positive=positive, inputs=each) for each in inputs for positive in (False, *positives)]
    return taught(NOTHING, [(quick_of(snapshot).title, event) for event in events], 0, HALF_LIFE_MS)


def propensity_of(snapshot, action, evaluation):
    row = evaluation.candidates.tolist().index(int(snapshot.catalogue.governed({"action": action})[0]))
    return evaluation.scored.propensity[row], evaluation.scored.ranked_by[row]


def test_inputs_have_a_column_for_each_category_and_none_for_what_is_missing(tmp_path):
    known = snapshot(tmp_path)

    def read(**attributes):
        return read_inputs(quick_of(known).read(decide(known, customer(**attributes), ASKED).moment)).tolist()

    assert read() == [30, 0, 1, 9]
    assert read(plan="basic") == [30, 1, 0, 9]
    assert read(plan="other") == [30, 0, 0, 9]
    assert np.isnan(read(age=None)[0])


def test_it_scores_its_own_scope_alone_and_is_ranked_by_its_hope(tmp_path):
    first = snapshot(tmp_path)
    after = first.taught(learned_by(first, True))
    evaluation = decide(after, customer(), ASKED)

    assert propensity_of(after, "note", evaluation) == (np.float32(0.01), np.float32(0.01))
    loan, hoped = propensity_of(after, "loan", evaluation)
    assert 0.8 < loan <= hoped <= 1
    card, hoped = propensity_of(after, "card", evaluation)
    assert (card, hoped > 0.5) == (0, True)


def test_corrections_of_other_models_leave_it_as_it_is_to_the_bit(tmp_path):
    first = snapshot(tmp_path)
    learned = learned_by(first, True)
    note = State(first.scoring.models["response"].title)
    events = [Event(Cell("note", "web", "notes"), 0, 0.01), Event(Cell("note", "web", "notes"), 0, positive=True)]
    both = type(learned)((update(note, events, 0, HALF_LIFE_MS),), 0, learned.online)

    one, other = (decide(first.taught(each), customer(), ASKED) for each in (learned, both))

    assert propensity_of(first, "loan", one) == propensity_of(first, "loan", other)
    assert propensity_of(first, "note", one) < propensity_of(first, "note", other)


def test_inline_candidates_are_hoped_for_and_known_ones_known(tmp_path):
    first = snapshot(tmp_path)
    after = first.taught(learned_by(first))
    fresh = Inline(action_key="fresh", objective="grow", group="loans", purposes=("service",), value=1.0)
    asked = replace(ASKED, inline=(fresh,), action_keys=("loan",))

    evaluation = decide(after, customer(), asked)

    assert (
        propensity_of(evaluation.snapshot, "fresh", evaluation)[1]
        > propensity_of(evaluation.snapshot, "loan", evaluation)[1]
    )


def test_in_a_hurry_its_base_rate_stands_in(tmp_path):
    first = snapshot(tmp_path)

    assert set(decide(first, customer(), ASKED, Effort.PRIOR).scored.propensity) == {0.01}


def test_a_reload_keeps_what_is_known_and_other_features_begin_anew(tmp_path):
    first = snapshot(tmp_path)
    learned = learned_by(first, True)
    before = first.taught(learned)

    same = snapshot(tmp_path, "salt: x\n", before).taught(learned, before)
    (tmp_path / "models.yaml").write_text("use: [{model: quick}]\nonline: [{model: quick, features: [customer.age]}]")
    other = load_snapshot(tmp_path, tmp_path / "models", previous=before).taught(learned)

    assert (
        decide(same, customer(), ASKED).scored.propensity.tolist()
        == decide(before, customer(), ASKED).scored.propensity.tolist()
    )
    assert quick_of(same).contender is quick_of(before).contender
    assert quick_of(other).title != quick_of(before).title
    assert decide(other, customer(), ASKED).scored.propensity.max() == 0


def test_a_version_that_teaches_nothing_new_leaves_the_models_alone(tmp_path):
    first = snapshot(tmp_path)
    learned = learned_by(first)
    after = first.taught(learned)

    assert first.taught(NOTHING).scoring is first.scoring
    assert after.taught(learned).scoring is after.scoring


FOLLOWING = """
challengers: [{model: brisk, instead_of: quick, share: 1}]
shadows: [{model: calm, of: response}]
"""


def test_champions_challengers_and_shadows_all_learn_from_what_their_scope_was_scored_by(tmp_path):
    more = "  - {model: brisk, features: [customer.age]}\n  - {model: calm, features: [customer.age]}\nuse:"
    (tmp_path / "x").mkdir()
    models = TEXTS["models.yaml"].replace("use:", more) + FOLLOWING
    for name, text in {**TEXTS, "models.yaml": models}.items():
        (tmp_path / name).write_text(text)
    known = load_snapshot(tmp_path, tmp_path / "models")
    evaluation = decide(known, customer(), ASKED)

    read = known.scoring.read(evaluation.moment, evaluation.scored)

    titles = {name: model.title for name, model in known.scoring.models.items()}
    by = {title: scoring for title, (scoring, _) in read.items()}
    assert by == {
        titles["quick"]: titles["brisk"],
        titles["brisk"]: titles["brisk"],
        titles["calm"]: titles["response"],
    }
    assert [len(inputs) for _, inputs in read.values()] == [16, 4, 4]


def joined(model, read):
    joiner = Joiner()
    ranked = decision_pb2.RankedAction(action_key="loan", model=model, model_propensity=0.25)
    answer = decision_pb2.ChannelAnswer(channel="web", actions=[ranked])
    joiner.decided(decision_pb2.DecideRequest(), decision_pb2.DecideResponse(decision_id="d", channels=[answer]), read)
    return [*joiner.happened(Interaction("k", "anna", "click", 5, "web", "loan", "loans", decision_id="d"), ("click",))]


@pytest.mark.parametrize(
    ("model", "taught_to"),
    [("quick/1", ["quick/1"]), ("response/2", ["response/2", "calm/3"]), ("other/4", ["other/4"])],
    ids=["an online model is not corrected besides", "a shadow learns beside the corrections", "no scope of theirs"],
)
def test_an_outcome_teaches_those_that_read_the_decision(model, taught_to):
    lump = joined(model, {"quick/1": ("quick/1", b"abcd"), "calm/3": ("response/2", b"efgh")})

    assert [title for title, _ in lump] == [title for title in taught_to for _ in (0,)] * 2
    assert [event.positive for _, event in lump] == [False] * len(taught_to) + [True] * len(taught_to)
    assert {event.inputs for title, event in lump if title == "calm/3"} <= {b"efgh"}


def test_online_models_that_would_be_too_large_to_publish_are_refused_with_the_sizes():
    lines = "".join(f"action{number},grow,g{number % 2},service,1\n" for number in range(200))
    texts = TEXTS | {"actions.csv": "action_key,objective,group,purposes,value\n" + lines}

    with pytest.raises(BundleError, match=r"1,048,576 bytes together, not 1,987,200 \('quick' 1,987,200\)"):
        read_bundle(texts)

    narrow = texts | {"models.yaml": TEXTS["models.yaml"].replace("objective: grow", "group: g1")}
    assert read_bundle(narrow).lineup.online.keys() == {"quick"}
