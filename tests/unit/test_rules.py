"""Conditions of one row: three-valued, with faults that name the place and the cure."""

import pytest

from rules import RuleError, Schema, compile_expression

SCHEMA = Schema(
    {"age": "int", "city": "string", "spent": "double", "since": "timestamp", "tags": "list(string)"},
    {"device": "string"},
    {"group": "string", "margin": "double"},
)


def evaluate(text, action=(), **customer):
    return compile_expression(text, SCHEMA).evaluate(customer, {}, dict(action))


@pytest.mark.parametrize(
    ("text", "passed", "unknown"),
    [
        ("customer.age >= 18", True, False),
        ("customer.city == 'Rome'", False, True),
        ("false && customer.city == 'Rome'", False, False),
        ("true || customer.city == 'Rome'", True, False),
        ("customer.age > 18 && customer.city == 'Rome'", False, True),
        ("has(customer.age) && !has(customer.city)", True, False),
        ("customer.age in [20, 30]", True, False),
        ("customer.age < 18 ? false : true", True, False),
        ("customer.age / 0 == 1", False, True),
        ("customer.age + 9223372036854775807 > 0", False, True),
        ("customer.spent / 0.0 > 1.0", False, True),
        ("customer.tags.exists(t, t.startsWith('go'))", True, False),
        ("customer.tags.all(t, t.matches('^[a-z]+$')) && size(customer.tags) == 2", True, False),
        ("customer.since < timestamp('2026-01-01T00:00:00Z') - duration('24h')", True, False),
        ("customer.since.getHours('Europe/Paris') == 2", True, False),
    ],
)
def test_a_condition_over_the_customer_is_true_false_or_unknown(text, passed, unknown):
    verdict = evaluate(text, age=20, tags=["gold", "new"], since=1_751_328_000_000)

    assert (verdict.passed, verdict.unknown) == (passed, unknown)


@pytest.mark.parametrize(
    ("action", "passed", "unknown"),
    [
        ({"group": "a", "margin": 1.0}, True, False),
        ({"group": "b"}, False, False),
        ({"margin": 3.0}, False, True),
    ],
)
def test_a_condition_over_the_action_is_asked_of_its_row(action, passed, unknown):
    verdict = evaluate("action.group in ['a', 'c'] && action.margin > 0.5", action)

    assert (verdict.passed, verdict.unknown) == (passed, unknown)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("customer.agee > 3", "did you mean 'customer.age'"),
        ("customer.age", "must be true or false"),
        ("customer.age > 'x'", "no matching overload"),
        ("dyn(customer.age) > 2", "not supported"),
        ("type(customer.age) == int", "not supported"),
        ("(" * 40 + "true" + ")" * 40, "nested deeper"),
        ("true && " * 600 + "true", "characters"),
        ("customer.tags.all(a, customer.tags.all(b, customer.tags.all(c, a == b || b == c)))", "at most 65,536"),
    ],
)
def test_a_wrong_condition_is_refused_with_the_reason(text, message):
    with pytest.raises(RuleError, match=message):
        compile_expression(text, SCHEMA)


def test_a_pattern_that_would_take_for_ever_elsewhere_is_linear_here():
    assert not evaluate("customer.city.matches('^(a+)+$')", city="a" * 5_000 + "b").passed
