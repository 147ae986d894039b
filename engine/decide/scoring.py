"""Scoring: which model scores which rows, and for whom."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.decide.catalogue import Catalogue, Rows
from engine.decide.gates import Moment
from engine.decide.lineup import Lineup
from models import RowScorer, RowTable

Codes = NDArray[np.intp]
Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """One model over the rows of one catalogue.

    Args:
        base_rate: its chance of a response when nothing else is known.
    """

    name: str
    version: str
    table: RowTable
    scorer: RowScorer
    base_rate: float

    def score(self, moment: Moment, rows: Rows) -> Float64Array:
        """float64[N]: the chances of some rows."""
        facts = {f"customer.{name}": value for name, value in moment.facts.items()}
        facts |= {f"request.{name}": value for name, value in moment.request.context.items()}
        inputs = self.table.inputs(facts, moment.customer.dealings, moment.request.now_ms)
        return self.scorer.score(inputs, rows)


@dataclass(frozen=True)
class Scored:
    """What the models said.

    Args:
        propensity: float64[N].
        models: those that scored.
        by: intp[N], which of them scored each row.
    """

    propensity: Float64Array
    models: tuple[Model, ...]
    by: Codes


class Scoring:
    """Every model of a snapshot.

    Args:
        lineup: who scores what.
        models: name -> model, all over the rows of the same catalogue.
        catalogue: the rows.
    """

    def __init__(self, lineup: Lineup, models: Mapping[str, Model], catalogue: Catalogue) -> None:
        self.lineup, self.models = lineup, models
        self._champions = [models[champion.model] for champion in lineup.champions]
        self._champion_of_row: Codes = np.zeros(catalogue.size, np.intp)
        for at, champion in enumerate(lineup.champions):
            self._champion_of_row[catalogue.governed(champion.scope)] = at
        rates = np.array([model.base_rate for model in self._champions])
        self._prior_of_row: Float64Array = rates[self._champion_of_row]

    def prior(self, rows: Rows) -> Scored:
        """What is said without asking a model: each champion's base rate."""
        return Scored(self._prior_of_row[rows], tuple(self._champions), self._champion_of_row[rows])

    def propensity(self, moment: Moment, rows: Rows) -> Scored:
        """Ask the model of each row: its champion, or for a standing share of the customers a challenger.

        Args:
            moment: customer and request.
            rows: intp[N].
        """
        customer_id = moment.customer.customer_id
        models = tuple(self.models[self.lineup.scoring(each.name, customer_id)] for each in self._champions)
        by = self._champion_of_row[rows]
        if len(models) == 1:
            return Scored(models[0].score(moment, rows), models, by)
        propensity = np.empty(len(rows))
        for at in np.unique(by):
            propensity[by == at] = models[at].score(moment, rows[by == at])
        return Scored(propensity, models, by)

    def shadows(self, moment: Moment, rows: Rows, scored: Scored) -> Iterator[tuple[Model, Rows, Float64Array]]:
        """What each shadow says of the rows that the model it follows has scored."""
        names = [model.name for model in scored.models]
        for shadow in self.lineup.shadows:
            followed = [at for at, name in enumerate(names) if name == shadow.of]
            own = rows[np.isin(scored.by, followed)]
            if len(own):
                model = self.models[shadow.model]
                yield model, own, model.score(moment, own)
