"""How interactions change a record; every function returns a new one."""

from collections.abc import Iterable

import msgspec

from engine.customer.history import MONEY, active, bought, counted, met
from engine.customer.record import Interaction, Record
from engine.customer.trail import Entry
from engine.decide.behaviour import OURS
from engine.decide.keeping import USUAL, Keeping


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
