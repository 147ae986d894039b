"""Who is scored by which model: champions by scope, challengers by a standing share, shadows beside them."""

import numpy as np
import pytest

from engine.decide.bundle import read_bundle
from engine.decide.faults import BundleError
from engine.decide.lineup import EVERYBODY, NAMES_MOST, Challenger, Champion, Lineup, Shadow, place_of
from tests.wire.conftest import BUNDLE

PEOPLE = [f"customer_{number}" for number in range(20_000)]


def lineup(*challengers, salt="2026"):
    return Lineup((Champion("response", EVERYBODY),), challengers, salt=salt)


def test_a_challenger_gets_its_share_of_the_customers():
    shared = lineup(Challenger("b", "response", 0.1), Challenger("c", "response", 0.25))

    scored = [shared.scoring("response", person) for person in PEOPLE]

    # Five standard deviations of a binomial with 20,000 draws: sqrt(20,000 x .25 x .75) is 61.
    assert abs(scored.count("b") - 2_000) < 5 * 43
    assert abs(scored.count("c") - 5_000) < 5 * 61


def test_a_customer_stays_where_they_are_when_another_share_grows():
    before, after = lineup(Challenger("b", "response", 0.1)), lineup(Challenger("b", "response", 0.2))

    moved = {(before.scoring("response", person), after.scoring("response", person)) for person in PEOPLE}

    assert moved == {("b", "b"), ("response", "b"), ("response", "response")}


def test_another_salt_draws_anew():
    ours, theirs = (np.array([place_of(salt, person) for person in PEOPLE]) for salt in ("2026", "2027"))

    assert abs(np.corrcoef(ours, theirs)[0, 1]) < 5 / np.sqrt(len(PEOPLE))


def test_places_are_spread_evenly_between_nought_and_one():
    places = np.array([place_of("", person) for person in PEOPLE])

    assert (np.histogram(places, 10, (0, 1))[0] > 1_800).all()


def test_who_has_no_id_stays_with_the_champion():
    assert lineup(Challenger("b", "response", 1.0)).scoring("response", "") == "response"


def test_who_challenges_or_follows_scores_the_rows_of_whom_it_challenges_or_follows():
    grow = {"objective": "grow"}
    both = Lineup(
        (Champion("response", EVERYBODY), Champion("sale", grow)),
        (Challenger("sale_b", "sale", 0.1),),
        (Shadow("sale_c", "sale_b"), Shadow("response_c", "response")),
    )

    assert {name: both.scope_of(name) for name in both.names} == {
        "response": EVERYBODY, "sale": grow, "sale_b": grow, "sale_c": grow, "response_c": EVERYBODY,
    }  # fmt: skip


def test_two_challengers_that_follow_each_other_as_shadows_score_the_rows_of_their_champion():
    both = Lineup(
        (Champion("response", EVERYBODY),),
        (Challenger("b", "response", 0.1), Challenger("c", "response", 0.1)),
        (Shadow("b", "c"), Shadow("c", "b")),
    )

    assert [both.scope_of(name) for name in ("b", "c")] == [EVERYBODY, EVERYBODY]


def with_shadows(number):
    listed = "".join(f"  - {{model: s{at}, of: response}}\n" for at in range(number))
    return read_bundle(BUNDLE | {"models.yaml": f"use: [{{model: response}}]\nshadows:\n{listed}"})


def test_a_line_up_is_bounded():
    assert len(with_shadows(NAMES_MOST - 1).lineup.names) == NAMES_MOST

    with pytest.raises(BundleError, match="65 models are named; a line-up holds 64"):
        with_shadows(NAMES_MOST)
