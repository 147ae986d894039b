"""Decision tables: what they say, and what is wrong with them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decide.bundle import read_bundle
from engine.decide.faults import BundleError
from engine.decide.pipeline import decide
from engine.decide.request import Ask, CustomerView, Request
from engine.decide.review import review
from engine.decide.scoring import first_day
from engine.decide.snapshot import build_snapshot
from models import RESPONSE

GOOD = {
    "schema.yaml": "customer: {age: {type: int, min: 0, max: 99}, city: string, vip: bool}\naction: {least: int}",
    "channels.yaml": "web: {direction: inbound}",
    "actions.csv": "action_key,objective,group,purposes,value\ncard,grow,cards,a,1\nloan,grow,loans,a,1\n",
    "policies.yaml": "{}",
}
PRIOR = [first_day(RESPONSE, 0.5)]


def bundle_of(table):
    return read_bundle({**GOOD, "tables/t.csv": table})


def ranked(table, **facts):
    texts = {**GOOD, "tables/t.csv": table}
    snapshot = build_snapshot(read_bundle(texts), texts, PRIOR)
    evaluation = decide(snapshot, CustomerView(facts, {}, {("a", "web"): True}), Request((Ask("web", limit=9),), 1))
    keys = snapshot.catalogue.names("action")[evaluation.candidates]
    return dict(zip(keys.tolist(), (evaluation.priority / 0.5).tolist(), strict=True))


@pytest.mark.parametrize(
    ("cell", "holding", "not_holding"),
    [
        ("18", 18, 19),
        (">=18", 18, 17),
        (">18", 19, 18),
        ("<18", 17, 18),
        ("<=18", 18, 19),
        ("18..65", 65, 66),
        ("", 3, None),
    ],
)
def test_a_cell_holds_for_the_values_it_says(cell, holding, not_holding):
    table = (
        f"# hit: first\ncustomer.age,=eligible\n{cell},true\n"
        if cell
        else "# hit: first\ncustomer.age,=eligible\n,true\n"
    )

    assert len(ranked(table, age=holding)) == 2
    assert not_holding is None or ranked(table, age=not_holding) == {}


def test_texts_truths_and_rows_are_told_apart():
    table = "# hit: first\ncustomer.city,customer.vip,action.group,=value\nRome;Oslo,true,cards,7\n!Rome,,,3\n"

    assert ranked(table, city="Rome", vip=True) == {"card": 7.0, "loan": 1.0}
    assert ranked(table, city="Bern", vip=False) == {"card": 3.0, "loan": 3.0}


def test_a_missing_attribute_holds_in_no_line_and_so_blocks():
    assert ranked("# hit: first\ncustomer.age,=eligible\n>=0,true\n") == {}


def test_all_lines_that_hold_are_added_under_sum():
    table = "# hit: sum\ncustomer.age,=value\n>=10,2\n>=20,3\n>=30,5\n"

    assert ranked(table, age=25) == {"card": 5.0, "loan": 5.0}
    assert ranked(table, age=5) == {"card": 1.0, "loan": 1.0}


def test_levers_and_weights_multiply():
    assert ranked("# hit: first\ncustomer.age,=lever,=weight\n>=10,2,3\n", age=20) == {"card": 6.0, "loan": 6.0}


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("customer.age,=value\n1,2\n", "tables/t.csv:1:1: unknown hit policy ''"),
        ("# hit: any\ncustomer.age,=value\n1,2\n", "unknown hit policy 'any'"),
        (
            "# hit: first\ncustomer.agee,=value\n1,2\n",
            "unknown attribute 'customer.agee'; did you mean 'customer.age'?",
        ),
        ("# hit: first\ncustomer.age,=vale\n1,2\n", "unknown output '=vale'; did you mean '=value'?"),
        ("# hit: first\ncustomer.age\n1\n", "no output"),
        ("# hit: first\ncustomer.age,=value\nold,2\n", "tables/t.csv:3:1: 'old' is no whole number"),
        ("# hit: first\ncustomer.age,=value\n5..1,2\n", "tables/t.csv:3:1: '5..1' ends before it begins"),
        ("# hit: first\ncustomer.age,=value\n5,much\n", "tables/t.csv:3:2: 'much' is no finite number"),
        ("# hit: sum\ncustomer.age,=eligible\n5,true\n", "truths cannot be added"),
        ("# hit: unique\ncustomer.age,=value\n1..5,2\n5..9,3\n", "tables/t.csv:4:1: overlaps line 3"),
        ("# hit: unique\ncustomer.age,customer.city,=value\n1..5,Rome,2\n3,,3\n", "tables/t.csv:4:1: overlaps line 3"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(table, fault):
    with pytest.raises(BundleError) as caught:
        bundle_of(table)

    assert fault in str(caught.value)


def test_lines_that_only_touch_do_not_overlap():
    assert bundle_of("# hit: unique\ncustomer.age,=value\n0..5,2\n6..99,3\n").tables


@pytest.mark.parametrize(
    ("table", "gap"),
    [
        ("# hit: first\ncustomer.age,=value\n<18,1\n>65,1\n", "a gap: no line holds for customer.age 18.0"),
        ("# hit: first\ncustomer.city,=value\nRome,1\n", "a gap: no line holds for customer.city any other"),
        (
            "# hit: first\ncustomer.age,customer.city,=value\n<18,,1\n>=18,Rome,1\n",
            "a gap: no line holds for customer.age",
        ),
    ],
)
def test_a_gap_is_told_with_values_for_which_no_line_holds(table, gap):
    assert any(gap in str(fault) for fault in review(bundle_of(table)))


def test_a_table_without_gaps_is_left_alone():
    assert review(bundle_of("# hit: unique\ncustomer.age,=value\n<18,1\n>=18,2\n")) == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted), min_size=1, max_size=5), st.integers(0, 9))
def test_the_first_line_that_holds_is_the_one_that_speaks(ranges, age):
    lines = "".join(f"{low}..{high},{at + 2}\n" for at, (low, high) in enumerate(ranges))
    expected = next((at + 2.0 for at, (low, high) in enumerate(ranges) if low <= age <= high), 1.0)

    assert ranked(f"# hit: first\ncustomer.age,=value\n{lines}", age=age)["card"] == expected
    assert np.isfinite(expected)
