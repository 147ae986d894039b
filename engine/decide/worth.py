"""What rows are worth in one request: value and its components, levers and context weights."""

from collections.abc import Sequence

import numpy as np

from engine.decide.arbitration import Factors, Float64Array
from engine.decide.bundle import Bundle
from engine.decide.catalogue import BoolArray, Catalogue, Rows
from engine.decide.gates import Moment
from engine.decide.lookups import Adjustments
from engine.decide.parts import Parts
from engine.decide.preferences import weights
from engine.decide.request import NONE
from engine.decide.valuation import Component, Weight
from rules import Batch, Measure, Site, worlds

Valued = tuple[Float64Array, Float64Array, BoolArray]  # value, components, capped: [N], [C, N], [C, N]


class Worth:
    """The factors of rows, but for their propensity.

    Args:
        bundle: what is declared; what is not costs nothing.
        catalogue: the rows.
        parts: where what is the same is taken over from.
    """

    def __init__(self, bundle: Bundle, catalogue: Catalogue, parts: Parts) -> None:
        self._catalogue, groups = catalogue, catalogue.names("group").tolist()
        self._lever = catalogue.lever * np.array([bundle.levers.get(group, 1.0) for group in groups])
        self._even = np.ones(catalogue.size)
        self._even.flags.writeable = False  # every request shares it
        self._values = (
            Components(bundle.valuation.components, catalogue) if bundle.valuation.components else Net(catalogue)
        )
        self._tables = parts.make(Adjustments, bundle.tables, catalogue)
        self._weights = ContextWeights(bundle.valuation.weights, catalogue)

    def factors(self, moment: Moment, rows: Rows, propensity: Float64Array) -> Factors:
        """What the priority of some rows is made of.

        Args:
            moment: of the decision.
            rows: intp[N].
            propensity: float64[N].
        """
        value, components, capped = self._values.evaluate(moment, rows)
        weight = self._weights.apply(moment, rows, self._preferred(moment, rows))
        value, lever, weight = self._tables.adjust(moment, rows, value, self._lever[rows], weight)
        return Factors(propensity, value, lever, weight, components, capped)

    def _preferred(self, moment: Moment, rows: Rows) -> Float64Array:
        asked = moment.customer.preferences
        if asked == NONE:
            return self._even[: len(rows)]
        return weights(asked, self._catalogue.names("group")[rows], self._catalogue.names("channel")[rows])


class Net:
    """Value as the actions' file has it, less the cost."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._value = catalogue.value
        self._none = np.empty((0, catalogue.size)), np.empty((0, catalogue.size), np.bool_)

    def evaluate(self, _: Moment, rows: Rows) -> Valued:
        """Value; no components."""
        return self._value[rows], *self._none


class Components:
    """Value as the sum of named parts, each within its caps.

    Args:
        components: at least one.
        catalogue: the rows.
    """

    def __init__(self, components: Sequence[Component], catalogue: Catalogue) -> None:
        columns = catalogue.columns_for([component.expression.tree for component in components])
        self._measures = [Measure(component.expression.tree, columns) for component in components]
        self._low, self._high, self._missing = (
            np.array([[getattr(component, name)] for component in components])
            for name in ("at_least", "at_most", "on_missing")
        )

    def evaluate(self, moment: Moment, rows: Rows) -> Valued:
        """Value and components; a part that is not known, failed or is no finite number is what it says for that."""
        raw = np.empty((len(self._measures), len(rows)))
        for place, measure in enumerate(self._measures):
            value, known = measure.evaluate(moment.facts, moment.request.context, rows)
            raw[place] = value if known is True else np.where(known, value, np.nan)
        # Caps come after: an infinite part would otherwise count as much as its cap allows.
        raw = np.where(np.isfinite(raw), raw, self._missing)
        components = np.minimum(np.maximum(raw, self._low), self._high)
        return components.sum(axis=0), components, components != raw


class ContextWeights:
    """Weights of circumstances: those whose condition holds multiply; an unknown one does not hold.

    Args:
        weights: all of the bundle's.
        catalogue: the rows.
    """

    def __init__(self, weights: Sequence[Weight], catalogue: Catalogue) -> None:
        governed = [catalogue.governed(weight.scope) for weight in weights]
        trees = [weight.expression.tree for weight in weights]
        sites = [
            Site(tree, rows if "action" in worlds(tree) else None) for tree, rows in zip(trees, governed, strict=True)
        ]
        self._batch = Batch(sites, catalogue.columns_for(trees))
        self._entries = [
            (weight.weight, rows, verdicts)
            for weight, rows, verdicts in zip(weights, governed, self._batch.verdicts, strict=True)
        ]
        self._size = catalogue.size

    def apply(self, moment: Moment, rows: Rows, weight: Float64Array) -> Float64Array:
        """float64[N]: `weight` times what the circumstances weigh."""
        if not self._entries:
            return weight
        passed = self._batch.evaluate(moment.facts, moment.request.context)
        every = np.ones(self._size)
        for own, governed, verdicts in self._entries:
            holds = passed[verdicts]
            if holds.any():
                every[governed] *= np.where(holds, own, 1.0)
        return weight * every[rows]
