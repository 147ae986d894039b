"""Recency, frequency, monetary value and behaviour as they stood at one moment."""

from bisect import bisect_left
from collections.abc import Sequence

from engine.customer.record import Record
from engine.decide.behaviour import WINDOWS_DAYS
from engine.decide.request import Contact, Purchase
from engine.decide.values import DAY_MS


def behaviour(record: Record, now_ms: int) -> dict[str, float]:
    """What the record says about the time strictly before `now_ms`.

    Args:
        record: the record; later events are not looked at, so that training cannot leak.
        now_ms: the moment, epoch milliseconds.

    Returns:
        name -> number, of the names in `engine.decide.behaviour`; what cannot be known is absent.
    """
    purchases = record.purchases[: bisect_left(record.purchases, (now_ms,))]
    contacts = record.contacts[: bisect_left(record.contacts, (now_ms,))]
    return _bought(purchases, now_ms) | _responded(contacts, now_ms)


def _bought(purchases: Sequence[Purchase], now_ms: int) -> dict[str, float]:
    """Recency, frequency and monetary value, and how much of it came with coupons."""
    made = _sums(purchases, "total")
    for days in WINDOWS_DAYS:
        since = bisect_left(purchases, (now_ms - days * DAY_MS,))
        made |= _sums(purchases[since:], f"{days}d")
    made["discount_total"] = sum((purchase.discount for purchase in purchases), 0.0)
    if purchases:
        made["recency_days"] = (now_ms - purchases[-1].at_ms) / DAY_MS
        made["tenure_days"] = (now_ms - purchases[0].at_ms) / DAY_MS
        made["mean_basket"] = made["monetary_total"] / len(purchases)
    return made


def _sums(purchases: Sequence[Purchase], window: str) -> dict[str, float]:
    return {
        f"frequency_{window}": float(len(purchases)),
        f"monetary_{window}": sum((purchase.amount for purchase in purchases), 0.0),
        f"couponed_{window}": float(sum(purchase.discount > 0 for purchase in purchases)),
    }


def _responded(contacts: Sequence[Contact], now_ms: int) -> dict[str, float]:
    """How often the customer was met, and how often that was answered by redeeming."""
    met = [contact.at_ms for contact in contacts if contact.kind == "exposure"]
    redeemed = [contact for contact in contacts if contact.kind == "redemption"]
    responses = len({contact.action_key for contact in redeemed})
    made = {
        "contacts_total": float(len(met)),
        "contacts_90d": float(len(met) - bisect_left(met, now_ms - 90 * DAY_MS)),
        "redemptions_total": float(len(redeemed)),
        "responses_total": float(responses),
        "response_rate": (responses + 0.1) / (len(met) + 1),  # a tenth, so that who was never met is not at zero
    }
    if redeemed:
        made["response_recency_days"] = (now_ms - redeemed[-1].at_ms) / DAY_MS
    return made
