"""The customer as one decision sees it: the stored record, and what the caller sent along."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.customer.change import allows, set_consent, suppressed
from engine.customer.dealings import dealings
from engine.customer.features import behaviour
from engine.customer.privacy import NO_SIGNALS, Signals
from engine.customer.record import Consent, Record
from engine.decide.purposes import Declared, lineage
from engine.decide.request import CustomerView, Needs, Scalar


@dataclass(frozen=True)
class Sent:
    """What a caller says about a customer: an id, inline facts, or both."""

    customer_id: str = ""
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    consents: tuple[Consent, ...] = ()
    time_zone: str = ""
    signals: Signals = NO_SIGNALS


def view(stored: Record | None, sent: Sent, needs: Needs, now_ms: int) -> CustomerView:
    """Join the stored record with what was sent; inline attributes win, inline consents can only narrow.

    Args:
        stored: the record; None when the id is unknown or there is none.
        sent: what the caller sent.
        needs: what the decision must know.
        now_ms: the decision's moment.

    Returns:
        the view; a person who is known to nobody has no consent but the ones sent without an id.
    """
    record = stored or Record(sent.customer_id, {}, [])
    said = Record(sent.customer_id, {}, [])
    for consent in sent.consents:
        said = set_consent(said, consent)
    all_said = _Said(record, said, sent, needs.declared)
    return CustomerView(
        attributes={**record.attributes, **sent.attributes},
        behaviour=behaviour(record, now_ms),
        allowed={pair: _allowed(all_said, pair, now_ms) for pair in needs.consents},
        contacts=tuple(record.contacts[: bisect_left(record.contacts, (now_ms + 1,))]),
        time_zone=sent.time_zone or record.time_zone,
        preferences=record.preferences,
        suppressed=suppressed(record) | suppressed(said),
        customer_id=sent.customer_id,
        dealings=dealings(record, now_ms, needs.dealings),
        purchases=tuple(record.purchases[: bisect_left(record.purchases, (now_ms + 1,))]),
    )


@dataclass(frozen=True)
class _Said:
    """Everything said of consent: what is stored, what was sent along, and signals from outside."""

    stored: Record
    said: Record
    sent: Sent
    declared: Declared


def _allowed(all_said: _Said, pair: tuple[str, str], now_ms: int) -> bool:
    """What is sent along, and any signal, can narrow what a stored person allowed, never widen it."""
    purpose, channel = pair
    signal = all_said.sent.signals.verdict(purpose, all_said.declared)
    if signal is False:
        return False
    withdrawn = any(_covers(consent, purpose, channel) for consent in all_said.said.consents if not consent.granted)
    if not all_said.sent.customer_id:
        return (signal is True and not withdrawn) or allows(all_said.said, purpose, channel, now_ms)
    return not withdrawn and allows(all_said.stored, purpose, channel, now_ms)


def _covers(consent: Consent, purpose: str, channel: str) -> bool:
    return consent.purpose in lineage(purpose) and consent.channel in ("", channel)
