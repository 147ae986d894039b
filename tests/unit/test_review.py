"""What compiles and cannot be meant is told, with its place; what is meant is left alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decide.bundle import read_bundle
from engine.decide.review import review
from rules import Domain, Schema, always, compile_expression, never

GOOD = {
    "schema.yaml": "customer: {age: {type: int, min: 0, max: 120}, "
    "city: {type: string, values: [Oslo, Rome]}, vip: bool}",
    "channels.yaml": "{email: {direction: outbound}, web: {direction: inbound}}",
    "purposes.yaml": "{marketing: {}}",
    "actions.csv": "action_key,objective,group,purposes,value,message_web\n"
    "card,grow,cards,marketing,1,a\nloan,grow,loans,marketing,1,b\n",
    "policies.yaml": "{}",
}


def warnings(**files):
    texts = {**GOOD, **{name.replace("_", "."): text for name, text in files.items()}}
    return [str(fault) for fault in review(read_bundle(texts))]


def rule(condition, name="r", scope="{}"):
    return f'eligibility:\n  - {{name: {name}, scope: {scope}, when: "{condition}"}}\n'


def cap(name, at_most, within):
    return f"{{name: {name}, kind: exposure, at_most: {at_most}, within: {within}}}"


@pytest.mark.parametrize(
    ("policies", "words"),
    [
        (rule("customer.age > 30", scope="{role: employe}"), "'r' is for role 'employe'"),
        ("contact: [{name: c, kind: exposures, at_most: 1, within: 1d}]", "did you mean 'exposure'?"),
        ("cooldown: [{name: c, after: dismissed, for: 1d}]", "did you mean 'dismiss'?"),
        ("spacing: [{name: c, between: send, apart: 1h}]", "did you mean 'sent'?"),
    ],
)
def test_a_role_or_an_outcome_that_nobody_has_is_told(policies, words):
    (warning,) = warnings(policies_yaml=policies)

    assert words in warning


def test_an_outcome_of_ones_own_is_left_alone():
    assert warnings(policies_yaml="contact: [{name: c, kind: callback, at_most: 1, within: 1d}]") == []


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("false", "can never hold"),
        ("customer.age < 0", "can never hold"),
        ("customer.age > 120", "can never hold"),
        ("customer.age > 20 && customer.age < 21", "can never hold"),
        ("customer.city == 'Paris'", "can never hold"),
        ("customer.city in ['Paris', 'Nice']", "can never hold"),
        ("customer.vip && !customer.vip", "can never hold"),
        ("customer.city == 'Rome' && customer.city == 'Oslo'", "can never hold"),
        ("!(customer.age >= 0)", "can never hold"),
        ("true", "always holds"),
        ("customer.age >= 0", "always holds"),
        ("0 <= customer.age", "always holds"),
        ("customer.age < 18 || customer.age <= 120", "always holds"),
        ("customer.city in ['Rome', 'Oslo', 'Paris']", "always holds"),
        ("customer.city != 'Paris'", "always holds"),
    ],
)
def test_a_condition_that_says_nothing_is_told_with_its_place(condition, words):
    (warning,) = warnings(policies_yaml=rule(condition, scope="{group: loans}"))

    assert warning.startswith("policies.yaml:2:")
    assert words in warning


@pytest.mark.parametrize(
    "condition", ["customer.age >= 18", "customer.city == 'Rome'", "customer.vip", "customer.age != 3"]
)
def test_a_condition_that_says_something_is_left_alone(condition):
    assert warnings(policies_yaml=rule(condition)) == []


def test_rules_that_exclude_each_other_are_told_with_the_action_that_nobody_can_receive():
    young = rule("customer.age < 18", "young", "{group: cards}")
    old = young + rule("customer.age >= 65", "old").removeprefix("eligibility:\n")

    assert warnings(policies_yaml=old) == [
        "actions.csv:2:1: no customer can ever receive action 'card': of customer.age nothing is left by 'young', 'old'"
    ]


def test_a_cap_that_another_makes_idle_is_told():
    caps = f"contact: [{cap('a', 5, '1d')}, {cap('b', 3, '7d')}]"

    assert [
        "'a' (at most 5 exposure within 1d) can never bind" in warning for warning in warnings(policies_yaml=caps)
    ] == [True]


def test_a_tighter_cap_of_a_shorter_window_is_left_alone():
    caps = f"contact: [{cap('a', 1, '1d')}, {cap('b', 3, '7d')}]"

    assert warnings(policies_yaml=caps) == []


def test_a_purpose_that_nothing_needs_and_a_missing_message_are_told():
    actions = GOOD["actions.csv"].replace(",1,b", ",1,")

    found = warnings(purposes_yaml="{marketing: {}, research: {}}", actions_csv=actions)

    assert found == [
        "actions.csv:3:1: action 'loan' has no message for channel 'web'",
        "purposes.yaml:1:27: no action needs purpose 'research'",
    ]


ATOMS = st.one_of(
    st.builds("customer.age {} {}".format, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.integers(-2, 8)),
    st.builds("{} {} customer.age".format, st.integers(-2, 8), st.sampled_from(["<", "<=", ">", ">="])),
    st.builds(
        "customer.city {} '{}'".format, st.sampled_from(["==", "!="]), st.sampled_from(["Rome", "Oslo", "Paris"])
    ),
    st.sampled_from(["customer.vip", "!customer.vip", "customer.city in ['Rome', 'Paris']", "true", "false"]),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
    ),
    max_leaves=5,
)
SCHEMA = Schema({"age": "int", "city": "string", "vip": "bool"}, {}, {})
KNOWN = {
    "customer.age": Domain(0, 6),
    "customer.city": Domain(values=frozenset({"Rome", "Oslo"})),
    "customer.vip": Domain(values=frozenset({True, False})),
}


@settings(max_examples=400, deadline=None)
@given(CONDITIONS)
def test_never_and_always_are_never_wrong(text):
    expression = compile_expression(text, SCHEMA)
    people = [{"age": a, "city": c, "vip": v} for a in range(7) for c in ("Rome", "Oslo") for v in (True, False)]
    found = {expression.evaluate(person, {}, {}).passed for person in people}

    assert not (never(expression.tree, KNOWN) and True in found)
    assert not (always(expression.tree, KNOWN) and False in found)


@pytest.mark.parametrize(("start", "told"), [("2026-01-31", True), ("2026-02-01", False)])
def test_two_windows_that_show_one_message_at_one_time_are_told(start, told):
    actions = "action_key,objective,group,purposes,value,message_web,start,end\n"
    actions += f"old,grow,cards,marketing,1,sale,2026-01-01,2026-02-01\nnew,grow,cards,marketing,1,sale,{start},\n"
    actions += "other,grow,cards,marketing,1,else,2026-01-01,\n"

    expected = "actions.csv:3:1: the window of 'new' overlaps that of 'old': both show 'sale' in channel 'web'"

    assert warnings(actions_csv=actions) == ([expected] if told else [])


def test_a_misspelt_positive_is_told_with_its_place_and_a_word_of_its_own_is_left_alone():
    found = warnings(arbitration_yaml="adaptive: {positives: [click, purchas, callback]}")

    assert [words for words in found if "positives" in words] == [
        "arbitration.yaml:1:31: 'purchas' among the positives is no kind the engine knows; did you mean 'purchase'?"
    ]
    assert [words for words in warnings() if "positives" in words] == []
