"""Which factor decided: what stands between a ranked action and the next one, as numbers and in words."""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.decide.arbitration import Arbiter, Factors
from engine.decide.pipeline import Evaluation
from engine.decide.valuation import FACTORS

ORDER = "order"  # decisive where the priorities are equal: the earlier name stands first
REPLACED = "=value"  # what a table that replaces the value adds to the sum of the components
HOPED = "propensity as hoped for"  # with optimism, what ranks is not the calibrated one that the reply has
CHOICE = "selection"  # decisive where the selection put an action above one of a higher priority


class Amount(NamedTuple):
    """One component of a row's value, as it counted."""

    name: str
    value: float
    capped: bool


class Sensitivity(msgspec.Struct, frozen=True):
    """What decided between an action and the next: one of FACTORS, ORDER or CHOICE; empty where there is no next."""

    factor: str = ""
    text: str = ""


NOBODY_NEXT = Sensitivity()


def amounts(evaluation: Evaluation, at: int) -> list[Amount]:
    """What one candidate's value is the sum of; nothing where no component is declared.

    Args:
        evaluation: of the request.
        at: the candidate's position.
    """
    names = [component.name for component in evaluation.snapshot.bundle.valuation.components]
    factors = evaluation.factors
    values, total = factors.components, float(factors.components.sum(axis=0)[at])
    made = [Amount(name, float(values[c, at]), bool(factors.capped[c, at])) for c, name in enumerate(names)]
    replaced = bool(names) and float(factors.value[at]) != total
    return [*made, Amount(REPLACED, float(factors.value[at]) - total, capped=False)] if replaced else made


def sensitivities(evaluation: Evaluation, ask: int) -> list[Sensitivity]:
    """For each ranked action of one ask, what decided between it and the next.

    Args:
        evaluation: of the request.
        ask: which of the request's asks.

    Returns:
        in the order of the ranking; the last is compared with the best of those that found no place.
    """
    ranking = evaluation.rankings[ask]
    followers = [*ranking[1:].tolist(), *_best_left(evaluation, ask)]
    found = [_between(evaluation, upper, lower) for upper, lower in zip(ranking.tolist(), followers, strict=False)]
    return found + [NOBODY_NEXT] * (len(ranking) - len(found))


def _best_left(evaluation: Evaluation, ask: int) -> list[int]:
    """The best candidate of an ask's place that was not ranked, if there is one."""
    catalogue = evaluation.snapshot.catalogue
    here = catalogue.place[evaluation.candidates] == catalogue.place_of(evaluation.moment.request.asks[ask])
    here &= np.isfinite(evaluation.priority)
    here[evaluation.rankings[ask]] = False
    left = np.flatnonzero(here)
    return [int(left[evaluation.priority[left].argmax()])] if len(left) else []


def _between(evaluation: Evaluation, upper: int, lower: int) -> Sensitivity:
    keys, priority = evaluation.snapshot.catalogue.names("action")[evaluation.candidates], evaluation.priority
    stands = f"{keys[upper]} stands above {keys[lower]}"
    if priority[upper] < priority[lower]:
        return Sensitivity(CHOICE, f"{stands} by selection, though its priority is lower")
    if priority[upper] == priority[lower]:
        return Sensitivity(ORDER, f"{stands} by its name alone: their priorities are equal")
    swapped = _one_swapped(evaluation.snapshot.arbiter, evaluation.factors, upper, lower)
    decisive = int(swapped.argmin())
    if not swapped[decisive] < priority[upper]:
        return Sensitivity("", f"{stands} by several factors together; no single one decides")
    factor = FACTORS[decisive]
    own, other = getattr(evaluation.factors, factor)[[upper, lower]].tolist()
    leads = _who_leads(float(swapped[decisive] - priority[lower]), str(keys[upper]), str(keys[lower]))
    parts = _largest_part(evaluation, upper, lower) if factor == "value" else ""
    hopeful = factor == "propensity" and evaluation.scored.hoped is not None
    called = HOPED if hopeful else factor
    words = f"{stands} by its {called}: {own:.4g} against {other:.4g}{parts}; with equal {called} {leads}"
    return Sensitivity(factor, words)


def _who_leads(difference: float, above: str, below: str) -> str:
    if difference == 0:
        return "they would be equal"
    return f"{below} would lead" if difference < 0 else f"{above} would still lead"


def _largest_part(evaluation: Evaluation, upper: int, lower: int) -> str:
    """The component that differs most, in words; empty where none is declared."""
    own, other = ({part.name: part.value for part in amounts(evaluation, at)} for at in (upper, lower))
    # A table may replace the value of one of the two alone: the other has no such part.
    pairs = {name: (own.get(name, 0.0), other.get(name, 0.0)) for name in (own | other)}
    if not pairs:
        return ""
    name = max(pairs, key=lambda part: pairs[part][0] - pairs[part][1])
    return f", mostly {name}: {pairs[name][0]:.4g} against {pairs[name][1]:.4g}"


def _one_swapped(arbiter: Arbiter, factors: Factors, upper: int, lower: int) -> NDArray[np.float64]:
    """float64[4]: the priority of `upper` if one of FACTORS, each in turn, were that of `lower`.

    For a product the smallest is the largest difference of logarithms; this holds for any formula.
    """
    turns = np.arange(len(FACTORS))
    source = {name: np.where(turns == turn, lower, upper) for turn, name in enumerate(FACTORS)}
    source |= {"components": source["value"], "capped": source["value"]}  # the parts go where their sum goes
    return arbiter.priority(Factors(**{name: array[..., source[name]] for name, array in factors._asdict().items()}))
