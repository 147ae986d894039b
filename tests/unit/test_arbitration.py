"""Components, weights, formulas and what decided between two actions."""

import numpy as np
import pytest
from nba.v1 import decision_pb2

from engine.decide import explain
from engine.decide.arbitration import NO_PRIORITY, Factors, Product, build_arbiter
from engine.decide.bundle import read_bundle
from engine.decide.pipeline import decide
from engine.decide.request import NONE, Ask, CustomerView, Preferences, Request
from engine.decide.review import review
from engine.decide.scoring import Contender, first_day
from engine.decide.sensitivity import CHOICE, ORDER, amounts, sensitivities
from engine.decide.snapshot import build_snapshot
from engine.serve.client import as_words
from engine.serve.wire.write import write_response
from models import RESPONSE, FeatureSpec, PriorScorer

GOOD = {
    "schema.yaml": "{customer: {age: int, spent: double}, request: {weather: string},action: {margin: double, n: int}}",
    "channels.yaml": "web: {direction: inbound}",
    "actions.csv": "action_key,objective,group,purposes,value,cost,margin,n\n"
    "card,grow,cards,a,12,0,4,1\nloan,grow,loans,a,8,1,,2\nsaver,grow,savers,a,3,0,2,3\n",
    "policies.yaml": "{}",
}
PRIOR = [first_day(RESPONSE, 0.5)]
WHOLE = "value: {margin: {of: action.margin}}"


def evaluated(arbitration="{}", limit=9, preferences=NONE, context=None, tables=None, **facts):
    texts = {**GOOD, "arbitration.yaml": arbitration, **(tables or {})}
    snapshot = build_snapshot(read_bundle(texts), texts, PRIOR)
    customer = CustomerView(facts, {}, {("a", "web"): True}, preferences=preferences)
    return decide(snapshot, customer, Request((Ask("web", limit=limit),), 1, context=context or {}))


def values_of(evaluation):
    keys = evaluation.snapshot.catalogue.names("action")[evaluation.candidates]
    return dict(zip(keys.tolist(), evaluation.factors.value.tolist(), strict=True))


def ranked(evaluation):
    keys = evaluation.snapshot.catalogue.names("action")[evaluation.candidates]
    return keys[evaluation.rankings[0]].tolist()


def test_without_a_formula_the_product_is_chosen_once():
    assert isinstance(build_arbiter(read_bundle(GOOD).valuation), Product)


def test_without_components_the_value_is_that_of_the_action_less_its_cost():
    assert values_of(evaluated()) == {"card": 12.0, "loan": 7.0, "saver": 3.0}


def test_components_add_up_and_one_that_is_not_known_counts_nothing():
    found = evaluated("value: {margin: {of: action.margin}, cost: {of: -action.cost}}")

    assert values_of(found) == {"card": 4.0, "loan": -1.0, "saver": 2.0}


def test_a_component_may_say_what_it_is_where_it_is_not_known():
    assert values_of(evaluated("value: {margin: {of: action.margin, on_missing: 3}}"))["loan"] == 3.0


@pytest.mark.parametrize("of", ["action.margin / 0.0", "-action.margin / 0.0", "0.0 * (action.margin / 0.0)"])
def test_a_component_that_is_no_finite_number_never_counts_as_much_as_its_cap(of):
    found = evaluated(f"value: {{margin: {{of: {of}, at_most: 50, at_least: -50}}}}")

    assert set(values_of(found).values()) == {0.0}


def test_a_component_reads_customer_request_and_action_together():
    of = "request.weather == 'rain' ? customer.spent * action.margin : double(action.n + customer.age)"
    text = f'value: {{margin: {{of: "{of}"}}}}'

    assert values_of(evaluated(text, context={"weather": "rain"}, spent=2.5, age=1))["card"] == 10.0
    assert values_of(evaluated(text, context={"weather": "sun"}, age=1)) == {"card": 2.0, "loan": 3.0, "saver": 4.0}


def test_caps_are_kept_and_told():
    found = evaluated("value: {margin: {of: action.margin, at_most: 3, at_least: 2.5}}")

    assert amounts(found, 0) == [("margin", 3.0, True)]
    assert amounts(found, 2) == [("margin", 2.5, True)]


