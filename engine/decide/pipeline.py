"""One decision, from gates to ranking: start reading here."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from engine.decide.arbitration import Factors
from engine.decide.catalogue import BoolArray
from engine.decide.chance import stream_of
from engine.decide.gates import STANDING, Moment, Stages
from engine.decide.promises import Promising
from engine.decide.request import CustomerView, Request
from engine.decide.scoring import Scored
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
        scored: what the models said of them.
        factors: what the priority was made of.
        priority: float64[N].
        rankings: for each ask, positions in `candidates`, first rank first.
        chances: for each ask, the selection probability of each of them at its rank, given those above it.
        effort: what there was time for.
    """

    snapshot: Snapshot
    moment: Moment
    asked: BoolArray
    passed: BoolArray
    lost_at: Stages
    candidates: NDArray[np.intp]
    scored: Scored
    factors: Factors
    priority: NDArray[np.float64]
    rankings: tuple[NDArray[np.intp], ...]
    chances: tuple[NDArray[np.float64], ...]
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
    snapshot = snapshot.with_inline(request)
    moment = Moment(customer, request, customer.facts())
    asked = asked_rows(snapshot, request, effort)
    passed = snapshot.gates.evaluate(moment)
    lost_at = snapshot.gates.lost_at(passed)
    candidates = np.flatnonzero(asked & (lost_at == STANDING))
    scored = _scored(snapshot, moment, candidates, effort)
    factors = snapshot.worth.factors(moment, candidates, scored.ranked_by)
    priority = snapshot.arbiter.priority(factors)
    rankings, chances = _select(snapshot, moment, candidates, priority)
    return Evaluation(
        snapshot, moment, asked, passed, lost_at, candidates, scored, factors, priority, rankings, chances, effort
    )


def _select(
    snapshot: Snapshot, moment: Moment, candidates: NDArray[np.intp], priority: NDArray[np.float64]
) -> tuple[tuple[NDArray[np.intp], ...], tuple[NDArray[np.float64], ...]]:
    catalogue, request = snapshot.catalogue, moment.request
    place, objective = catalogue.place[candidates], catalogue.objective[candidates]
    ranked = [
        snapshot.selector.select(
            priority,
            place == catalogue.place_of(ask),
            ask.limit,
            objective,
            stream_of(request.seed, ask.channel, ask.placement),
        )
        for ask in request.asks
    ]
    if sum(len(ranking.positions) for ask, ranking in zip(request.asks, ranked, strict=True) if ask.reserve) > 1:
        promising = Promising(snapshot, moment, candidates, priority)
        ranked = [promising.rank(ask) if ask.reserve else each for ask, each in zip(request.asks, ranked, strict=True)]
    return tuple(ranking.positions for ranking in ranked), tuple(ranking.probability for ranking in ranked)


def asked_rows(snapshot: Snapshot, request: Request, effort: Effort) -> BoolArray:
    """bool[R], rows of the asked channels and actions."""
    catalogue = snapshot.catalogue
    rows = catalogue.asked_by(request.asks)
    keys = [*request.action_keys, *(candidate.action_key for candidate in request.inline)]
    if keys:
        rows = rows & catalogue.of_actions(keys)
    return rows & snapshot.fallback_rows if effort is Effort.FALLBACK else rows


def _scored(snapshot: Snapshot, moment: Moment, candidates: NDArray[np.intp], effort: Effort) -> Scored:
    if effort is not Effort.FULL:
        return snapshot.scoring.prior(candidates)
    return snapshot.corrections.correct(snapshot.scoring.propensity(moment, candidates), candidates)
