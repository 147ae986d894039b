"""Recency, frequency, monetary value and behaviour as they stood at one moment."""

from bisect import bisect_left
from collections import Counter

from engine.customer.record import Record
from engine.decide.request import Contact

DAY_MS = 86_400_000
WINDOWS_DAYS = (30, 90)


def behaviour(record: Record, now_ms: int) -> dict[str, float]:
    """What the record says about the time strictly before `now_ms`.

    Args:
        record: the record; later events are not looked at, so that training cannot leak.
        now_ms: the moment, epoch milliseconds.

    Returns:
        name -> number; what cannot be known is absent: recency_days, tenure_days and mean_basket need a purchase.
    """
    purchases = record.purchases[: bisect_left(record.purchases, (now_ms,))]
    contacts = record.contacts[: bisect_left(record.contacts, (now_ms,))]
    made = {"frequency_total": float(len(purchases)), "monetary_total": sum(amount for _, amount in purchases)}
    for days in WINDOWS_DAYS:
        inside = purchases[bisect_left(purchases, (now_ms - days * DAY_MS,)) :]
        made[f"frequency_{days}d"] = float(len(inside))
        made[f"monetary_{days}d"] = sum(amount for _, amount in inside)
    if purchases:
        made["recency_days"] = (now_ms - purchases[-1][0]) / DAY_MS
        made["tenure_days"] = (now_ms - purchases[0][0]) / DAY_MS
        made["mean_basket"] = made["monetary_total"] / len(purchases)
    return made | _responses(contacts, now_ms)


def _responses(contacts: list[Contact], now_ms: int) -> dict[str, float]:
    redeemed = Counter(group for _, kind, _, group, *_ in contacts if kind == "redemption")
    recent = contacts[bisect_left(contacts, (now_ms - 90 * DAY_MS,)) :]
    made = {f"redemptions_{group}": float(count) for group, count in redeemed.items()}
    made["redemptions_total"] = float(redeemed.total())
    made["contacts_total"] = float(sum(kind == "exposure" for _, kind, *_ in contacts))
    made["contacts_90d"] = float(sum(kind == "exposure" for _, kind, *_ in recent))
    return made
