"""Scoring: which model scores which rows, and for whom."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.decide.catalogue import Catalogue, Rows
from engine.decide.gates import Moment
from engine.decide.lineup import Lineup
from engine.decide.parts import Parts
from models import FeatureSpec, Inputs, Learned, OnnxRows, PriorScorer, RowScorer, RowTable, Scorer

PRIOR = "prior"  # the version of what stands in for a model
Codes = NDArray[np.intp]
Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Contender:
    """A model that has not met a catalogue yet.

    Args:
        spec: what it reads.
        scorer: it, over any features.
        base_rate: its chance of a response when nothing else is known.
        bind: the fastest exact way to score the rows of a table; given the reason, the way that was found before.
    """

    name: str
    version: str
    spec: FeatureSpec
    scorer: Scorer
    base_rate: float
    bind: Callable[[RowTable, str | None], RowScorer] | None = None

    @property
    def trained(self) -> bool:
        """Is it a model, and not what stands in for one?"""
        return self.version != PRIOR

    def over(self, table: RowTable, way: str | None = None) -> "Model":
        """The model over the rows of a table.

        Args:
            table: the rows.
            way: `Model.way` of the same model over the same rows; None where it has to be found out.
        """
        return self.plainly_over(table) if self.bind is None else Model(self, table, self.bind(table, way))

    def plainly_over(self, table: RowTable) -> "Model":
        """The same with nothing prepared, for one request alone."""
        return Model(self, table, OnnxRows(table, self.scorer))

    def taught(self, learned: Learned) -> "Contender":  # noqa: ARG002  the seam's
        """With what was learned of it since; a trained model is what it is."""
        return self


def first_day(name: str, rate: float) -> Contender:
    """What stands in for a model that is not trained yet: the same chance for every row."""
    return Contender(name, PRIOR, FeatureSpec(()), PriorScorer(rate), rate)


class Said(NamedTuple):
    """What one model says of some rows.

    Args:
        propensity: float64[N].
        hoped: float64[N], what it may well be; None where the model does not say.
    """

    propensity: Float64Array
    hoped: Float64Array | None = None


@dataclass(frozen=True)
class Model:
    """One model over the rows of one catalogue."""

    contender: Contender
    table: RowTable
    scorer: RowScorer

    @cached_property
    def title(self) -> str:
        """Name and version."""
        return f"{self.contender.name}/{self.contender.version}"

    @property
    def way(self) -> str:
        """Why its rows are scored by ONNX Runtime; empty where they are not, or nothing else could be tried."""
        return self.scorer.reason if isinstance(self.scorer, OnnxRows) else ""

    def inputs(self, moment: Moment) -> Inputs:
        """What it reads of one request."""
        facts: dict[str, object] = {f"customer.{name}": value for name, value in moment.facts.items()}
        facts |= {f"request.{name}": value for name, value in moment.request.context.items()}
        return self.table.inputs(facts, moment.customer.dealings, moment.request.now_ms)

    def score(self, moment: Moment, rows: Rows) -> Float64Array:
        """float64[N]: the chances of some rows."""
        return self.scorer.score(self.inputs(moment), rows)

    def judge(self, moment: Moment, rows: Rows) -> Said:
        """The chances of some rows, and what they may well be."""
        return Said(self.score(moment, rows))

    def read(self, moment: Moment) -> bytes:  # noqa: ARG002  the seam's
        """What it must be told again to learn from the decision; empty for a model that does not."""
        return b""


@dataclass(frozen=True)
class Scored:
    """What the models said.

    Args:
        propensity: float64[N], corrected by what was learned since.
        models: those that scored.
        by: intp[N], which of them scored each row.
        said: float64[N], the propensity as the models said it; None where nothing was learned.
        hoped: float64[N], the propensity at the quantile that the bundle, or an online model, is optimistic to; None
            where neither is.
    """

    propensity: Float64Array
    models: tuple[Model, ...]
    by: Codes
    said: Float64Array | None = None
    hoped: Float64Array | None = None

    @property
    def ranked_by(self) -> Float64Array:
        """float64[N]: the propensity that enters the priority."""
        return self.propensity if self.hoped is None else self.hoped


class Scoring:
    """Every model of a snapshot.

    Args:
        lineup: who scores what.
        models: every one that the lineup names.
        catalogue: the rows.
    """

    def __init__(self, lineup: Lineup, models: Sequence[Model], catalogue: Catalogue) -> None:
        self.lineup, self.contenders = lineup, [model.contender for model in models]
        self.models = {model.contender.name: model for model in models}
        self._champions = [self.models[champion.model] for champion in lineup.champions]
        place = {champion.model: at for at, champion in enumerate(lineup.champions)}
        self._learning = {name: place[lineup.champion_of(name)] for name in lineup.online}
        self._champion_of_row: Codes = np.zeros(catalogue.size, np.intp)
        for at, champion in enumerate(lineup.champions):
            self._champion_of_row[catalogue.governed(champion.scope)] = at
        rates = np.array([model.contender.base_rate for model in self._champions])
        self._prior_of_row: Float64Array = rates[self._champion_of_row]

    @property
    def titles(self) -> list[str]:
        """Name and version of every model."""
        return [model.title for model in self.models.values()]

    def over(self, catalogue: Catalogue) -> "Scoring":
        """The same models over the rows that one request brings."""
        tables = _tables(self.contenders, catalogue, Parts())
        plain = [each.plainly_over(tables[each.spec.fingerprint]) for each in self.contenders]
        return Scoring(self.lineup, plain, catalogue)

    @cached_property
    def dealings(self) -> frozenset[str]:
        """The kinds of key, and `action`, by which some model reads the customer's history."""
        sides = {feature.side for each in self.contenders for feature in each.spec.features}
        return frozenset(side.removeprefix("with_") for side in sides if side.startswith("with_"))

    @cached_property
    def reads(self) -> frozenset[str]:
        """Every feature that some model reads."""
        return frozenset(feature.name for each in self.contenders for feature in each.spec.features)

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
        names = [self.lineup.scoring(champion.model, customer_id) for champion in self.lineup.champions]
        models = tuple(self.models[name] for name in names)
        by = self._champion_of_row[rows]
        if len(models) == 1:
            said = models[0].judge(moment, rows)
            return Scored(said.propensity, models, by, hoped=said.hoped)
        propensity, hoped, hope = np.empty(len(rows)), np.empty(len(rows)), False
        for at in np.unique(by):
            own = by == at
            said = models[at].judge(moment, rows[own])
            propensity[own], hoped[own] = said.propensity, said.propensity if said.hoped is None else said.hoped
            hope |= said.hoped is not None
        return Scored(propensity, models, by, hoped=hoped if hope else None)

    def read(self, moment: Moment, scored: Scored) -> dict[str, tuple[str, bytes]]:
        """What online models will learn from: title -> title of the model that scored its scope, and its inputs.

        A challenger or a shadow learns from what was shown in its scope whoever chose it, and so does a champion.
        """
        return {
            self.models[name].title: (scored.models[at].title, self.models[name].read(moment))
            for name, at in self._learning.items()
        }

    def taught(self, learned: Learned, before: "Scoring | None" = None) -> "Scoring":
        """The same models with what online ones have learned; itself where nothing is new.

        Args:
            learned: the version in force.
            before: what its online models know is taken over where they read the same.
        """
        held = {model.title: model.contender for model in before.models.values()} if before else {}
        contenders = [
            held.get(self.models[each.name].title, each).taught(learned) if each.name in self.lineup.online else each
            for each in self.contenders
        ]
        if all(new is old for new, old in zip(contenders, self.contenders, strict=True)):
            return self
        taught = copy(self)
        taught.contenders = contenders
        taught.models = {
            new.name: self.models[new.name] if new is old else new.over(self.models[new.name].table)
            for new, old in zip(contenders, self.contenders, strict=True)
        }
        taught._champions = [taught.models[champion.model] for champion in self.lineup.champions]  # noqa: SLF001  its own
        return taught

    def shadows(self, moment: Moment, rows: Rows, scored: Scored) -> Iterator[tuple[Model, Rows, Float64Array]]:
        """What each shadow says of the rows that the model it follows has scored."""
        names = [model.contender.name for model in scored.models]
        for shadow in self.lineup.shadows:
            followed = [at for at, name in enumerate(names) if name == shadow.of]
            own = rows[np.isin(scored.by, followed)]
            if len(own):
                model = self.models[shadow.model]
                yield model, own, model.score(moment, own)


