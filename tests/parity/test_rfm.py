"""Recency, frequency and monetary value equal what pandas makes of real purchases, and what another package says."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.customer.as_of import AsOf
from engine.customer.change import apply_interactions
from engine.customer.history import PURCHASES
from engine.customer.record import Interaction, Record
from engine.customer.values import values
from engine.decide.derived import USUALLY
from engine.decide.keeping import Keeping
from engine.decide.values import DAY_MS
from training.grocer import load

KEEPING = Keeping(counted=frozenset({"exposure"}))
WINDOWS = {"30d": 30, "90d": 90, "total": 10_000}
MEASURES = ("frequency", "monetary", "couponed")


def purchases():
    happened = load().interactions
    return happened[happened.kind == "purchase"].sort_values("at_ms")


def by_pandas(bought, now_ms):
    """The same figures in plain pandas: household -> name -> number."""
    past = bought[bought.at_ms < now_ms]
    made = {}
    for window, days in WINDOWS.items():
        inside = past[past.at_ms >= now_ms - days * DAY_MS].groupby("customer_id")
        made[f"rfm.frequency_{window}"] = inside.size()
        made[f"rfm.monetary_{window}"] = inside.amount.sum()
        made[f"rfm.couponed_{window}"] = inside.discount.apply(lambda column: (column > 0).sum())
    at = past.groupby("customer_id").at_ms
    made["rfm.recency_days"], made["rfm.tenure_days"] = (now_ms - at.max()) / DAY_MS, (now_ms - at.min()) / DAY_MS
    return pd.DataFrame(made).fillna(0.0)


def by_records(bought, moments):
    """What each household's record says, living through its purchases once: one table for each moment."""
    made = [{} for _ in moments]
    for customer_id, own in bought.groupby("customer_id"):
        record, done = Record(customer_id), 0
        events = [
            Interaction("", customer_id, "purchase", at_ms, amount=amount, discount=discount)
            for at_ms, amount, discount in zip(own.at_ms, own.amount, own.discount, strict=True)
        ]
        for at, now_ms in enumerate(moments):
            until = int(np.searchsorted(own.at_ms, now_ms))
            record, done = apply_interactions(record, events[done:until], KEEPING), until
            if until:
                made[at][customer_id] = values(AsOf(record, now_ms, USUALLY), {"rfm"})
    return [pd.DataFrame.from_dict(table, orient="index") for table in made]


def test_rfm_equals_plain_pandas_for_every_household_at_twenty_moments():
    bought = purchases()
    first, last = bought.at_ms.min(), bought.at_ms.max()
    days = [int(moment) // DAY_MS * DAY_MS for moment in np.linspace(first + 5 * DAY_MS, last + DAY_MS, 20)]
    # Half of them in the middle of a day: there the windows' far edges cut through days.
    moments = [day + at % 2 * 40_000_001 for at, day in enumerate(days)]

    compared = 0
    for now_ms, ours in zip(moments, by_records(bought, moments), strict=True):
        theirs = by_pandas(bought, now_ms)
        assert set(ours.index) == set(theirs.index)
        gaps = (ours.loc[theirs.index, theirs.columns] - theirs).abs()
        # What is older than the newest purchases is known by its day alone: a day that is cut counts for nothing.
        if now_ms % DAY_MS:
            for window in ("30d", "90d"):
                busy = theirs[f"rfm.frequency_{window}"] > PURCHASES
                assert busy.mean() < 0.03
                gaps.loc[busy, [f"rfm.{measure}_{window}" for measure in MEASURES]] = 0.0
        assert gaps.to_numpy().max() < 1e-6
        compared += gaps.size
    assert compared > 20 * 2_000 * 11


@pytest.mark.anchor
def test_frequency_recency_and_age_equal_another_packages_on_cdnow():
    """Fader, Hardie and Lee's CDNOW sample, and its summary, as `lifetimes` 0.11.3 has them, to its rounding."""
    package = importlib.util.find_spec("lifetimes")
    directory = Path(package.submodule_search_locations[0]) / "datasets"
    bought = pd.read_csv(
        directory / "CDNOW_sample.txt",
        sep=r"\s+",
        names=["_", "customer_id", "date", "discs", "amount"],
        dtype={"date": str},
    )
    theirs = pd.read_csv(directory / "cdnow_customers_summary.csv")
    bought["at_ms"] = pd.to_datetime(bought.date).astype("datetime64[ms]").astype("int64")
    end_ms = 875_577_600_000  # 30 September 1997: the summary is of the first 39 weeks
    daily = bought[bought.at_ms <= end_ms].groupby(["customer_id", "at_ms"]).amount.sum().reset_index()

    ours = []
    for customer_id, own in daily.groupby("customer_id"):
        events = [
            Interaction("", str(customer_id), "purchase", at_ms, amount=amount)
            for at_ms, amount in zip(own.at_ms, own.amount, strict=True)
        ]
        made = values(AsOf(apply_interactions(Record(str(customer_id)), events, KEEPING), end_ms + 1, USUALLY), {"rfm"})
        age = made["rfm.tenure_days"] / 7
        ours.append((made["rfm.frequency_total"] - 1, age - made["rfm.recency_days"] / 7, age))

    frequency, recency, age = np.array(ours).T
    assert len(ours) == len(theirs) == 2_357
    assert (frequency == theirs.frequency).all()  # theirs counts the days after the first one
    assert np.abs(recency - theirs.recency).max() < 0.005
    assert np.abs(age - theirs["T"]).max() < 0.005
