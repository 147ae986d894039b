"""Ours equal the library's own evaluation, errors included, of one row and over columns."""

from datetime import UTC, datetime, timedelta

import numpy as np
from cel_expr_python import cel
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rules import Batch, Columns, Measure, RuleError, Site, Texts, compile_expression, objects, texts_of
from rules.check import _environment, _with_presence
from rules.scalar import UNKNOWN, Worlds
from rules.tree import decode, encode
from tests.oracle.expressions import ACTIONS, CUSTOMERS, REQUESTS, SCHEMA, expressions

KINDS = SCHEMA.qualified()
LIBRARY = _environment(tuple(sorted(KINDS.items())))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def compiled(text, kind="bool"):
    try:
        return compile_expression(text, SCHEMA, kind=kind)
    except RuleError as error:
        if any(word in str(error) for word in ("characters", "nested", "steps")):
            return None  # what is drawn may be too long or too deep; anything else refused is a fault
        raise


def theirs(text, worlds):
    data = {f"{world}.{name}": value for world, fields in worlds.items() for name, value in fields.items()}
    for name in list(data):
        if KINDS[name] in ("timestamp", "duration"):
            span = timedelta(milliseconds=data[name])
            data[name] = EPOCH + span if KINDS[name] == "timestamp" else span
    present = {f"has_.{name}": name in data for name in KINDS}
    value = LIBRARY.compile(_with_presence(text, KINDS)).eval(data={**data, **present})
    return UNKNOWN if value.type() in (cel.Type.ERROR, cel.Type.UNKNOWN) else value.value()


@settings(max_examples=1_500, deadline=None)
@given(expressions(), CUSTOMERS, REQUESTS, ACTIONS)
def test_an_expression_of_one_row_equals_the_librarys(text, customer, request, action):
    expression = compiled(text)
    assume(expression is not None)

    ours = expression.plan(Worlds(customer, request, action))

    expected = theirs(text, {"customer": customer, "request": request, "action": action})
    assert ours is expected or (ours == expected and type(ours) is type(expected)), text


@settings(max_examples=150, deadline=None)
@given(
    st.lists(expressions(), min_size=1, max_size=20),
    CUSTOMERS,
    REQUESTS,
    st.lists(ACTIONS, min_size=1, max_size=6),
    st.booleans(),
)
def test_many_conditions_over_columns_equal_each_of_each_row(texts, customer, request, rows, lenient):
    found = [expression for text in texts if (expression := compiled(text))]
    trees = [expression.tree for expression in found]
    plain = {name: objects([row.get(name) for row in rows]) for name in SCHEMA.action}
    known = {row["group"] for row in rows if "group" in row} | texts_of(trees)
    every = np.arange(len(rows))
    sites = [Site(each.tree, None if each.is_scalar else every, lenient) for each in found]

    batch = Batch(sites, Columns(plain, SCHEMA.action, Texts(known), len(rows)))
    passed = batch.evaluate(customer, request)

    for expression, site, verdicts in zip(found, sites, batch.verdicts, strict=True):
        one = [expression.evaluate(customer, request, row) for row in (rows if site.rows is not None else rows[:1])]
        expected = [verdict.passed or (verdict.unknown and lenient) for verdict in one]
        assert passed[verdicts].tolist() == expected, expression.text


@settings(max_examples=300, deadline=None)
@given(expressions("double"), CUSTOMERS, REQUESTS, st.lists(ACTIONS, min_size=1, max_size=6), st.data())
def test_a_measure_of_some_rows_equals_that_of_each_row(text, customer, request, rows, data):
    expression = compiled(text, "double")
    assume(expression is not None)
    plain = {name: objects([row.get(name) for row in rows]) for name in SCHEMA.action}
    known = {row["group"] for row in rows if "group" in row} | texts_of([expression.tree])
    asked = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8))

    measure = Measure(expression.tree, Columns(plain, SCHEMA.action, Texts(known), len(rows)))
    values, told = measure.evaluate(customer, request, np.array(asked, np.intp))

    each = [expression.plan(Worlds(customer, request, rows[at])) for at in asked]
    told = np.broadcast_to(told, len(asked))
    assert told.tolist() == [value is not UNKNOWN for value in each]
    expected = [0.0 if value is UNKNOWN else value for value in each]
    assert np.array_equal(np.where(told, values, 0.0), expected, equal_nan=True), text


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 40), st.sampled_from(["a", "b", "zz"])), min_size=8, max_size=40), CUSTOMERS)
def test_conditions_alike_but_for_their_constants_are_one_pass_and_the_same(constants, customer):
    texts = [f"customer.age >= {age} && customer.s in ['{word}', 'ab']" for age, word in constants]
    found = [compile_expression(text, SCHEMA) for text in texts]
    trees = [expression.tree for expression in found]

    batch = Batch([Site(tree) for tree in trees], Columns({}, {}, Texts(texts_of(trees)), 0))
    passed = batch.evaluate(customer, {})

    expected = [expression.evaluate(customer, {}, {}).passed for expression in found]
    assert [bool(passed[at[0]]) for at in batch.verdicts] == expected


@given(expressions())
@settings(max_examples=200, deadline=None)
def test_a_stored_tree_is_the_tree(text):
    expression = compiled(text)
    assume(expression is not None)

    assert decode(encode(expression.tree)) == expression.tree