def test_a_table_that_replaces_the_value_is_told_beside_the_components():
    table = {"tables/t.csv": "# hit: first\naction.group,=value\ncards,10\n"}

    assert amounts(evaluated(WHOLE, tables=table), 0) == [("margin", 4.0, False), ("=value", 6.0, False)]


def test_levers_and_context_weights_are_factors_of_their_own():
    text = "{levers: {cards: 2}, weights: [{name: w, scope: {group: cards}, when: customer.age > 3, weight: 3}]}"
    table = {"tables/t.csv": "# hit: first\naction.group,=lever,=weight\ncards,5,7\n"}

    factors = evaluated(text, tables=table, preferences=Preferences(channel="email"), age=4).factors

    assert (factors.lever[0], factors.weight[0]) == (10.0, 10.5)
    assert (factors.lever[1], factors.weight[1]) == (1.0, 0.5)


def test_a_weight_whose_condition_is_unknown_does_not_hold():
    text = "weights: [{name: w, when: customer.age > 3, weight: 3}]"

    assert evaluated(text).factors.weight.tolist() == [1.0, 1.0, 1.0]


def test_what_has_no_finite_priority_is_not_chosen():
    found = evaluated("formula: value == 12.0 ? 1.0 / 0.0 : (value == 7.0 ? 0.0 / 0.0 : -value)".replace(
        "formula: ", 'formula: "') + '"')  # fmt: skip

    assert ranked(found) == ["saver"]
    assert found.priority.tolist() == [NO_PRIORITY, NO_PRIORITY, -3.0]


def test_a_row_without_a_priority_is_told_with_its_factors():
    found = evaluated('formula: "value == 12.0 ? 1.0 / 0.0 : value"')

    (reason,) = explain.full(found)
    assert (reason.kind, reason.action_key, reason.text) == ("arbitration", "card", "its priority is no finite number")
    assert reason.saw == {"propensity": 0.5, "value": 12.0, "lever": 1.0, "weight": 1.0}
    assert explain.what_if(found) == [reason]
    assert [(each.gate, each.rows) for each in explain.summary(found)] == [("no priority", 1)]
    assert explain.funnel(found)[-3:] == [("quiet hours", 3), ("arbitration", 2), ("ranked", 2)]


def test_a_chance_that_is_no_number_is_never_acted_on():
    texts = {**GOOD, "arbitration.yaml": "{}"}
    broken = Contender(RESPONSE, "v", FeatureSpec(()), PriorScorer(float("nan")), 0.5)
    snapshot = build_snapshot(read_bundle(texts), texts, [broken])

    found = decide(snapshot, CustomerView({}, {}, {("a", "web"): True}), Request((Ask("web", limit=9),), 1))

    assert ranked(found) == []
    assert {reason.action_key for reason in explain.full(found)} == {"card", "loan", "saver"}


def test_what_decided_is_never_told_against_a_row_without_a_priority():
    found = evaluated('formula: "value == 12.0 ? 1.0 / 0.0 : value"', limit=2)

    assert [each.factor for each in sensitivities(found, 0)] == ["value", ""]


def test_a_formula_without_any_name_is_the_same_for_all():
    assert evaluated('formula: "1.5"').priority.tolist() == [1.5, 1.5, 1.5]


def test_a_formula_whose_whole_numbers_fail_ranks_nothing():
    assert ranked(evaluated('formula: "value + double(1 / 0)"')) == []


def test_the_deciding_factor_is_told_with_both_sides_and_what_would_be():
    first, second, last = sensitivities(evaluated(), 0)

    assert (first.factor, second.factor, last.factor) == ("value", "value", "")
    assert first.text == "card stands above loan by its value: 12 against 7; with equal value they would be equal"


def test_a_lever_that_turns_the_order_around_is_the_deciding_factor():
    first = sensitivities(evaluated("levers: {savers: 5}"), 0)[0]

    assert first.factor == "lever"
    assert first.text == "saver stands above card by its lever: 5 against 1; with equal lever card would lead"


def test_a_factor_that_decides_most_need_not_turn_the_order_around():
    first = sensitivities(evaluated("levers: {cards: 1.1}"), 0)[0]

    assert first.text.endswith("12 against 7; with equal value card would still lead")


def test_the_last_is_compared_with_the_best_that_found_no_place():
    (only,) = sensitivities(evaluated(limit=1), 0)

    assert only.text.startswith("card stands above loan by its value")


