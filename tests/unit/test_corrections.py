"""What was learned, over the rows of a snapshot."""

import numpy as np
import pytest

from engine.decide.adaptive import USUAL, Adaptivity
from engine.decide.bundle import read_bundle
from engine.decide.faults import BundleError
from engine.decide.parts import NOTHING, Parts
from engine.decide.pipeline import Effort, decide
from engine.decide.request import Ask, CustomerView, Inline, Request
from engine.decide.scoring import Scored, first_day
from engine.decide.sensitivity import sensitivities
from engine.decide.snapshot import build_snapshot
from models import Cell, Event, Learned, State, update
from rules import Library

TEXTS = {
    "schema.yaml": "customer: {age: int}\n",
    "channels.yaml": "web: {direction: inbound}\n",
    "policies.yaml": "{}\n",
    "actions.csv": "action_key,objective,group,purposes,value\ncard,grow,cards,service,1\nloan,grow,loans,service,1\n",
    "purposes.yaml": "service: {exempt: true, basis: contract}\n",
}
CARD = Cell("card", "web", "cards")


def a_snapshot(**texts):
    texts = TEXTS | texts
    return build_snapshot(read_bundle(texts), texts, [first_day("response", 0.1)])


def learned(*events, model="response/prior"):
    return Learned((update(State(model), events, 0, USUAL.half_life_ms),))


TAUGHT = learned(*[Event(CARD, 0, 0.1)] * 100, *[Event(CARD, 0, positive=True)] * 40)


def decided(snapshot, effort=Effort.FULL, inline=()):
    consents = {(purpose, "web"): True for purpose in ("service",)}
    request = Request((Ask("web", limit=10),), now_ms=1, inline=inline)
    return decide(snapshot, CustomerView({}, {}, consents), request, effort)


def propensities(evaluation):
    keys = evaluation.snapshot.catalogue.names("action")[evaluation.candidates]
    return dict(zip(keys, evaluation.scored.propensity.tolist(), strict=True))


def test_until_outcomes_arrive_answers_are_the_models_to_the_bit():
    plain, untaught = decided(a_snapshot()), decided(a_snapshot().taught(Learned()))

    assert untaught.scored.propensity.tobytes() == plain.scored.propensity.tobytes()
    assert untaught.snapshot.corrections.version == ""


def test_a_snapshot_of_the_same_rows_and_settings_takes_corrections_over_and_no_other_does():
    texts = {**TEXTS, "arbitration.yaml": "levers: {cards: 2.0}"}
    library, first_day_of = Library(), first_day("response", 0.1)

    def following(made, texts):
        parts = Parts(made)
        return build_snapshot(read_bundle(texts, library, parts), texts, [first_day_of], parts=parts)

    before = following(NOTHING, TEXTS).taught(TAUGHT)
    others = {
        "lever": texts,
        "rows": {**TEXTS, "actions.csv": TEXTS["actions.csv"].replace("loan,", "lend,")},
        "optimism": {**TEXTS, "arbitration.yaml": "adaptive: {optimism: 0.9}"},
    }

    taught = {what: following(before.made, own).taught(TAUGHT, before) for what, own in others.items()}
    same = {what: after.corrections is before.corrections for what, after in taught.items()}

    assert same == {"lever": True, "rows": False, "optimism": False}
    assert before.taught(learned(Event(CARD, 0, positive=True)), before).corrections is not before.corrections


def test_outcomes_correct_a_propensity_and_its_group_s_and_the_models_word_is_kept():
    found = decided(a_snapshot().taught(TAUGHT))

    assert propensities(found)["card"] == pytest.approx(0.39, abs=0.02)
    assert 0.1 < propensities(found)["loan"] < 0.39
    assert found.scored.said == pytest.approx([0.1, 0.1])
    assert found.snapshot.corrections.version == TAUGHT.version


def test_outcomes_of_another_model_correct_nothing():
    other = learned(*[Event(CARD, 0, 0.1, positive=True)] * 50, model="response/other")

    assert propensities(decided(a_snapshot().taught(other))) == propensities(decided(a_snapshot()))


