"""Off-policy evaluation on the Open Bandit Dataset's logs, whose true propensities are known.

The figures are those of the package's own README and of its estimators (Saito et al., NeurIPS 2021 datasets track), to
the digits that are printed there.
"""

from importlib.metadata import distribution

import numpy as np
import pandas as pd
import pytest
import yaml

from training.ope import ESTIMATORS, Log, Target, diagnose, estimate, evaluate

pytestmark = pytest.mark.anchor
ACTIONS = {"all": 80, "men": 34, "women": 46}


def file(name):
    return distribution("obp").locate_file(f"obp/{name}")


def a_log(policy, campaign):
    rows = pd.read_csv(file(f"dataset/obd/{policy}/{campaign}/{campaign}.csv"), index_col=0)
    log = Log(rows.propensity_score.to_numpy(), rows.click.to_numpy(float), np.arange(len(rows)))
    return rows, log


def without_a_model(chance):
    nothing = np.zeros(len(chance))
    return Target(chance, nothing, nothing)


def bts(campaign):
    """How often each action stands at each place, by the production prior: as that README draws it."""
    prior = yaml.safe_load(file("policy/conf/prior_bts.yaml").read_text())[campaign]
    alpha, beta = np.array(prior["alpha"]), np.array(prior["beta"])
    chance = np.random.RandomState(12345)
    seen = np.zeros((len(alpha), 3))
    for _ in range(100_000):
        seen[chance.beta(a=alpha, b=beta).argsort()[::-1][:3], [0, 1, 2]] += 1
    return seen / 100_000


@pytest.fixture(scope="module")
def from_random():
    found = {}
    for campaign in ACTIONS:
        rows, log = a_log("random", campaign)
        place = rows.position.rank(method="dense").astype(int).to_numpy() - 1
        found[campaign] = log, without_a_model(bts(campaign)[rows.item_id.to_numpy(), place])
    return found


@pytest.mark.parametrize(
    ("campaign", "of_bts", "of_random"), [("all", 0.0042, 0.0038), ("men", 0.0069, 0.0046), ("women", 0.0046, 0.0046)]
)
def test_each_log_pays_what_it_paid(campaign, of_bts, of_random):
    assert a_log("bts", campaign)[1].reward.mean() == pytest.approx(of_bts, abs=1e-12)
    assert a_log("random", campaign)[1].reward.mean() == pytest.approx(of_random, abs=1e-12)


def test_the_readme_example_comes_to_its_figure(from_random):
    log, target = from_random["all"]

    assert estimate(ESTIMATORS["IPS"](log, target)) / log.reward.mean() == pytest.approx(1.198126, abs=5e-7)


@pytest.mark.parametrize(
    ("campaign", "ips", "snips"), [("all", 0.00455, 0.00478), ("men", 0.00453, 0.0046), ("women", 0.00681, 0.00681)]
)
def test_bts_from_the_random_log_comes_to_its_figures(from_random, campaign, ips, snips):
    log, target = from_random[campaign]

    assert estimate(ESTIMATORS["IPS"](log, target)) == pytest.approx(ips, abs=5e-6)
    assert estimate(ESTIMATORS["SNIPS"](log, target)) == pytest.approx(snips, abs=5e-6)


@pytest.fixture(scope="module")
def women():
    _, log = a_log("bts", "women")
    return log, without_a_model(np.full(len(log.chance), 1 / ACTIONS["women"]))


def test_one_row_with_a_chance_of_a_millionth_is_warned_of(women):
    found = diagnose(*women)

    assert found.largest == pytest.approx(21_739, abs=1)
    assert found.effective == pytest.approx(2, abs=0.5)
    assert any("a chance of 1e-06, weighs 21,739" in warning for warning in found.warnings)


def test_where_the_log_does_not_allow_it_nothing_is_concluded(women):
    assert all("only 2 of 10,000 choices are effective" in found.verdict for found in evaluate(*women))
