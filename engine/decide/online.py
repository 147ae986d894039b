"""Online models: they need no training, score from the first day, and learn in context from every outcome."""

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from engine.decide.catalogue import Rows
from engine.decide.chance import uniforms
from engine.decide.gates import Moment
from engine.decide.scoring import Contender, Float64Array, Model, Said
from models import (
    Belief,
    Estimate,
    FeatureSpec,
    Fourier,
    Inputs,
    Learned,
    OnlineState,
    PriorScorer,
    RowTable,
    unseen,
)  # fmt: skip
from models.online import FREQUENCIES, width_of
from models.spec import Float32Array


@lru_cache(maxsize=32)
def features_of(name: str, width: int) -> Fourier:
    """The features of a model: from its name alone, so that every process makes the same.

    Args:
        name: of the model, without its version.
        width: F, the columns of its inputs.
    """
    seed = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
    return Fourier(uniforms(seed, 0, FREQUENCIES * (width + 1)).reshape(FREQUENCIES, width + 1))


@dataclass(frozen=True, kw_only=True)
class OnlineContender(Contender):
    """An online model that has not met a catalogue yet."""

    belief: Belief

    def over(self, table: RowTable, way: str | None = None) -> "OnlineModel":  # noqa: ARG002  the seam's
        """The model over the rows of a table."""
        return self.plainly_over(table)

    def plainly_over(self, table: RowTable) -> "OnlineModel":
        """The same."""
        return OnlineModel(self, table, OnlineRows(self.belief, table))

    def taught(self, learned: Learned) -> "OnlineContender":
        """With what was learned of it; itself where that is what it knows."""
        title = f"{self.name}/{self.version}"
        state = next((state for state in learned.online if state.model == title), _untaught(self.name, self.spec))
        if state is self.belief.state or not (state.sums or self.belief.state.sums):
            return self
        return replace(self, belief=_belief(self.name, state, self.belief))


def online(name: str, spec: FeatureSpec, base_rate: float) -> OnlineContender:
    """A model that knows nothing yet; its version is what it reads.

    Args:
        spec: what it reads, as `online_file` allows.
        base_rate: the chance of a response when time is too short to ask it.
    """
    belief = _belief(name, _untaught(name, spec))
    return OnlineContender(name, spec.fingerprint[:12], spec, PriorScorer(base_rate), base_rate, belief=belief)


def _untaught(name: str, spec: FeatureSpec) -> OnlineState:
    return OnlineState(f"{name}/{spec.fingerprint[:12]}", unseen(width_of(spec.features)))


def _belief(name: str, state: OnlineState, before: Belief | None = None) -> Belief:
    return Belief(state, features_of(name, len(state.moments.mean)), before)


class OnlineRows:
    """What is believed of the rows of a table: each is a cell, its action in its channel.

    Args:
        belief: of every cell.
        table: the rows.
    """

    def __init__(self, belief: Belief, table: RowTable) -> None:
        self._belief, self._table = belief, table
        known = {cell[:2]: at for cell, at in belief.place.items()}
        pairs = zip(*(table.names[kind].tolist() for kind in ("action", "channel")), strict=True)
        self._cell_of_row: Rows = np.array([known.get(pair, len(belief.place)) for pair in pairs], np.intp)

    def score(self, inputs: Inputs, rows: Rows) -> Float64Array:
        """Inputs of one request, intp[N] -> float64[N]: the chances."""
        return self.estimate(inputs, rows).propensity

    def estimate(self, inputs: Inputs, rows: Rows) -> Estimate:
        """What is known of some rows."""
        return self._belief.estimate(self.read(inputs).astype(np.float64), self._cell_of_row[rows])

    def read(self, inputs: Inputs) -> Float32Array:
        """float32[F]: the request's inputs, with a column of 0 or 1 for each category."""
        columns, made = inputs.shared[0], []
        for feature, place in zip(self._table.spec.features, self._table.spec.place.values(), strict=True):
            known = np.arange(len(feature.categories))
            made.append((columns[place] == known).astype(np.float32) if feature.categories else columns[place])
        return np.concatenate(made)


@dataclass(frozen=True)
class OnlineModel(Model):
    """An online model over the rows of one catalogue."""

    scorer: OnlineRows

    def judge(self, moment: Moment, rows: Rows) -> Said:
        """The chances of some rows, and what they may well be."""
        estimate = self.scorer.estimate(self.inputs(moment), rows)
        return Said(estimate.propensity, estimate.hoped)

    def read(self, moment: Moment) -> bytes:
        """Its inputs, as they are journalled and learned from."""
        return self.scorer.read(self.inputs(moment)).astype("<f4").tobytes()
