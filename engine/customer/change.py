"""How interactions and consents change a record; every function returns a new one."""

from collections.abc import Iterable

import msgspec

from engine.customer.history import MONEY, active, bought, counted, met
from engine.customer.record import Consent, Interaction, Record
from engine.customer.trail import Entry
from engine.decide.behaviour import OURS
from engine.decide.consents import EVERYTHING
from engine.decide.keeping import USUAL, Keeping
from engine.decide.purposes import lineage
from engine.decide.request import Preferences


def apply_interaction(record: Record, interaction: Interaction, keeping: Keeping = USUAL) -> Record:
    """Count one interaction by its own time; the order of arrival never matters.

    Args:
        record: the record so far.
        interaction: what happened; the caller has already refused duplicates.
        keeping: how much of a history is kept.
    """
    entry, kind = _entry(interaction), interaction.kind
    return msgspec.structs.replace(
        record,
        bought=bought(record.bought, entry) if kind == "purchase" else record.bought,
        # Caps may count purchases: then they stand among the contacts, too.
        met=met(record.met, entry, keeping) if kind != "purchase" or keeping.counts(kind) else record.met,
        totals=counted(record.totals, entry, keeping),
        activity=record.activity if kind in OURS else active(record.activity, entry.at_ms),
    )


def apply_interactions(record: Record, interactions: Iterable[Interaction], keeping: Keeping = USUAL) -> Record:
    """Count several."""
    for interaction in interactions:
        record = apply_interaction(record, interaction, keeping)
    return record


def _entry(interaction: Interaction) -> Entry:
    words = (
        interaction.kind, interaction.action_key, interaction.group, interaction.objective, interaction.channel,
        interaction.placement,
    )  # fmt: skip
    return Entry(interaction.at_ms, words, round(interaction.amount * MONEY), round(interaction.discount * MONEY))


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
