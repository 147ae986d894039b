"""The online model: the same as learning from everything at once, at any scale, and surer where it has tried."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.bandits import Data, ours
from engine.decide.online import features_of
from engine.serve.teaching import taught, within
from models import NOTHING, Belief, Cell, Event, Learned, ModelError, OnlineState, unpack, unseen
from models.fourier import Moments
from models.learned import WITH_ONLINE
from models.online import FREQUENCIES, NOISE, TRIALS_MOST, Estimate, bytes_of_cell, learn

DAY_MS = 86_400_000
CARD, LOAN = Cell("card", "web", "cards"), Cell("loan", "web", "loans")
MODEL = "quick/0123456789ab"
seeds = st.integers(0, 1000)


def packed(inputs):
    return np.asarray(inputs, "<f4").tobytes()


def events(inputs, cells, outcomes, at_ms=0):
    """A trial each, and a positive where the outcome is 1."""
    made = []
    for row, cell, outcome in zip(inputs, cells, outcomes, strict=True):
        trial = Event(cell, at_ms, inputs=packed(row))
        made += [trial, trial._replace(positive=True)] if outcome else [trial]
    return made


def some(seed, count=40, width=3):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(count, width)).astype(np.float32).astype(np.float64)
    return inputs, [(CARD, LOAN)[at] for at in rng.integers(2, size=count)], rng.integers(2, size=count)


def learnt(inputs, cells, outcomes, state=None, now_ms=0):
    width = inputs.shape[1]
    state = state or OnlineState(MODEL, unseen(width))
    return learn(state, events(inputs, cells, outcomes), features_of("quick", width), now_ms, DAY_MS)


def believed(state):
    return Belief(state, features_of("quick", len(state.moments.mean)))


def estimate(state, inputs, *cells):
    belief = believed(state)
    return belief.estimate(
        np.asarray(inputs, np.float64), np.array([belief.place.get(c, len(belief.place)) for c in cells])
    )


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 6), st.integers(2, 40))
def test_what_is_believed_is_the_ridge_regression_of_every_trial(seed, width, count):
    inputs, _, outcomes = some(seed, count, width)
    asked = np.random.default_rng(seed + 1).normal(size=width)

    found = estimate(learnt(inputs, [CARD] * count, outcomes), asked, CARD, LOAN)

    centre, scale = inputs.mean(axis=0), inputs.std(axis=0)
    features = features_of("quick", width)
    x, at = (
        features(np.clip((inputs - centre) / scale, -5, 5)),
        features(np.clip((asked - centre) / scale, -5, 5)[None])[0],
    )
    precision = x.T @ x + np.eye(features.width)  # the textbook's posterior, prior and noise as documented
    assert found.mean[0] == pytest.approx(at @ np.linalg.solve(precision, x.T @ outcomes), abs=1e-4)
    assert found.spread[0] == pytest.approx(NOISE * np.sqrt(at @ np.linalg.solve(precision, at)), abs=1e-4)
    assert found.mean[1] == 0
    assert found.spread[1] == pytest.approx(NOISE * np.linalg.norm(at), rel=1e-5)


@settings(max_examples=10, deadline=None)
@given(seeds, st.randoms(use_true_random=False))
def test_the_order_of_a_lump_does_not_matter(seed, random):
    inputs, cells, outcomes = some(seed)
    lump = events(inputs, cells, outcomes)
    shuffled = random.sample(lump, len(lump))
    one, other = (
        learn(OnlineState(MODEL, unseen(3)), each, features_of("quick", 3), 0, DAY_MS) for each in (lump, shuffled)
    )

    assert one.moments.mean == pytest.approx(other.moments.mean, abs=1e-9)
    for cell in one.sums:
        assert one.sums[cell].square == pytest.approx(other.sums[cell].square, abs=1e-9)
        assert one.sums[cell].positive == pytest.approx(other.sums[cell].positive, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(0, 20))
def test_a_positive_that_comes_in_a_later_lump_counts_like_one_that_comes_with_its_trial(seed, cut):
    """Scales are kept by trials: a positive moves none."""
    inputs, cells, outcomes = some(seed)
    lump = events(inputs, cells, outcomes)
    positives = [event for event in lump if event.positive]
    late = set(map(id, positives[:cut]))
    features = features_of("quick", 3)

    together = learn(OnlineState(MODEL, unseen(3)), lump, features, 0, DAY_MS)
    first = learn(OnlineState(MODEL, unseen(3)), [each for each in lump if id(each) not in late], features, 0, DAY_MS)
    after = learn(first, positives[:cut], features, 0, DAY_MS) if cut else first

    for cell in together.sums:
        assert after.sums[cell].positive == pytest.approx(together.sums[cell].positive, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.integers(0, 30))
def test_moments_are_those_of_all_inputs_however_they_came(values, cut):
    column = np.array(values)[:, np.newaxis]
    moments = unseen(1).add(column[:cut], np.ones(len(column[:cut]))).add(column[cut:], np.ones(len(column[cut:])))

    assert moments.mean[0] == pytest.approx(np.mean(values), rel=1e-9, abs=1e-6)
    assert moments.squares[0] == pytest.approx(np.var(values) * len(values), rel=1e-6, abs=1e-3)


def test_what_is_missing_or_no_number_counts_as_average_and_moves_no_scale():
    known = np.array([[1.0, 7.0], [3.0, 7.0], [np.nan, np.inf]])
    moments = unseen(2).add(known, np.ones(3))

    assert moments.mean.tolist() == [2, 7]
    standard = moments.standard(np.array([[3.0, 8.0], [np.nan, 7.0], [-np.inf, 1e300]]))
    assert standard.tolist() == [[1, 0], [0, 0], [0, 0]]  # nothing is known of an input that never varied


def test_a_wild_input_counts_as_five_standard_deviations():
    moments = Moments(np.ones(1), np.zeros(1), np.ones(1))

    assert moments.standard(np.array([[1e30], [-1e30]])).tolist() == [[5], [-5]]
    assert np.isfinite(moments.add(np.array([[3e38]]), np.ones(1)).squares).all()


@pytest.mark.anchor
def test_fourier_features_multiply_to_the_gaussian_kernel():
    """Rahimi and Recht 2007, claim 1: the error falls as 1 / sqrt(D); here on average over 200 sets of D."""
    width, (one, other) = 3, np.random.default_rng(0).normal(size=(2, 3)) / 2
    products = []
    for number in range(200):
        waves = features_of(f"model{number}", width)(np.stack([one, other]))[:, 1 + width :]
        products.append(waves[0] @ waves[1])

    assert np.mean(products) == pytest.approx(
        np.exp(-((one - other) ** 2).sum() / width), abs=4 / np.sqrt(200 * FREQUENCIES)
    )


def test_a_model_has_the_same_features_everywhere_and_another_one_others():
    features_of.cache_clear()
    first = features_of("quick", 2)(np.ones((1, 2)))
    features_of.cache_clear()

    assert np.array_equal(features_of("quick", 2)(np.ones((1, 2))), first)
    assert not np.array_equal(features_of("slow", 2)(np.ones((1, 2))), first)


def test_the_scale_of_inputs_does_not_matter():
    inputs, cells, outcomes = some(0)
    scale, shift = np.array([1e-3, 1.0, 1e4]), np.array([5.0, -1.0, 1e5])

    one = estimate(learnt(inputs, cells, outcomes), inputs[0], CARD, LOAN)
    other = estimate(learnt(inputs * scale + shift, cells, outcomes), inputs[0] * scale + shift, CARD, LOAN)

    assert other.mean == pytest.approx(one.mean, abs=1e-2)  # 5 + 0.001 x is rounded to float32
    assert other.spread == pytest.approx(one.spread, abs=1e-2)


def test_what_was_tried_is_known_better_and_what_was_not_is_hoped_for():
    inputs, _, _ = some(0, 60)
    found = estimate(learnt(inputs, [CARD] * 60, [0] * 60), inputs[0], CARD, LOAN)

    assert found.spread[0] < found.spread[1]
    assert np.argmax(found.hoped) == 1
    assert found.propensity.tolist() == pytest.approx([0, 0], abs=1e-6)


def test_hope_is_a_chance_and_cuts_no_difference_off():
    found = Estimate(np.array([0.9, 0.0, -3.0]), np.array([0.4, 1.2, 0.1]))

    assert np.argsort(-found.hoped).tolist() == [0, 1, 2]
    assert found.hoped.max() == 1
    assert found.hoped.min() > 0
    assert Estimate(np.zeros(0), np.zeros(0)).hoped.tolist() == []


def test_a_trial_counts_half_after_the_half_life_and_as_much_when_it_comes_late():
    inputs, cells, outcomes = some(0)
    features = features_of("quick", 3)
    soon = learnt(inputs, cells, outcomes)

    after = learn(soon, events(inputs[:1], [CARD], [0], at_ms=DAY_MS), features, DAY_MS, DAY_MS)
    late = learn(OnlineState(MODEL, unseen(3), DAY_MS), events(inputs, cells, outcomes), features, DAY_MS, DAY_MS)

    assert after.sums[LOAN].square == pytest.approx(soon.sums[LOAN].square / 2)
    assert late.sums[LOAN].square == pytest.approx(soon.sums[LOAN].square / 2)
    assert after.moments.seen.tolist() == pytest.approx([21] * 3)


def test_a_cell_that_has_faded_to_nothing_is_dropped():
    inputs, cells, outcomes = some(0)
    now_ms = 20 * DAY_MS

    after = learnt(inputs[:1], [CARD], [0], learnt(inputs, cells, outcomes), now_ms)

    assert after.sums.keys() == {CARD}


def test_a_cell_of_too_many_trials_is_scaled_down_and_stays_sound():
    inputs, _, outcomes = some(0, 2_000)
    state, features = learnt(inputs, [CARD] * 2_000, outcomes), features_of("quick", 3)
    for _ in range(3):
        sums = state.sums[CARD].faded(1_000)
        state = learn(
            OnlineState(MODEL, state.moments, 0, {CARD: sums}), events(inputs[:1], [CARD], [1]), features, 0, DAY_MS
        )
    assert state.sums[CARD].square[0, 0] == pytest.approx(TRIALS_MOST)

    (again,) = unpack(Learned((), 0, (state,)).packed).online
    one, other = (estimate(each, inputs[7], CARD) for each in (state, again))
    assert np.linalg.eigvalsh(np.eye(features.width) + again.sums[CARD].square).min() > 0.5
    assert other.mean == pytest.approx(one.mean, abs=0.02)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_packed_and_unpacked_it_is_the_same_version_and_says_the_same(seed):
    inputs, cells, outcomes = some(seed)
    state = learnt(inputs, cells, outcomes)
    learned = Learned((), 7, (state,))

    again = unpack(learned.packed)

    assert again.version == learned.version
    assert (again.sequence, again.online[0].model) == (7, MODEL)
    assert len(learned.packed) < 2 * bytes_of_cell(3) + 400
    assert estimate(again.online[0], inputs[0], CARD).mean == pytest.approx(
        estimate(state, inputs[0], CARD).mean, abs=1e-4
    )


def spoilt(change):
    """A packed version with one model changed: [name, now_ms, moments, [[cell, last_ms, square, positive]]]."""
    inputs, _, outcomes = some(0)
    whole = Learned((), 0, (learnt(inputs, [CARD] * 40, outcomes),)).packed
    sequence, states, online = msgspec.msgpack.decode(whole[1:])
    change(online[0])
    return WITH_ONLINE + msgspec.msgpack.encode([sequence, states, online])


HALF = 2 * (4 + FREQUENCIES) * (5 + FREQUENCIES)


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one[3][0].__setitem__(2, b"\0" * (HALF - 4)),
        lambda one: one[3][0].__setitem__(2, b"\xff" * HALF),
        lambda one: one[3][0].__setitem__(2, np.full(HALF // 4, -1, "<f4").tobytes()),
        lambda one: one[3][0].__setitem__(3, b""),
        lambda one: one[2].__setitem__(0, b""),
        lambda one: one[2].__setitem__(0, b"\0" * 7),
        lambda one: one.__setitem__(2, [b""] * 3),
        lambda one: one.__setitem__(2, [b"\0" * 8 * 65] * 3),
        lambda one: one.__setitem__(1, "soon"),
        lambda one: one.pop(),
    ],
    ids=["short", "no number", "below 0", "no positives", "moments differ", "half a figure", "no inputs", "too many",
         "no moment", "no cells"],
)  # fmt: skip
def test_a_damaged_version_is_refused(change):
    with pytest.raises(ModelError, match="damaged adaptive state"):
        unpack(spoilt(change))


def test_beyond_the_bytes_it_may_take_what_was_tried_last_stays():
    rows = np.zeros((1, 2))
    state = OnlineState(MODEL, unseen(2))
    for at_ms in range(1, 6):
        one = events(rows, [Cell(f"action{at_ms}", "web", "g")], [0], at_ms)
        state = learn(state, one, features_of("quick", 2), at_ms, DAY_MS)

    (left,) = within([state, OnlineState("gone/1", unseen(2))], 3 * bytes_of_cell(2))

    assert sorted(cell.action for cell in left.sums) == ["action3", "action4", "action5"]


def test_inputs_of_another_width_teach_nothing_and_cost_no_other_model():
    good, odd = Event(CARD, 0, inputs=packed([1, 2])), Event(CARD, 0, inputs=packed([1, 2, 3]))
    before = taught(NOTHING, [(MODEL, good)], 0, DAY_MS)

    after = taught(before, [(MODEL, odd), ("other/1", odd), ("third/1", Event(CARD, 0, inputs=b"\0" * 5))], 0, DAY_MS)

    assert [state.model for state in after.online] == ["other/1", MODEL]
    assert after.online[1] is before.online[0]


@pytest.mark.parametrize("classes", [2, 4])
def test_a_bandit_learns_what_no_line_can_part(classes):
    rng = np.random.default_rng(3)
    inputs = rng.uniform(-1, 1, size=(500, 2))
    quadrant = (inputs[:, 0] > 0) * 2 + (inputs[:, 1] > 0)
    labels = quadrant if classes == 4 else (quadrant % 3 > 0).astype(int)

    assert ours(Data(inputs, labels, classes), seed=0) < 0.2
    assert ours(Data(inputs, rng.permutation(labels), classes), seed=0) > 0.4  # nothing to learn, nothing learnt
