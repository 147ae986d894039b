"""Selection: exact chances, a bounded price, and the same answer for the same seed."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from engine.decide.chance import Stream, splitmix64, stream_of, uniforms
from engine.decide.exploration import Epsilon, PlackettLuce, SquareCB
from engine.decide.selection import Exploring, Greedy

SIGNIFICANCE = 1e-4  # a right sampler fails one of this file's few dozen fixed-seed tests once in hundreds of files
DRAWS = 4_000
KINDS = (Epsilon, SquareCB, PlackettLuce)
prices = st.floats(0, 1)
explorers = st.one_of(
    st.builds(Epsilon, st.floats(0, 1), prices),
    st.builds(SquareCB, st.floats(0, 100), prices),
    st.builds(PlackettLuce, st.floats(0.01, 10), prices),
)


@st.composite
def asks(draw):
    """Priorities with ties, zeros and negatives; who is inside; objectives; a limit; a seed."""
    n = draw(st.integers(1, 8))
    priority = draw(st.lists(st.sampled_from([-1.0, 0.0, 0.5, 0.9, 1.0, 1.0, 2.5]), min_size=n, max_size=n))
    inside = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    objective = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    limit, seed = draw(st.integers(1, 9)), draw(st.integers(0, 2**64 - 1))
    return np.array(priority), np.array(inside), limit, np.array(objective), Stream(seed)


some = st.dictionaries(st.integers(0, 2), explorers, min_size=1)


def slots(priority, objective, inside, ranking):
    """Each slot with what was left: position, probability, the best left, all left."""
    left = np.flatnonzero(inside)
    for at, chance in zip(*ranking, strict=True):
        best = left[np.argmax(priority[left])]
        yield at, chance, best, left
        left = left[left != at]


@pytest.mark.anchor
@pytest.mark.parametrize(
    ("seed", "words"),
    [  # the reference program splitmix64.c by Vigna, public domain; the first as published at Rosetta Code; exact
        (1234567, [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]),
        (0, [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]),
    ],
)
def test_the_generator_is_splitmix64(seed, words):
    assert splitmix64(seed, len(words)).tolist() == words
    assert splitmix64(seed, 1, skip=2).tolist() == words[2:3]


def test_uniforms_are_uniform_and_their_streams_unlike():
    drawn = np.array([uniforms(7, stream, 1_000) for stream in range(10)])

    assert ((drawn >= 0) & (drawn < 1)).all()
    counts = np.histogram(drawn, bins=20, range=(0, 1))[0]
    assert chisquare(counts).pvalue > SIGNIFICANCE
    assert np.abs(np.corrcoef(drawn) - np.eye(10)).max() < 0.13  # 4 standard errors of 1,000 pairs


def test_names_and_seed_make_the_stream():
    streams = {stream_of(1, "web"), stream_of(1, "email"), stream_of(2, "web"), stream_of(1, "web", "banner")}

    assert len(streams) == 4
    assert stream_of(1, "web") == stream_of(1, "web")


@given(asks())
def test_greedy_takes_the_best_with_certainty(ask):
    priority, inside, limit, *_ = ask

    positions, probability = Greedy().select(*ask)

    assert priority[positions].tolist() == sorted(priority[inside], reverse=True)[:limit]
    assert (probability == 1).all()


@given(asks(), some)
def test_every_slot_is_filled_once_from_inside(ask, ways):
    _, inside, limit, *_ = ask

    positions, _ = Exploring(ways).select(*ask)

    assert len(positions) == min(limit, inside.sum())
    assert len(set(positions)) == len(positions)
    assert inside[positions].all()


@given(asks(), some)
def test_no_slot_costs_more_than_the_price_or_swaps_objectives(ask, ways):
    priority, inside, _, objective, _ = ask

    ranking = Exploring(ways).select(*ask)

    for at, _, best, _ in slots(priority, objective, inside, ranking):
        way = ways.get(objective[best])
        price = way.price if way else 0.0
        assert objective[at] == objective[best]
        assert priority[at] >= (1 - price) * priority[best] if priority[best] > 0 else priority[at] == priority[best]


@given(asks(), some)
def test_the_probability_is_that_of_the_slot_among_what_was_left(ask, ways):
    priority, inside, _, objective, _ = ask
    selector = Exploring(ways)

    for at, chance, _, left in slots(priority, objective, inside, selector.select(*ask)):
        now = np.isin(np.arange(len(priority)), left)
        assert chance == pytest.approx(selector.chances(priority, now, objective)[at], rel=1e-12)
        assert 0 < chance <= 1


@given(asks(), some)
def test_chances_of_the_first_rank_sum_to_one_inside_and_to_nothing_outside(ask, ways):
    priority, inside, _, objective, _ = ask

    for selector in (Greedy(), Exploring(ways)):
        chances = selector.chances(priority, inside, objective)

        assert chances.sum() == pytest.approx(float(inside.any()), abs=1e-12)
        assert (chances >= 0).all()
        assert (chances[~inside] == 0).all()


@given(asks(), some)
def test_the_same_seed_gives_the_same_answer_to_the_byte(ask, ways):
    one, other = (Exploring(ways).select(*ask) for _ in range(2))

    assert [part.tobytes() for part in one] == [part.tobytes() for part in other]


@given(asks())
def test_an_objective_without_a_way_to_explore_takes_the_best(ask):
    assert Exploring({}).select(*ask)[0].tolist() == Greedy().select(*ask)[0].tolist()


PRIORITY = np.array([0.2, 1.0, 0.9, 0.86, 0.5, 0.97])
WAYS = [Epsilon(0.3, 0.2), SquareCB(20, 0.2), PlackettLuce(0.1, 0.2), PlackettLuce(0.3, 1.0), PlackettLuce(0.3, 0.12)]
EVERY, ONE = np.ones(6, np.bool_), np.zeros(6, np.intp)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_is_drawn_first_has_the_stated_frequencies(way):
    selector = Exploring({0: way})
    stated = selector.chances(PRIORITY, EVERY, ONE)

    drawn = [selector.select(PRIORITY, EVERY, 1, ONE, Stream(seed)).positions[0] for seed in range(DRAWS)]

    counts = np.bincount(drawn, minlength=6)
    assert (counts[stated == 0] == 0).all()
    assert chisquare(counts[stated > 0], stated[stated > 0] * DRAWS).pvalue > SIGNIFICANCE


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_whole_rankings_have_the_frequencies_that_their_probabilities_multiply_to(way):
    """The price lets candidates in as the best are taken: what enters late must have its stated chance too."""
    selector, stated, counts = Exploring({0: way}), {}, {}
    for seed in range(DRAWS):
        positions, probability = selector.select(PRIORITY, EVERY, 3, ONE, Stream(3, seed))
        ranking = tuple(positions.tolist())
        stated[ranking] = float(np.prod(probability))
        counts[ranking] = counts.get(ranking, 0) + 1

    often = [ranking for ranking in stated if stated[ranking] * DRAWS >= 5]
    seen, expected = [counts[r] for r in often], [stated[r] * DRAWS for r in often]
    rest = DRAWS - sum(expected)  # rare rankings together, those never drawn among them
    if rest >= 5:
        seen, expected = [*seen, DRAWS - sum(seen)], [*expected, rest]
    assert chisquare(seen, np.array(expected) * sum(seen) / sum(expected)).pvalue > SIGNIFICANCE


@settings(deadline=None)
@given(st.lists(st.floats(0.1, 5), min_size=1, max_size=4), st.floats(0.1, 5), st.integers(0, 1000))
def test_a_ranking_has_the_plackett_luce_probability_that_brute_force_gives(priority, temperature, seed):
    values, everyone = np.array(priority), np.ones(len(priority), np.bool_)
    zero = np.zeros(len(priority), np.intp)
    selector = Exploring({0: PlackettLuce(temperature, 1.0)})

    positions, probability = selector.select(values, everyone, 4, zero, Stream(seed))

    weight = {at: float(np.exp(value / temperature)) for at, value in enumerate(priority)}
    of = {}
    for ranking in itertools.permutations(weight):
        parts = [weight[at] / sum(weight[b] for b in ranking[rank:]) for rank, at in enumerate(ranking)]
        of[ranking] = float(np.prod(parts))
    assert sum(of.values()) == pytest.approx(1)
    assert np.prod(probability) == pytest.approx(of[tuple(positions.tolist())], rel=1e-9)


def test_a_higher_objective_is_ranked_first_whatever_the_lower_one_draws():
    priority, objective = np.array([1.0, 0.99, 5.0]), np.array([0, 0, 1])

    for seed in range(20):
        positions, _ = Exploring({0: Epsilon(1.0, 0.5)}).select(priority, EVERY[:3], 3, objective, Stream(seed))
        assert positions[0] == 2


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("selector", [Greedy(), Exploring({0: PlackettLuce(1.0, 1.0)})], ids=["greedy", "exploring"])
def test_what_has_no_finite_priority_is_never_chosen_and_takes_no_chance_from_the_others(strange, selector):
    priority, among = np.array([strange, 1.0, strange, 0.9]), np.array([1.0, 0.9])

    ranking = selector.select(priority, EVERY[:4], 4, ONE[:4], Stream(1))

    others = selector.select(among, EVERY[:2], 4, ONE[:2], Stream(1))
    assert ranking.positions.tolist() == [[1, 3][at] for at in others.positions]
    assert ranking.probability.tolist() == others.probability.tolist()
    assert (selector.chances(priority, EVERY[:4], ONE[:4])[[0, 2]] == 0).all()
