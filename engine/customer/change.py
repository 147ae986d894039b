"""How interactions and consents change a record; every function returns a new one."""

from bisect import insort

import msgspec

from engine.customer.record import KEPT, Consent, Interaction, Purchase, Record
from engine.decide.request import Contact


def apply_interaction(record: Record, interaction: Interaction) -> Record:
    """Count one interaction by its own time; the order of arrival never matters.

    Args:
        record: the record so far.
        interaction: what happened; the caller has already refused duplicates.
    """
    if interaction.kind == "purchase":
        purchases = list(record.purchases)
        insort(purchases, Purchase(interaction.at_ms, interaction.amount, interaction.discount))
        return msgspec.structs.replace(record, purchases=purchases[-KEPT:])
    contacts = list(record.contacts)
    insort(contacts, _contact(interaction))
    return msgspec.structs.replace(record, contacts=contacts[-KEPT:])


def _contact(interaction: Interaction) -> Contact:
    return Contact(**{name: getattr(interaction, name) for name in Contact._fields})


def set_consent(record: Record, consent: Consent) -> Record:
    """Take one statement: the newer one holds, of two at the same moment the withdrawal."""
    same = [c for c in record.consents if (c.purpose, c.channel) == (consent.purpose, consent.channel)]
    rest = [c for c in record.consents if c not in same]
    kept = max([*same, consent], key=_strength)
    return msgspec.structs.replace(record, consents=[*rest, kept], revision=record.revision + 1)


def allows(record: Record, purpose: str, channel: str) -> bool:
    """Whether the person allowed a purpose in a channel; no statement means no.

    A withdrawal of `marketing` withdraws `marketing.offers`, and a grant of it grants what is below and not withdrawn.
    """
    parts = purpose.split(".")
    said = [_newest(record, ".".join(parts[:depth]), channel) for depth in range(1, len(parts) + 1)]
    spoken = [consent for consent in said if consent is not None]
    return bool(spoken) and all(consent.granted for consent in spoken)


def _newest(record: Record, purpose: str, channel: str) -> Consent | None:
    said = [c for c in record.consents if c.purpose == purpose and c.channel in ("", channel)]
    return max(said, key=_strength, default=None)


def _strength(consent: Consent) -> tuple[int, bool]:
    return consent.at_ms, not consent.granted
