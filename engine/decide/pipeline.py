"""One decision, from gates to ranking: start reading here."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from engine.decide.arbitration import priority_of
from engine.decide.catalogue import BoolArray, Catalogue
from engine.decide.gates import STANDING, Moment, Stages
from engine.decide.preferences import weights
from engine.decide.request import NONE, CustomerView, Preferences, Request
from engine.decide.selection import rank
from engine.decide.snapshot import Snapshot


class Effort(Enum):
    """How much there is time for; the value says what was skipped. No effort skips a gate."""

    FULL = ""
    PRIOR = "model: the prior scored, time was short"
    FALLBACK = "ranking: only each channel's fallback action was considered, time was short"


@dataclass(frozen=True)
class Evaluation:
    """The arrays one request produced; `explain` makes words of them.

    Args:
        snapshot: the one that decided, with the request's inline candidates.
        moment: what the gates read.
        asked: bool[R], rows of the asked channels and actions.
        passed: bool[V + 1], the gates' verdicts.
        lost_at: uint8[R], the first stage that holds each row back.
        candidates: int[N], rows that nothing holds back.
        propensity, value, priority: float64[N].
        rankings: for each ask, positions in `candidates`, best first.
        effort: what there was time for.
    """

    snapshot: Snapshot
    moment: Moment
    asked: BoolArray
    passed: BoolArray
    lost_at: Stages
    candidates: NDArray[np.intp]
    propensity: NDArray[np.float64]
    value: NDArray[np.float64]
    priority: NDArray[np.float64]
    rankings: tuple[NDArray[np.intp], ...]
    effort: Effort = Effort.FULL


def decide(snapshot: Snapshot, customer: CustomerView, request: Request, effort: Effort = Effort.FULL) -> Evaluation:
    """Rank the actions a customer may receive.

    Args:
        snapshot: rules, catalogue and model.
        customer: the customer at `request.now_ms`.
        request: what is asked.
        effort: what there is time for.

    Returns:
        the evidence and the ranking; the same arguments give the same answer to the byte.
    """
    snapshot = snapshot.with_inline(request.inline, request.action_keys)
    catalogue = snapshot.catalogue
    moment = Moment(customer, request, customer.facts())
    asked = _asked(snapshot, request, effort)
    passed = snapshot.gates.evaluate(moment)
    lost_at = snapshot.gates.lost_at(passed)
    candidates = np.flatnonzero(asked & (lost_at == STANDING))
    propensity = _propensity(snapshot, moment, candidates, effort)
    values, levers = snapshot.worth.adjust(moment, catalogue.value, catalogue.lever)
    value = values[candidates]
    lever = levers[candidates] * _preferred(customer.preferences, catalogue, candidates)
    priority = priority_of(propensity, value, lever)
    place = catalogue.place[candidates]
    rankings = tuple(rank(priority, place == catalogue.place_of(ask), ask.limit) for ask in request.asks)
    return Evaluation(
        snapshot, moment, asked, passed, lost_at, candidates, propensity, value, priority, rankings, effort
    )


def _preferred(asked: Preferences, catalogue: Catalogue, candidates: NDArray[np.intp]) -> NDArray[np.float64] | float:
    if asked == NONE:
        return 1.0
    return weights(asked, catalogue.names("group")[candidates], catalogue.names("channel")[candidates])


def _asked(snapshot: Snapshot, request: Request, effort: Effort) -> BoolArray:
    catalogue = snapshot.catalogue
    rows = catalogue.asked_by(request.asks)
    keys = [*request.action_keys, *(candidate.action_key for candidate in request.inline)]
    if keys:
        rows = rows & catalogue.of_actions(keys)
    return rows & snapshot.fallback_rows if effort is Effort.FALLBACK else rows


def _propensity(
    snapshot: Snapshot, moment: Moment, candidates: NDArray[np.intp], effort: Effort
) -> NDArray[np.float64]:
    if effort is not Effort.FULL:
        return snapshot.prior.score(np.empty((len(candidates), 0), np.float32)).astype(np.float64)
    inputs = snapshot.inputs(moment.facts, moment.request.context, moment.request.now_ms)
    return snapshot.scoring.score(inputs, candidates)
