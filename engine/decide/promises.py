"""Caps within one answer: what a reserving channel takes counts for everything that is ranked after it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.decide.behaviour import PROMISED
from engine.decide.catalogue import BoolArray, Catalogue
from engine.decide.chance import stream_of
from engine.decide.exploration import Positions
from engine.decide.gates import STANDING, Moment
from engine.decide.request import Ask, Contact
from engine.decide.selection import Ranking
from engine.decide.snapshot import Snapshot


def proposed(catalogue: Catalogue, row: int, ask: Ask) -> Contact:
    """The contact that showing a row would be, by the names that caps count by; it has no kind and no moment yet."""
    action, group, objective = (str(catalogue.names(scope)[row]) for scope in ("action", "group", "objective"))
    return Contact(0, "", action, group, objective, ask.channel, ask.placement)


def outcomes(contacts: Sequence[Contact], now_ms: int) -> tuple[Contact, ...]:
    """Every outcome that promised contacts lead to if all goes well, as if it happened now."""
    return tuple(each._replace(at_ms=now_ms, kind=kind) for each in contacts for kind in PROMISED)


class Promising:
    """Ranks the reserving asks of one request one by one, and what each takes is counted.

    Args:
        snapshot, moment: of the decision.
        candidates: intp[N], rows.
        priority: float64[N].
    """

    def __init__(
        self, snapshot: Snapshot, moment: Moment, candidates: NDArray[np.intp], priority: NDArray[np.float64]
    ) -> None:
        self._snapshot, self._moment = snapshot, moment
        self._candidates, self._priority = candidates, priority
        self._standing: BoolArray = np.ones(len(candidates), np.bool_)

    def rank(self, ask: Ask) -> Ranking:
        """One ask's ranking: at each rank among what the caps still allow, with the chance of that."""
        slots = list(self._slots(ask))
        positions: Positions = np.array([position for position, _ in slots], np.intp)
        return Ranking(positions, np.array([chance for _, chance in slots], np.float64))

    def _slots(self, ask: Ask) -> Iterator[tuple[int, float]]:
        catalogue, select = self._snapshot.catalogue, self._snapshot.selector.select
        inside = catalogue.place[self._candidates] == catalogue.place_of(ask)
        for slot in range(ask.limit):
            # A slot draws for itself: the draw before it has already said which numbers it was.
            stream = stream_of(self._moment.request.seed, ask.channel, ask.placement, *([str(slot)] if slot else ()))
            objective = catalogue.objective[self._candidates]
            chosen = select(self._priority, inside & self._standing, 1, objective, stream)
            if not len(chosen.positions):
                return
            position = int(chosen.positions[0])
            inside[position] = False
            self._take(proposed(catalogue, int(self._candidates[position]), ask))
            yield position, float(chosen.probability[0])

    def _take(self, contact: Contact) -> None:
        moment = self._moment
        more = outcomes([contact], moment.request.now_ms)
        customer = replace(moment.customer, contacts=(*moment.customer.contacts, *more))
        self._moment = replace(moment, customer=customer)
        gates = self._snapshot.gates
        self._standing = gates.lost_at(gates.evaluate(self._moment))[self._candidates] == STANDING
