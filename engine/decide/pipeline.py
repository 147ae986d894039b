"""One decision, from gates to ranking: start reading here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.decide.arbitration import priority_of
from engine.decide.catalogue import BoolArray, Catalogue
from engine.decide.gates import Moment
from engine.decide.request import Ask, CustomerView, Request
from engine.decide.selection import rank
from engine.decide.snapshot import Snapshot
from models import assemble


@dataclass(frozen=True)
class Evaluation:
    """The arrays one request produced; `explain` makes words of them.

    Args:
        snapshot: the one that decided, with the request's inline candidates.
        asked: bool[R], rows of the asked channels and actions.
        passed: bool[G, R], true where a gate does not block a row.
        candidates: int[N], rows that no gate blocks.
        propensity, priority: float64[N].
        rankings: for each ask, positions in `candidates`, best first.
        degraded: what was skipped.
    """

    snapshot: Snapshot
    asked: BoolArray
    passed: BoolArray
    candidates: NDArray[np.intp]
    propensity: NDArray[np.float64]
    priority: NDArray[np.float64]
    rankings: tuple[NDArray[np.intp], ...]
    degraded: tuple[str, ...] = ()


def decide(snapshot: Snapshot, customer: CustomerView, request: Request, *, hurry: bool = False) -> Evaluation:
    """Rank the actions a customer may receive.

    Args:
        snapshot: rules, catalogue and model.
        customer: the customer at `request.now_ms`.
        request: what is asked.
        hurry: score with the prior instead of the model; no gate is skipped.

    Returns:
        the evidence and the ranking; the same arguments give the same answer to the byte.
    """
    snapshot = snapshot.with_inline(request.inline)
    catalogue = snapshot.catalogue
    moment = Moment(customer, request, customer.facts())
    asked = _asked(catalogue, request)
    passed = snapshot.gates.evaluate(moment, catalogue)
    candidates = np.flatnonzero(asked & passed.all(axis=0))
    propensity = _propensity(snapshot, moment, candidates, hurry=hurry)
    priority = priority_of(propensity, catalogue.value[candidates], catalogue.lever[candidates])
    channel = catalogue.names("channel")[candidates]
    rankings = tuple(rank(priority, channel == ask.channel, ask.limit) for ask in request.asks)
    degraded = ("model: the prior scored, time was short",) if hurry else ()
    return Evaluation(snapshot, asked, passed, candidates, propensity, priority, rankings, degraded)


def _asked(catalogue: Catalogue, request: Request) -> BoolArray:
    rows = np.isin(catalogue.names("channel").astype(str), _channels(request.asks))
    keys = [*request.action_keys, *(candidate.action_key for candidate in request.inline)]
    return rows & np.isin(catalogue.names("action").astype(str), keys) if keys else rows


def _channels(asks: tuple[Ask, ...]) -> list[str]:
    return [ask.channel for ask in asks]


def _propensity(
    snapshot: Snapshot, moment: Moment, candidates: NDArray[np.intp], *, hurry: bool
) -> NDArray[np.float64]:
    columns: dict[str, object] = {f"customer.{name}": value for name, value in moment.facts.items()}
    columns |= {f"request.{name}": value for name, value in moment.request.context.items()}
    columns |= {f"action.{name}": column[candidates] for name, column in snapshot.catalogue.columns.items()}
    features = assemble(snapshot.spec, columns, len(candidates))
    scorer = snapshot.prior if hurry else snapshot.scorer
    return scorer.score(features).astype(np.float64)
