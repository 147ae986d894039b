"""Conditions: three-valued, over columns, with faults that name the place and the cure."""

import numpy as np
import pytest

from rules import RuleError, Schema, compile_expression

SCHEMA = Schema({"age": "int", "city": "string"}, {"device": "string"}, {"group": "string", "margin": "double"})
COLUMNS = {"group": np.array(["a", "b", None], object), "margin": np.array([1.0, np.nan, 3.0])}


def evaluate(text, **customer):
    return compile_expression(text, SCHEMA).evaluate(customer, {}, COLUMNS)


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
    ],
)
def test_a_condition_over_the_customer_is_true_false_or_unknown(text, passed, unknown):
    verdict = evaluate(text, age=20)

    assert (verdict.passed, verdict.unknown) == (passed, unknown)


def test_a_condition_over_the_action_is_a_column_and_missing_entries_are_unknown():
    verdict = evaluate("action.group in ['a', 'c'] && action.margin > 0.5", age=20)

    assert verdict.passed.tolist() == [True, False, False]
    assert verdict.unknown.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("customer.agee > 3", "did you mean 'customer.age'"),
        ("customer.age", "must be true or false"),
        ("customer.age > 'x'", "no matching overload"),
        ("customer.age + 1 > 2", "not supported"),
        ("(" * 40 + "true" + ")" * 40, "nested deeper"),
        ("true && " * 600 + "true", "characters"),
    ],
)
def test_a_wrong_condition_is_refused_with_the_reason(text, message):
    with pytest.raises(RuleError, match=message):
        compile_expression(text, SCHEMA)
