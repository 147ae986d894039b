"""The validity window: an action stands only while its window holds the decision's moment."""

from collections.abc import Sequence

import numpy as np

from engine.decide.catalogue import BoolArray, Catalogue
from engine.decide.gates import Gate, Moment


class WindowBlock:
    """One verdict for each action with a window of its own.

    Args:
        catalogue: the rows.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        bounds = np.stack([catalogue.start_ms, catalogue.end_ms], axis=1)
        self._bounds, verdict = np.unique(bounds, axis=0, return_inverse=True)
        self.size = len(self._bounds)
        rows = np.arange(catalogue.size)
        text = "outside its validity window"
        self.gates: Sequence[Gate] = (
            Gate("validity window", "window", text, rows, verdict.reshape(-1), change="ask within its window"),
        )

    def evaluate(self, moment: Moment) -> BoolArray:
        """bool[size]: the start belongs to the window, the end does not."""
        now_ms = moment.request.now_ms
        return (self._bounds[:, 0] <= now_ms) & (now_ms < self._bounds[:, 1])
