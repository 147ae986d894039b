"""Joins exposures and responses with the decision they name."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nba.v1 import decision_pb2

from engine.customer.record import Interaction
from engine.decide.pipeline import Effort
from models import Cell, Event

OFFERED, ANSWERED = 200_000, 200_000  # decisions without and with an outcome that are remembered: 0.5 GB at most
EXPOSURE = "exposure"
HURRIED = frozenset(effort.value for effort in Effort if effort is not Effort.FULL)
Taught = tuple[str, Event]  # a model's name and version, and what is learned of it
Inputs = Mapping[str, bytes]  # an online model's name and version -> what it read at the decision
Read = Mapping[str, tuple[str, bytes]]  # likewise -> the model that scored its scope, and what it read
NO_INPUTS: Inputs = {}
NOTHING: Read = {}


@dataclass
class Offer:
    """One ranked action of one decision: a trial once it is shown, a positive once it is answered.

    Args:
        inputs: of the online models that learn from it.
        group: of an inline candidate; of others the interaction says it.
    """

    action: str
    channel: str
    model: str
    propensity: float
    inputs: Inputs
    group: str = ""
    cell: Cell | None = None
    at_ms: int = 0
    positive: bool = False


class Joiner:
    """Remembers what was offered, and says what each interaction teaches.

    An action of a decision is a trial once and a positive at most once; a response stands for the exposure that nobody
    reported. What was decided in a hurry, or scored with what is no number, teaches nothing: no model said its chance.
    """

    def __init__(self) -> None:
        self._offered: dict[str, list[Offer]] = {}
        self._answered: dict[str, list[Offer]] = {}

    def decided(
        self, request: decision_pb2.DecideRequest, reply: decision_pb2.DecideResponse, read: Read = NOTHING
    ) -> None:
        """Remember what was offered.

        Args:
            read: what online models will learn from it.
        """
        if not HURRIED.isdisjoint(reply.degraded):
            return
        inputs: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        for title, (scoring, own) in read.items():
            inputs[scoring][title] = own
        inline = {candidate.action_key: candidate.group for candidate in request.inline_candidates}
        self._offered[reply.decision_id] = [
            Offer(
                ranked.action_key,
                answer.channel,
                ranked.model,
                ranked.model_propensity,
                inputs.get(ranked.model, NO_INPUTS),
                inline.get(ranked.action_key, ""),
            )
            for answer in reply.channels
            for ranked in answer.actions
            if math.isfinite(ranked.model_propensity)
        ]
        _keep(self._offered, OFFERED)

    def happened(self, interaction: Interaction, positives: tuple[str, ...]) -> Iterator[Taught]:
        """What one interaction teaches: a trial, a positive, both or nothing.

        Args:
            interaction: without a channel, it concerns the first one in which the action was offered.
            positives: the kinds that are the wished response.
        """
        positive = interaction.kind in positives
        offer = self._offer(interaction) if positive or interaction.kind == EXPOSURE else None
        if offer is None:
            return
        if offer.cell is None:
            offer.cell = Cell(offer.action, offer.channel, offer.group or interaction.group)
            offer.at_ms = interaction.at_ms
            yield from _events(offer, offer.cell, offer.propensity)
        if positive and not offer.positive:
            offer.positive = True
            yield from _events(offer, offer.cell, positive=True)

    def _offer(self, interaction: Interaction) -> Offer | None:
        """What the interaction is about; its decision moves to those that have an outcome."""
        decision_id, place = interaction.decision_id, (interaction.action_key, interaction.channel)
        if decision_id in self._offered:
            self._answered[decision_id] = self._offered.pop(decision_id)
            _keep(self._answered, ANSWERED)
        for offer in self._answered.get(decision_id, ()):
            if place in ((offer.action, offer.channel), (offer.action, "")):
                return offer
        return None


def _events(offer: Offer, cell: Cell, propensity: float = 0.0, *, positive: bool = False) -> Iterator[Taught]:
    """What corrects the model that scored it, unless that is an online one; and what online ones learn."""
    if offer.model not in offer.inputs:
        yield offer.model, Event(cell, offer.at_ms, propensity, positive)
    for title, inputs in offer.inputs.items():
        yield title, Event(cell, offer.at_ms, propensity, positive, inputs)


def _keep(known: dict[str, list[Offer]], most: int) -> None:
    """Forget the oldest beyond a number."""
    while len(known) > most:
        del known[next(iter(known))]
