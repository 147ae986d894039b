"""Many rows of few words score by number as they do word by word."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import OnnxRows, OnnxScorer
from tests.parity.test_factorised import factorise, inputs_of, kernel_of, table_of, trained

NONE = np.uint64(1 << 63)


def words(rng, *shape):
    """At most 40 different ones, each with the bit that is no leaf's."""
    return rng.choice(rng.integers(0, 1 << 63, 40, dtype=np.uint64) | NONE, shape)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    size=st.integers(1, 400),
    trees=st.integers(1, 9),
    kinds=st.integers(1, 3),
    asked=st.sampled_from([0, 1, 30, 5_000]),
)
def test_rows_by_number_give_what_rows_as_they_are_give_to_the_bit(seed, size, trees, kinds, asked):
    fast, rng = kernel_of("compiled"), np.random.default_rng(seed)
    interned = pytest.importorskip("models.interned")
    masks, reach = words(rng, size, trees), words(rng, 6, trees)
    leaves = rng.normal(size=trees * 64)
    rows, keys = rng.integers(0, size, asked), rng.integers(0, 6, (kinds, asked))

    by_number = interned.Interned(interned.numbered(masks), leaves).sums(rows, keys, reach)

    assert by_number.tolist() == fast.sums(masks, rows, keys, reach, leaves).tolist()


def test_words_that_stand_often_are_kept_by_number_and_take_a_third_of_the_memory_or_less():
    fast, rng = kernel_of("compiled"), np.random.default_rng(0)
    often, seldom = words(rng, 5_000, 20), rng.integers(1, 1 << 63, (5_000, 20), dtype=np.uint64)

    kept = [fast.classes(masks, np.zeros(20 * 64), fast.sums) for masks in (often, seldom)]

    assert [type(each).__name__ for each in kept] == ["Interned", "Whole"]
    assert kept[0].nbytes * 3 <= often.nbytes


def test_many_rows_of_a_table_score_as_onnx_runtime_does():
    model, table = trained(num_leaves=31, rounds=20), table_of(6_000)
    plan, onnx_rows = factorise(model, table, kernel_of("compiled")), OnnxRows(table, OnnxScorer(model))

    assert type(plan.classes).__name__ == "Interned"
    for seed in range(3):
        for rows in (np.arange(6_000), np.arange(0, 6_000, 500)):
            inputs = inputs_of(table, seed)
            np.testing.assert_allclose(plan.score(inputs, rows), onnx_rows.score(inputs, rows), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kernel", ["numpy", "compiled"])
def test_a_missing_number_of_either_sign_is_missing(kernel):
    model, table = trained(num_leaves=31), table_of(50)
    plan, rows = factorise(model, table, kernel_of(kernel)), np.arange(50)

    made = [
        plan.score(table.inputs({"customer.age": age, "customer.vector": [age, age]}, {}, 0), rows)
        for age in (None, float("nan"), -float("nan"))
    ]

    assert np.signbit(np.float32(-float("nan"))) != np.signbit(np.float32("nan"))
    assert made[0].tolist() == made[1].tolist() == made[2].tolist()