def test_of_the_value_the_component_that_differs_most_is_told():
    text = "value: {margin: {of: action.margin, on_missing: 1}, rest: {of: double(action.n)}}"

    assert "by its value: 5 against 3, mostly margin: 4 against 1;" not in sensitivities(evaluated(text), 0)[0].text
    assert "mostly margin: 4 against 2" in sensitivities(evaluated("value: {margin: {of: action.margin}}"), 0)[0].text


def test_a_table_that_replaces_the_value_of_one_of_two_is_told_as_what_differs():
    table = {"tables/t.csv": "# hit: first\naction.group,=value\ncards,10\n"}

    first, *_ = sensitivities(evaluated(WHOLE, tables=table), 0)

    assert "by its value: 10 against 2, mostly =value: 6 against 0" in first.text


def test_a_formula_is_asked_again_with_one_factor_swapped():
    text = "{levers: {savers: 5}, formula: value + 10.0 * lever}"

    first = sensitivities(evaluated(text), 0)[0]

    assert first.factor == "lever"
    assert first.text.endswith("5 against 1; with equal lever card would lead")


def test_equal_priorities_are_decided_by_name_and_said_so():
    assert [each.factor for each in sensitivities(evaluated('formula: "1.0"'), 0)] == [ORDER, ORDER, ""]


def test_what_a_selection_put_above_a_higher_priority_is_said_so():
    found = evaluated()
    explored = type(found)(**{**vars(found), "rankings": (np.array([1, 0]),)})

    assert sensitivities(explored, 0)[0].factor == CHOICE


def test_the_answer_carries_factors_at_level_full_only():
    found = evaluated("value: {margin: {of: action.margin, at_most: 3}}")
    full, none = (
        write_response(found, found.moment.request, level, "id").channels[0].actions[0]
        for level in (decision_pb2.EXPLAIN_LEVEL_FULL, decision_pb2.EXPLAIN_LEVEL_NONE)
    )

    assert (full.lever, full.weight, full.decisive_factor) == (1.0, 1.0, "value")
    assert [(part.name, part.value, part.capped) for part in full.components] == [("margin", 3.0, True)]
    assert not none.HasField("lever")
    assert (len(none.components), none.sensitivity, none.decisive_factor) == (0, "", "")


def test_a_person_reads_components_caps_and_what_decided():
    found = evaluated("value: {margin: {of: action.margin, at_most: 3}}")

    words = as_words(write_response(found, found.moment.request, decision_pb2.EXPLAIN_LEVEL_FULL, "id"), as_json=False)

    assert "1. card  propensity 0.5000  value 3.00  lever 1.00  weight 1.00  priority 1.5000" in words
    assert "value: margin 3.00 (capped)" in words
    assert "card stands above saver by its value: 3 against 2, mostly margin: 3 against 2" in words


@pytest.mark.parametrize(
    ("arbitration", "warning"),
    [
        ("formula: value", "arbitration.yaml:1:10: the formula ignores propensity: whatever the model says"),
        ("{levers: {cards: 2}, formula: propensity * value}", "the formula ignores lever"),
        (f"{{{WHOLE}, formula: propensity * lever}}", "the formula ignores value: its components do nothing"),
        (
            "{weights: [{name: w, when: customer.age > 3, weight: 2}], formula: propensity}",
            "the formula ignores weight: context weights do nothing",
        ),
        (
            "weights: [{name: w, when: customer.age > 3 && customer.age < 4, weight: 2}]",
            "arbitration.yaml:1:27: the condition of 'w' can never hold",
        ),
    ],
)
def test_what_an_arbitration_leaves_out_is_warned_of(arbitration, warning):
    (found,) = map(str, review(read_bundle({**GOOD, "arbitration.yaml": arbitration})))

    assert warning in found


def test_a_formula_that_reads_what_is_declared_is_left_alone():
    text = f"{{levers: {{cards: 2}}, {WHOLE}, formula: propensity * margin * lever}}"

    assert review(read_bundle({**GOOD, "arbitration.yaml": text})) == []


def test_a_product_beyond_all_numbers_is_no_priority_and_large_ones_keep_their_order():
    column = np.array([1e200, 2e200, 1e308, 1.0])
    ones = np.ones(4)

    priority = Product().priority(Factors(ones, column, np.array([1, 1, np.inf, 1]), ones, ones[:0], ones[:0] > 0))

    assert priority.tolist() == [1e200, 2e200, NO_PRIORITY, 1.0]
