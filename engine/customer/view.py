"""The customer as one decision sees it: the stored record, and what the caller sent along."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.customer.change import allows, set_consent
from engine.customer.features import behaviour
from engine.customer.record import Consent, Record
from engine.decide.request import CustomerView, Scalar


@dataclass(frozen=True)
class Sent:
    """What a caller says about a customer: an id, inline facts, or both."""

    customer_id: str = ""
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    consents: tuple[Consent, ...] = ()
    time_zone: str = ""


def view(stored: Record | None, sent: Sent, asked: Iterable[tuple[str, str]], now_ms: int) -> CustomerView:
    """Join the stored record with what was sent; inline attributes win, inline consents can only narrow.

    Args:
        stored: the record; None when the id is unknown or there is none.
        sent: what the caller sent.
        asked: (purpose, channel) pairs the decision may need.
        now_ms: the decision's moment.

    Raises:
        nothing; a person who is known to nobody has no consent but the ones sent without an id.
    """
    record = stored or Record(sent.customer_id, {}, [])
    said = Record(sent.customer_id, {}, [])
    for consent in sent.consents:
        said = set_consent(said, consent)
    named = bool(sent.customer_id)
    allowed = {pair: _allowed(record, said, pair, named=named) for pair in asked}
    attributes = {**record.attributes, **sent.attributes}
    contacts = tuple(contact for contact in record.contacts if contact.at_ms <= now_ms)
    return CustomerView(attributes, behaviour(record, now_ms), allowed, contacts, sent.time_zone or record.time_zone)


def _allowed(record: Record, said: Record, pair: tuple[str, str], *, named: bool) -> bool:
    purpose, channel = pair
    if not named:
        return allows(said, purpose, channel)
    withdrawn = any(_covers(consent, purpose, channel) for consent in said.consents if not consent.granted)
    return allows(record, purpose, channel) and not withdrawn


def _covers(consent: Consent, purpose: str, channel: str) -> bool:
    below = purpose == consent.purpose or purpose.startswith(consent.purpose + ".")
    return below and consent.channel in ("", channel)
