"""What was learned since the models were trained, over the rows of a catalogue."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.decide.catalogue import Catalogue, Rows
from engine.decide.scoring import Scored
from models import Cell, Learned, Posterior, fit, optimistic

Float64Array = NDArray[np.float64]


class _OfRow(NamedTuple):
    """For one model.

    Args:
        odds: float64[R], what the odds are multiplied by.
        hoped: float64[R], likewise, for the propensity that rows are ranked by.
        maturity: float64[R] in [0, 1).
    """

    odds: Float64Array
    hoped: Float64Array
    maturity: Float64Array


class Corrections:
    """Corrects what models say; those of which nothing was learned are right as they are.

    Args:
        version: of what was learned; empty for nothing.
        posteriors: model's name and version -> its shifts.
        optimism: the quantile of a shift that rows are ranked by; 0.5 is the shift itself.
        catalogue: the rows.
    """

    def __init__(
        self, version: str, posteriors: Mapping[str, Posterior], optimism: float, catalogue: Catalogue
    ) -> None:
        self.version, self._posteriors, self._optimism = version, posteriors, optimism
        names = [catalogue.names(scope).tolist() for scope in ("action", "channel", "group")]
        cells = [Cell(*cell) for cell in zip(*names, strict=True)] if posteriors else []
        same = np.ones(catalogue.size)
        self._untaught = _OfRow(same, same, np.zeros(catalogue.size))
        self._of_model = {title: _of_row(posterior, cells, optimism) for title, posterior in posteriors.items()}

    def over(self, catalogue: Catalogue) -> "Corrections":
        """The same over the rows that one request brings."""
        return Corrections(self.version, self._posteriors, self._optimism, catalogue)

    def correct(self, scored: Scored, rows: Rows) -> Scored:
        """Shift the log-odds: odds x e^shift, so that a shift of 0 leaves a propensity as it is, to the bit.

        Args:
            scored: what the models said.
            rows: intp[N].
        """
        if not self._of_model:
            return scored
        said, odds = scored.propensity, self._odds(scored, rows, "odds")
        plain = self._optimism == 0.5 and scored.hoped is None
        hoped = None if plain else _shifted(scored.ranked_by, self._odds(scored, rows, "hoped"))
        return Scored(_shifted(said, odds), scored.models, scored.by, said, hoped)

    def _odds(self, scored: Scored, rows: Rows, which: str) -> Float64Array:
        """float64[N]: what the odds of some rows are multiplied by."""
        found: list[Float64Array] = [
            getattr(self._of_model.get(model.title, self._untaught), which) for model in scored.models
        ]
        if len(found) == 1:  # the usual case, 3 times as fast
            return found[0][rows]
        return np.stack(found)[scored.by, rows]

    @property
    def mean_maturity(self) -> float:
        """Of the rows, over the models of which something was learned; 0 when nothing was."""
        return float(np.mean([of_row.maturity.mean() for of_row in self._of_model.values()] or [0.0]))

    def maturity(self, title: str, row: int) -> float:
        """How much of a row's correction is its own evidence and not its group's, in [0, 1)."""
        return float(self._of_model.get(title, self._untaught).maturity[row])


def learned_over(learned: Learned, optimism: float, catalogue: Catalogue) -> Corrections:
    """What was learned, bound to the rows of a catalogue: 4 ms for 1,000 cells and rows."""
    posteriors = {state.model: fit(state) for state in learned.states}
    return Corrections(learned.version, posteriors, optimism, catalogue)


def _of_row(posterior: Posterior, cells: list[Cell], quantile: float) -> _OfRow:
    found = posterior.of(cells)
    return _OfRow(np.exp(found.shift), np.exp(found.shift + optimistic(found, quantile)), found.maturity)


def _shifted(propensity: Float64Array, odds: Float64Array) -> Float64Array:
    return propensity * odds / (1 + propensity * (odds - 1))