def build_models(
    contenders: Sequence[Contender], catalogue: Catalogue, ways: Mapping[str, str], parts: Parts
) -> list[Model]:
    """Every model over the rows of a catalogue.

    Args:
        contenders: the models.
        catalogue: the rows.
        ways: name -> `Model.way`, where it has been found out before.
        parts: where a model over the same rows is taken over from.
    """
    tables = _tables(contenders, catalogue, parts)
    return [parts.make(_over, each, tables[each.spec.fingerprint], ways.get(each.name)) for each in contenders]


def _over(contender: Contender, table: RowTable, way: str | None) -> Model:
    return contender.over(table, way)


def _tables(contenders: Sequence[Contender], catalogue: Catalogue, parts: Parts) -> dict[str, RowTable]:
    """Fingerprint of a spec -> its rows; models that read the same share them."""
    specs = {each.spec.fingerprint: each.spec for each in contenders}
    return {fingerprint: parts.make(build_table, spec, catalogue) for fingerprint, spec in specs.items()}


def build_table(spec: FeatureSpec, catalogue: Catalogue) -> RowTable:
    """The features of a catalogue's rows."""
    columns = {f"action.{name}": column for name, column in catalogue.columns.items()}
    keys = {kind: catalogue.names(kind) for kind in ("group", "objective", "channel", "action")}
    return RowTable(spec, columns, keys, catalogue.size)
