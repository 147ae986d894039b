"""How interactions and consents change a record; every function returns a new one."""

from bisect import insort

import msgspec

from engine.customer.record import KEPT, Consent, Interaction, Record
from engine.decide.consents import EVERYTHING
from engine.decide.purposes import lineage
from engine.decide.request import Contact, Preferences, Purchase


def apply_interaction(record: Record, interaction: Interaction) -> Record:
    """Count one interaction by its own time; the order of arrival never matters.

    Args:
        record: the record so far.
        interaction: what happened; the caller has already refused duplicates.
    """
    if interaction.kind == "purchase":
        purchases = list(record.purchases)
        insort(purchases, Purchase(**{name: getattr(interaction, name) for name in Purchase._fields}))
        return msgspec.structs.replace(record, purchases=purchases[-KEPT:])
    contacts = list(record.contacts)
    insort(contacts, _contact(interaction))
    return msgspec.structs.replace(record, contacts=_newest_of(interaction.kind, contacts))


def _newest_of(kind: str, contacts: list[Contact]) -> list[Contact]:
    """Without the oldest of a kind when there are too many: thousands of views must not wash a complaint away."""
    own = [at for at, contact in enumerate(contacts) if contact.kind == kind] if len(contacts) > KEPT else []
    return contacts if len(own) <= KEPT else contacts[: own[0]] + contacts[own[0] + 1 :]


def _contact(interaction: Interaction) -> Contact:
    return Contact(**{name: getattr(interaction, name) for name in Contact._fields})


def set_consent(record: Record, consent: Consent) -> Record:
    """Take one statement: the newer one holds, of two at the same moment the withdrawal."""
    same = [c for c in record.consents if (c.purpose, c.channel) == (consent.purpose, consent.channel)]
    rest = [c for c in record.consents if c not in same]
    kept = max([*same, consent], key=_strength)
    return msgspec.structs.replace(record, consents=[*rest, kept], revision=record.revision + 1)


def set_preferences(record: Record, preferences: Preferences) -> Record:
    """Take the customer's own rules, all of them at once."""
    return msgspec.structs.replace(record, preferences=preferences, revision=record.revision + 1)


def allows(record: Record, purpose: str, channel: str, now_ms: int) -> bool:
    """Whether the person allows a purpose in a channel; no statement means no.

    A withdrawal of `marketing` withdraws `marketing.offers`, and a grant of it grants what is below and not withdrawn.
    What has expired is no statement.
    """
    said = [_newest(record, above, channel) for above in lineage(purpose)]
    held = [consent for consent in said if consent is not None and not _expired(consent, now_ms)]
    return bool(held) and all(consent.granted for consent in held)


def suppressed(record: Record) -> frozenset[str]:
    """Channels in which the person must not be contacted at all; the empty one stands for all."""
    return frozenset(c.channel for c in record.consents if c.purpose == EVERYTHING and not c.granted)


def _expired(consent: Consent, now_ms: int) -> bool:
    return consent.granted and 0 < consent.expires_ms <= now_ms


def _newest(record: Record, purpose: str, channel: str) -> Consent | None:
    said = [c for c in record.consents if c.purpose == purpose and c.channel in ("", channel)]
    return max(said, key=_strength, default=None)


def _strength(consent: Consent) -> tuple[int, bool]:
    return consent.at_ms, not consent.granted
