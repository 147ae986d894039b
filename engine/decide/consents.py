"""Consent: nothing passes without it, and no statement means no."""

from collections.abc import Sequence

import numpy as np

from engine.decide.catalogue import BoolArray, Catalogue
from engine.decide.gates import Gate, Moment


class ConsentBlock:
    """One verdict for each purpose and channel that a row needs.

    Args:
        catalogue: the rows.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        rows_of: dict[tuple[str, str], list[int]] = {}
        for row, (purposes, channel) in enumerate(zip(catalogue.purposes, catalogue.names("channel"), strict=True)):
            for purpose in purposes:
                rows_of.setdefault((purpose, str(channel)), []).append(row)
        self.pairs = sorted(rows_of)
        self.size = len(self.pairs)
        self.gates: Sequence[Gate] = [
            Gate(
                name=f"{purpose} in {channel}",
                stage="consent",
                text=f"no consent for {purpose} in {channel}",
                rows=np.array(rows_of[purpose, channel]),
                verdicts=np.array([at]),
            )
            for at, (purpose, channel) in enumerate(self.pairs)
        ]

    def evaluate(self, moment: Moment) -> BoolArray:
        """bool[size]."""
        allowed = moment.customer.allowed
        return np.array([allowed.get(pair, False) for pair in self.pairs], np.bool_)
