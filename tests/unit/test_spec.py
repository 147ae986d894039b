"""Features: what may be declared, and what each kind is made of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import Feature, FeatureSpec, ModelError, RowTable, assemble
from models.spec import DAY_MS

NOW_MS = 1_700_000_000_000
GROUPS, CHANNELS, ACTIONS = ("cards", "loans", "homes"), ("web", "app"), ("a0", "a1", "a2", "a3")
SPEC = FeatureSpec((
    Feature("with_group.clicks"),
    Feature("customer.age"),
    Feature("customer.vector", "embedding", width=3),
    Feature("action.margin"),
    Feature("request.device", "categorical", ("phone", "desk")),
    Feature("with_action.shown_at", "age"),
    Feature("action.launched_at", "age"),
    Feature("customer.member", "boolean"),
    Feature("action.group", "categorical", GROUPS[:2]),
    Feature("with_channel.last_at", "age"),
    Feature("action.vector", "embedding", width=2),
    Feature("customer.joined_at", "age"),
    Feature("with_action.clicks"),
    Feature("with_objective.rate"),
))  # fmt: skip


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Feature("age"), "no side"),
        (lambda: Feature("customer."), "no side"),
        (lambda: Feature("customer.age", "text"), "unknown kind 'text'"),
        (lambda: Feature("customer.age", categories=("a",)), "has categories"),
        (lambda: Feature("customer.age", width=2), "only an embedding is wide"),
        (lambda: Feature("customer.age", "embedding", width=0), "width 0"),
        (lambda: FeatureSpec((Feature("customer.age"), Feature("customer.age"))), "declared twice: customer.age"),
    ],
)
def test_what_does_not_go_together_is_refused(made, said):
    with pytest.raises(ModelError, match=said):
        made()


def test_a_spec_survives_being_written():
    assert FeatureSpec.from_json(SPEC.to_json()) == SPEC


@pytest.mark.parametrize(
    "other",
    [Feature("customer.v", "embedding", width=3), Feature("customer.v"), Feature("request.v", "embedding", width=2)],
)
def test_every_declaration_changes_the_fingerprint(other):
    one = FeatureSpec((Feature("customer.v", "embedding", width=2),))

    assert FeatureSpec((other,)).fingerprint != one.fingerprint


def test_an_age_is_counted_to_each_rows_own_moment():
    spec = FeatureSpec((Feature("customer.joined_at", "age"),))
    moments = np.array([3, 5, 7], np.int64) * DAY_MS

    made = assemble(spec, {"customer.joined_at": 2 * DAY_MS}, 3, now_ms=moments)

    assert made[:, 0].tolist() == [1, 3, 5]


def test_an_embedding_of_another_width_is_missing():
    spec = FeatureSpec((Feature("customer.vector", "embedding", width=2),))
    column = np.empty(3, object)
    column[:] = [[1.0, 2.0], [1.0], None]

    made = assemble(spec, {"customer.vector": column}, 3, now_ms=0)

    np.testing.assert_array_equal(made, [[1, 2], [np.nan, np.nan], [np.nan, np.nan]])
    assert np.isnan(assemble(spec, {"customer.vector": np.ones((3, 4))}, 3, now_ms=0)).all()


numbers = st.none() | st.floats(-1e6, 1e6) | st.integers(-5, 5)
moments = st.none() | st.integers(NOW_MS - 10**10, NOW_MS)
vectors = st.none() | st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=3)
rows = st.lists(
    st.fixed_dictionaries({
        "action.margin": numbers,
        "action.launched_at": moments,
        "action.vector": vectors,
        "group": st.sampled_from(GROUPS),
        "channel": st.sampled_from(CHANNELS),
        "objective": st.sampled_from(["grow", "keep"]),
        "action": st.sampled_from(ACTIONS),
    }),
    min_size=1,
    max_size=6,
)  # fmt: skip
facts = st.fixed_dictionaries({
    "customer.age": numbers,
    "customer.vector": vectors,
    "customer.member": st.none() | st.booleans(),
    "customer.joined_at": moments,
    "request.device": st.sampled_from(["phone", "desk", "fridge", None]),
})  # fmt: skip
dealings = st.fixed_dictionaries({}, optional={
    "group": st.dictionaries(st.sampled_from([*GROUPS, "boats"]), st.fixed_dictionaries({"clicks": numbers})),
    "channel": st.dictionaries(st.sampled_from(CHANNELS), st.fixed_dictionaries({"last_at": moments})),
    "objective": st.dictionaries(st.sampled_from(["grow"]), st.fixed_dictionaries({}, optional={"rate": numbers})),
    "action": st.dictionaries(
        st.sampled_from([*ACTIONS, "gone"]), st.fixed_dictionaries({"clicks": numbers, "shown_at": moments})
    ),
})  # fmt: skip


def objects(values):
    made = np.empty(len(values), object)
    made[:] = values
    return made


@given(rows, facts, dealings, st.data())
def test_a_table_holds_what_whole_columns_hold(rows, facts, dealings, data):
    names = {kind: objects([row[kind] for row in rows]) for kind in ("group", "objective", "channel", "action")}
    columns = {name: objects([row[name] for row in rows]) for name in rows[0] if name.startswith("action.")}
    columns["action.group"] = names["group"]
    dealt = {
        f"with_{kind}.{fact}": objects([dealings.get(kind, {}).get(name, {}).get(fact) for name in names[kind]])
        for kind, fact in [
            ("group", "clicks"), ("channel", "last_at"), ("objective", "rate"), ("action", "clicks"),
            ("action", "shown_at"),
        ]
    }  # fmt: skip
    chosen = np.array(data.draw(st.lists(st.sampled_from(range(len(rows))), max_size=8)), np.intp)

    table = RowTable(SPEC, columns, names, len(rows))
    made = table.matrix(table.inputs(facts, dealings, NOW_MS), chosen)

    whole = assemble(SPEC, {**facts, **columns, **dealt}, len(rows), now_ms=NOW_MS)
    np.testing.assert_array_equal(made, whole[chosen])


@given(rows, facts)
def test_one_value_is_what_a_column_of_it_is(rows, facts):
    columns = {name: objects([value] * len(rows)) for name, value in facts.items()}

    np.testing.assert_array_equal(
        assemble(SPEC, facts, len(rows), now_ms=NOW_MS), assemble(SPEC, columns, len(rows), now_ms=NOW_MS)
    )


def test_an_embedding_may_be_of_one_column():
    spec = FeatureSpec((Feature("customer.age"), Feature("customer.vector", "embedding", width=1)))

    assert assemble(spec, {"customer.age": 3, "customer.vector": [0.5]}, 1, now_ms=0).tolist() == [[3, 0.5]]