def test_when_time_is_short_the_prior_is_not_corrected():
    hurried = decided(a_snapshot().taught(TAUGHT), Effort.PRIOR)

    assert hurried.scored.propensity == pytest.approx([0.1, 0.1])


def test_what_a_request_brings_starts_where_its_group_stands():
    brought = tuple(Inline(key, group, "grow", ("service",), 1.0) for key, group in (("new", "cards"), ("odd", "else")))

    found = propensities(decided(a_snapshot().taught(TAUGHT), inline=brought))

    assert found["new"] > found["odd"] > 0.1


def test_a_swap_of_what_was_learned_keeps_what_was_worked_out_of_the_rest():
    snapshot = a_snapshot()
    worth = snapshot.worth

    assert snapshot.taught(TAUGHT).worth is worth
    assert snapshot.corrections.version == ""


def test_optimism_ranks_what_is_little_known_first_and_leaves_propensities_alone():
    sober, hopeful = (
        decided(a_snapshot(**{"arbitration.yaml": f"adaptive: {{optimism: {quantile}}}"}).taught(TAUGHT))
        for quantile in (0.5, 0.99)
    )
    keys = sober.snapshot.catalogue.names("action")

    assert propensities(sober) == propensities(hopeful)
    assert keys[sober.candidates[sober.rankings[0]]].tolist() == ["card", "loan"]
    assert keys[hopeful.candidates[hopeful.rankings[0]]].tolist() == ["loan", "card"]


def test_with_optimism_the_words_name_what_ranked_and_not_the_propensity_of_the_reply():
    evaluation = decided(a_snapshot(**{"arbitration.yaml": "adaptive: {optimism: 0.99}"}).taught(TAUGHT))

    first = sensitivities(evaluation, 0)[0]

    hoped = [f"{evaluation.scored.hoped[at]:.4g}" for at in evaluation.rankings[0]]
    assert f"by its propensity as hoped for: {hoped[0]} against {hoped[1]};" in first.text


def test_corrections_do_not_depend_on_which_rows_are_asked_for_or_on_the_number_of_models():
    snapshot = a_snapshot().taught(TAUGHT)
    rows = np.arange(snapshot.catalogue.size)
    said = snapshot.scoring.prior(rows)
    twice = Scored(said.propensity, said.models * 2, np.array([0, 1]))

    together = snapshot.corrections.correct(twice, rows).propensity
    alone = [snapshot.corrections.correct(snapshot.scoring.prior(row), row).propensity[0] for row in rows[:, None]]

    assert together.tolist() == alone


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("adaptive: {half_life: 30 days}", "arbitration.yaml:1:23: '30 days' is no duration"),
        ("adaptive: {halflife: 30d}", "did you mean 'half_life'?"),
        ("adaptive: {positives: []}", "names no kind of interaction"),
        ("adaptive: {positives: click}", "positives must be a list"),
        ("adaptive: {positives: [1]}", "must be a non-empty text"),
        ("adaptive: {optimism: 0.3}", "optimism"),
        ("adaptive: {optimism: 1}", "below 1"),
        ("adaptive: yes", "adaptive must be a mapping"),
    ],
)
def test_what_cannot_be_meant_is_a_fault_with_its_place(text, fault):
    with pytest.raises(BundleError) as found:
        read_bundle(TEXTS | {"arbitration.yaml": text})

    assert any(fault in str(each) for each in found.value.faults), found.value.faults


def test_a_bundle_says_how_to_learn_or_not_to():
    said = read_bundle(TEXTS | {"arbitration.yaml": "adaptive: {half_life: 7d, positives: [call]}"}).adaptive

    assert said == Adaptivity(7 * 86_400_000, ("call",))
    assert read_bundle(TEXTS).adaptive == USUAL
    assert read_bundle(TEXTS | {"arbitration.yaml": "adaptive: off"}).adaptive is None
