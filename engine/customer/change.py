"""How interactions change a record; every function returns a new one."""

from collections.abc import Iterable

import msgspec

from engine.customer.history import MONEY, active, bought, counted, met
from engine.customer.record import Interaction, Record
from engine.customer.trail import Entry
from engine.decide.behaviour import OURS
from engine.decide.keeping import USUAL, Keeping


def apply_interaction(record: Record, interaction: Interaction, keeping: Keeping = USUAL) -> Record:
    """Count one interaction, as `apply_interactions` does."""
    return apply_interactions(record, (interaction,), keeping)


def apply_interactions(record: Record, interactions: Iterable[Interaction], keeping: Keeping = USUAL) -> Record:
    """Count interactions, each by its own time; the order of arrival never matters.

    Args:
        record: the record so far, unpacked and packed once, however many there are.
        interactions: what happened; the caller has already refused duplicates.
        keeping: how much of a history is kept.
    """
    entries = sorted(map(_entry, interactions))  # what is newest is added fastest
    purchases = [entry for entry in entries if entry.words[0] == "purchase"]
    # Caps may count purchases: then they stand among the contacts, too.
    contacts = [entry for entry in entries if entry.words[0] != "purchase" or keeping.counts("purchase")]
    moments = [entry.at_ms for entry in entries if entry.words[0] not in OURS]
    return msgspec.structs.replace(
        record,
        bought=bought(record.bought, purchases) if purchases else record.bought,
        met=met(record.met, contacts, keeping) if contacts else record.met,
        totals=counted(record.totals, entries, keeping) if entries else record.totals,
        activity=active(record.activity, moments) if moments else record.activity,
    )


def _entry(interaction: Interaction) -> Entry:
    words = (
        interaction.kind, interaction.action_key, interaction.group, interaction.objective, interaction.channel,
        interaction.placement,
    )  # fmt: skip
    return Entry(interaction.at_ms, words, round(interaction.amount * MONEY), round(interaction.discount * MONEY))
