"""Counting interactions: duplicate mark, outbox, record, names and what was reserved, in one script of a person."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from engine.customer.change import apply_interactions
from engine.customer.checks import ErasedError, FieldError
from engine.customer.names import Names
from engine.customer.record import Interaction
from engine.store.merge import link_of, missing
from engine.store.reservation import marks_of, may_settle, without
from engine.store.valkey.connection import Command
from engine.store.valkey.erased import Erased
from engine.store.valkey.joining import Joining
from engine.store.valkey.keys import HAPPENED, key, pack, put_out
from engine.store.valkey.people import Found, Person, written

Status = str | FieldError
LUMP = 1_000


class Brought:
    """What a lump has under one id.

    Args:
        most: distinct names that there may be.
    """

    def __init__(self, most: int) -> None:
        self._most, self._interactions = most, dict[int, Interaction]()
        self.statuses: dict[int, Status] = {}

    def bring(self, at: int, interaction: Interaction) -> None:
        """Add one, with its place in the lump."""
        self._interactions[at] = interaction

    @property
    def keys(self) -> list[str]:
        """Of the interactions, in their order."""
        return [interaction.key for interaction in self._interactions.values()]

    def taken(self, person: Person, refused: Mapping[int, FieldError]) -> tuple[list[Interaction], Names]:
        """What is new of it and has room; says of each what became of it.

        Args:
            person: as read for this id.
            refused: place -> why it is not taken in any case.
        """
        held, new = Names(person.names, self._most), list[Interaction]()
        seen = {name for name, mark in zip(self.keys, person.marks, strict=True) if mark}
        for at, interaction in self._interactions.items():
            if interaction.key in seen:
                self.statuses[at] = "duplicate"
            elif at in refused:
                held.miss(interaction)
                self.statuses[at] = refused[at]
            else:
                self.statuses[at] = held.take(interaction) or "recorded"
            if self.statuses[at] == "recorded":
                seen.add(interaction.key)
                new.append(interaction)
        return new, held


class Counting:
    """Counts batches.

    Args:
        joining: of the people whom a login links.
        erased: who is not taken.
    """

    def __init__(self, joining: Joining, erased: Erased) -> None:
        self._joining, self._people, self._erased = joining, joining.people, erased

    def count(self, interactions: Sequence[Interaction], names: int) -> list[Status]:
        """For each "recorded" or "duplicate", or why it was not counted.

        Args:
            interactions: good ones.
            names: how many distinct ones there may be under one id.
        """
        return [status for lump in _lumps(interactions) for status in self._counted(lump, names)]

    def _counted(self, lump: Sequence[Interaction], names: int) -> list[Status]:
        barred = self._barred(lump)
        refused = self._linked(lump[0], names) if lump[0].also_known_as and not barred else {}
        brought: dict[str, Brought] = {}
        for at, interaction in enumerate(lump):
            if at in barred:
                continue
            brought.setdefault(interaction.customer_id, Brought(names)).bring(at, interaction)

        def make(own: Found) -> list[Command]:
            return self._commands(own, {name: brought[name].taken(person, refused) for name, person in own.items()})

        self._people.change({name: each.keys for name, each in brought.items()}, make)
        statuses: dict[int, Status] = {**barred}
        statuses |= {at: status for each in brought.values() for at, status in each.statuses.items()}
        return [statuses[at] for at in range(len(lump))]

    def _barred(self, lump: Sequence[Interaction]) -> dict[int, FieldError]:
        """Place -> why, of what names somebody who was erased; a login stands alone in its lump."""
        paths = ("customer_id", "also_known_as")
        gone = self._erased.among(name for each in lump for path in paths if (name := getattr(each, path)))
        return {
            at: ErasedError(path)
            for at, each in enumerate(lump)
            for path in reversed(paths)
            if getattr(each, path) in gone
        }

    def _linked(self, login: Interaction, names: int) -> dict[int, FieldError]:
        """Link two ids, before the login itself is counted: broken off in between, all of it is done again."""
        person = self._people.find({login.customer_id: [login.key]})[login.customer_id]
        if any(person.marks) or Names(person.names, names).take(login):
            return {}
        try:
            self._joining.join(link_of(login))
        except FieldError as error:
            return {0: error}
        return {}

    def _commands(self, own: Found, taken: Mapping[str, tuple[list[Interaction], Names]]) -> list[Command]:
        person = next(iter(own.values()))
        keeping = self._people.keeping(person)
        new = [interaction for interactions, _ in taken.values() for interaction in interactions]
        record = apply_interactions(person.record, new, keeping)
        if missed_ms := max(held.missed_ms(keeping) for _, held in taken.values()):
            record = missing(record, missed_ms)
        if not new and record == person.record:
            return []
        grown = [("SET", key("w", person.name, name), held.pack()) for name, (_, held) in taken.items() if held.grown]
        counted = [put_out(HAPPENED, person.name, each.customer_id, each.key, pack(each)) for each in new]
        return [*counted, *written(person, record), *grown, *_settled(person, new)]


def _settled(person: Person, new: Iterable[Interaction]) -> Iterator[Command]:
    """What was reserved and has now happened leaves the reservations, in the same script."""
    happened, place = [each for each in new if may_settle(each)], key("v", person.name)
    for name, reservations in person.live.items():
        if not (marks := marks_of(reservations, happened)):
            continue
        left = [each for each in without(reservations, marks) if each.kinds]
        until = person.reserved[name].partition(b" ")[0]
        yield ("HSET", place, name, until + b" " + pack(left)) if left else ("HDEL", place, name)


def _lumps(interactions: Sequence[Interaction]) -> Iterator[Sequence[Interaction]]:
    """Lumps in their order; a login begins one."""
    start = 0
    for at in range(1, len(interactions) + 1):
        if at == len(interactions) or at - start == LUMP or interactions[at].also_known_as:
            yield interactions[start:at]
            start = at
