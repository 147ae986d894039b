"""Changes that every store makes alike."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from engine.customer.change import apply_interactions
from engine.customer.checks import FieldError
from engine.customer.history import NO_ACTIVITY, NO_TOTALS, totals_of
from engine.customer.identity import MOST_IDS, Link, link
from engine.customer.names import Names
from engine.customer.record import Interaction, Record
from engine.customer.said import linked
from engine.customer.trail import NOTHING
from engine.decide.keeping import Keeping

Load = Callable[[str], Record | None]


def now_ms() -> int:
    """When something is taken: the machine's clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass
class Batch:
    """What one transaction brings, before the histories in the records know of it.

    Args:
        named: the names under an id, as stored.
        names: id -> the names under it.
        happened: id -> interactions that were counted.
        whole: ids that came to another record, whose history has nothing of theirs yet.
    """

    named: Callable[[str], Names]
    names: dict[str, Names] = field(default_factory=dict)
    happened: dict[str, list[Interaction]] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)

    def refusal(self, interaction: Interaction, join: Callable[[Link], object]) -> FieldError | None:
        """Why an interaction cannot be counted, if it cannot; if it can, its link is made.

        Args:
            interaction: is no duplicate.
            join: makes a link, or raises FieldError and changes nothing.
        """
        if interaction.customer_id not in self.names:
            self.names[interaction.customer_id] = self.named(interaction.customer_id)
        held = self.names[interaction.customer_id]
        refused = held.take(interaction)
        if interaction.also_known_as and not refused:
            try:
                join(link_of(interaction))
            except FieldError as error:
                held.miss(interaction)
                return error
        return refused

    def missed(self, keeping: Keeping) -> Iterator[tuple[str, int]]:
        """Ids of which contacts that caps count were refused, and the newest moment of one."""
        for name, held in self.names.items():
            if at_ms := held.missed_ms(keeping):
                yield name, at_ms

    def by_person(
        self, canonical: Callable[[str], str], everything: Callable[[str], list[Interaction]]
    ) -> dict[str, list[Interaction]]:
        """What each person's history is still to be told.

        Args:
            canonical: the id that a person stands under now, of any of theirs.
            everything: all that happened under one id, this batch included.
        """
        told: dict[str, list[Interaction]] = {}
        for name in [*self.happened, *(self.whole - self.happened.keys())]:  # a batch in order is written in order
            own = everything(name) if name in self.whole else self.happened[name]
            told.setdefault(canonical(name), []).extend(own)
        return told


def missing(record: Record, at_ms: int) -> Record:
    """The record, of which caps that look behind a contact that was not taken count as full."""
    return msgspec.structs.replace(record, missed_ms=max(record.missed_ms, at_ms))


def rebuilt(record: Record, happened: Iterable[Interaction], keeping: Keeping) -> Record:
    """The record with its history made again; what was said or imported stays."""
    bare = msgspec.structs.replace(record, bought=NOTHING, met=NOTHING, totals=NO_TOTALS, activity=NO_ACTIVITY)
    return apply_interactions(bare, happened, keeping)


def link_of(interaction: Interaction) -> Link:
    """The link that a login says."""
    return link((interaction.customer_id, interaction.also_known_as), interaction.at_ms, interaction.kind)


def merged(load: Load, said: Link) -> tuple[Record, list[Record]]:
    """The record of the one person whom a link makes of two.

    Args:
        load: the record of an id, if there is one.
        said: the link.

    Returns:
        the record, and those it takes the place of: none where nothing changes; one where the link is an earlier one
        of ids that were one person already; else two, and then the history is the first one's alone.

    Raises:
        FieldError: when the person would have too many ids.
    """
    pair = (load(name) or Record(name) for name in (said.one, said.other))
    one, other = sorted(pair, key=_lived, reverse=True)  # what the shorter history holds is told the longer one
    made = linked(one, other, said)
    if len(made.ids) > MOST_IDS:
        reason = f"would give one person {len(made.ids)} ids; at most {MOST_IDS} are linked: is it a shared device?"
        raise FieldError("also_known_as", reason)
    replaced = [one] if one.customer_id == other.customer_id else [one, other]
    return made, [] if made == one else replaced


def _lived(record: Record) -> int:
    return sum(sums[0] for sums in totals_of(record.totals).kinds.values())
