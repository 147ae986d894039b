"""The customer as one decision sees it: the stored record, and what the caller sent along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.customer.as_of import AsOf
from engine.customer.consents import Statements
from engine.customer.dealings import dealings
from engine.customer.privacy import NO_SIGNALS, Signals
from engine.customer.record import Consent, Record
from engine.customer.said import set_consent
from engine.customer.threads import turns
from engine.customer.values import values
from engine.decide.needs import Needs
from engine.decide.purposes import Declared, lineage
from engine.decide.request import Contact, CustomerView, Scalar


@dataclass(frozen=True)
class Sent:
    """What a caller says about a customer: an id, inline facts, or both."""

    customer_id: str = ""
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    consents: tuple[Consent, ...] = ()
    time_zone: str = ""
    signals: Signals = NO_SIGNALS


def view(
    stored: Record | None, sent: Sent, needs: Needs, now_ms: int, reserved: Sequence[Contact] | None = None
) -> CustomerView:
    """Join the stored record with what was sent; inline attributes win, inline consents can only narrow.

    Args:
        stored: the record; None when the id is unknown or there is none.
        sent: what the caller sent.
        needs: what the decision must know.
        now_ms: the decision's moment.
        reserved: contacts promised to other decisions, which count as of now, whatever their makers' clocks said; None
            where the moment is not now: then nothing that lies after it counts.

    Returns:
        the view; a person who is known to nobody has no consent but the ones sent without an id.
    """
    record = stored or Record(sent.customer_id)
    said = Record(sent.customer_id)
    for consent in sent.consents:
        said = set_consent(said, consent)
    all_said = _Said(Statements(record), Statements(said), sent, needs.declared)
    attributes = {**record.attributes, **sent.attributes}
    as_of = AsOf(record, now_ms, needs.derived)
    return CustomerView(
        attributes=attributes,
        derived=values(as_of, needs.families, attributes),
        allowed={pair: _allowed(all_said, pair, now_ms) for pair in needs.consents},
        contacts=as_of.contacts() if reserved is None else (*as_of.contacts(), *_current(as_of, reserved)),
        time_zone=sent.time_zone or record.time_zone,
        preferences=record.preferences,
        suppressed=all_said.stored.suppressed() | all_said.said.suppressed(),
        customer_id=record.customer_id,
        dealings=dealings(record, now_ms, needs.dealings),
        turns=turns(as_of),
        known_since_ms=max(as_of.met.trail.lost_ms, record.missed_ms),
    )


def _current(as_of: AsOf, reserved: Sequence[Contact]) -> list[Contact]:
    """What is promised, and what has happened by a clock that is ahead of ours: a cap that left it out would leak."""
    return [contact._replace(at_ms=as_of.now_ms) for contact in (*as_of.ahead(), *reserved)]


@dataclass(frozen=True)
class _Said:
    """Everything said of consent: what is stored, what was sent along, and signals from outside."""

    stored: Statements
    said: Statements
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
        return (signal is True and not withdrawn) or all_said.said.allows(purpose, channel, now_ms)
    return not withdrawn and all_said.stored.allows(purpose, channel, now_ms)


def _covers(consent: Consent, purpose: str, channel: str) -> bool:
    return consent.purpose in lineage(purpose) and consent.channel in ("", channel)
