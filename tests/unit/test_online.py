"""The online learner: the same as learning from everything at once, at any scale, and surer where it has tried."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.bandits import Data, ours
from engine.decide.chance import uniforms
from models.online import NOISE, Fourier, Moments, OnlineLearner, Ridge


def uniform_of(frequencies, width):
    return uniforms(1, 0, frequencies * (width + 1)).reshape(frequencies, width + 1)


def learnt(inputs, actions, outcomes):
    learner = OnlineLearner(2, uniform_of(20, inputs.shape[1]))
    for each in zip(inputs, actions, outcomes, strict=True):
        learner.learn(*each)
    return learner


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 6), st.integers(0, 40))
def test_one_after_another_is_the_same_as_all_at_once(seed, width, count):
    rng = np.random.default_rng(seed)
    features, outcomes, asked = rng.normal(size=(count, width)), rng.random(count), rng.normal(size=width)
    ridge = Ridge(2, width)
    for row, outcome in zip(features, outcomes, strict=True):
        ridge.learn(row, 1, outcome)

    mean, spread = ridge.estimate(asked)

    precision = features.T @ features + np.eye(width)  # the textbook's posterior, prior and noise as documented
    assert mean[1] == pytest.approx(asked @ np.linalg.solve(precision, features.T @ outcomes), abs=1e-9)
    assert spread[1] == pytest.approx(NOISE * np.sqrt(asked @ np.linalg.solve(precision, asked)), rel=1e-9)
    assert mean[0] == 0
    assert spread[0] == pytest.approx(NOISE * np.linalg.norm(asked))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_moments_are_those_of_all_inputs(values):
    assume(np.std(values) > 1e-3)
    moments = Moments(1)
    for value in values:
        moments.add(np.array([value]))

    expected = np.clip((values[0] - np.mean(values)) / np.std(values), -5, 5)

    assert moments.standard(np.array(values[:1]))[0] == pytest.approx(expected, abs=1e-6)


def test_an_input_that_never_varies_says_nothing():
    learner = Moments(2)
    for value in (1.0, 2.0, 3.0):
        learner.add(np.array([7.0, value]))

    assert learner.standard(np.array([8.0, 2.0])).tolist() == [0.0, 0.0]
    assert Moments(1).standard(np.array([3.0])).tolist() == [0.0]


@pytest.mark.anchor
def test_fourier_features_multiply_to_the_gaussian_kernel():
    """Rahimi and Recht 2007, claim 1: the error falls as 1 / sqrt(D); four standard deviations of it."""
    width, frequencies = 3, 4_000
    features, rng = Fourier(uniform_of(frequencies, width)), np.random.default_rng(0)

    for one, other in rng.normal(size=(20, 2, width)):
        waves = features(one)[1 + width :] @ features(other)[1 + width :]
        assert waves == pytest.approx(np.exp(-((one - other) ** 2).sum() / width), abs=4 / np.sqrt(frequencies))


def test_the_scale_of_inputs_does_not_matter():
    rng = np.random.default_rng(0)
    inputs, actions, outcomes = rng.normal(size=(50, 3)), rng.integers(2, size=50), rng.random(50)
    scale, shift = np.array([1e-3, 1.0, 1e4]), np.array([5.0, -1.0, 1e5])

    one = learnt(inputs, actions, outcomes).estimate(inputs[0])
    other = learnt(inputs * scale + shift, actions, outcomes).estimate(inputs[0] * scale + shift)

    assert other.mean == pytest.approx(one.mean, abs=1e-6)
    assert other.spread == pytest.approx(one.spread, abs=1e-6)


def test_what_was_tried_is_known_better_and_what_was_not_is_hoped_for():
    asked = np.array([0.5, -0.5])
    learner = learnt(np.tile(asked, (30, 1)), [0] * 30, [0.1] * 30)

    mean, spread = learner.estimate(asked)

    assert mean[0] == pytest.approx(0.1, abs=0.02)
    assert spread[0] < 0.1 < spread[1]
    assert np.argmax(learner.estimate(asked).optimistic) == 1


@pytest.mark.parametrize("classes", [2, 4])
def test_a_bandit_learns_what_no_line_can_part(classes):
    rng = np.random.default_rng(3)
    inputs = rng.uniform(-1, 1, size=(800, 2))
    quadrant = (inputs[:, 0] > 0) * 2 + (inputs[:, 1] > 0)
    labels = quadrant if classes == 4 else (quadrant % 3 > 0).astype(int)

    assert ours(Data(inputs, labels, classes), seed=0) < 0.2
    assert ours(Data(inputs, rng.permutation(labels), classes), seed=0) > 0.4  # nothing to learn, nothing learnt
