"""Consent comes before everything: nothing passes without it, and no statement means no."""

from collections.abc import Collection, Sequence

import numpy as np

from engine.decide.catalogue import BoolArray, Catalogue
from engine.decide.gates import Gate, Moment

EVERYTHING = "*"  # the purpose of a do-not-contact list: whoever is on it is not contacted, whatever was allowed


class SuppressionBlock:
    """One verdict for each channel: do-not-contact lists win over everything, exempt notices included.

    Args:
        catalogue: the rows.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._channels = sorted(catalogue.channels)
        self.size = len(self._channels)
        self.gates: Sequence[Gate] = [
            Gate(
                name=f"do not contact in {channel}",
                stage="suppression",
                text=f"on a do-not-contact list for {channel}",
                rows=catalogue.governed({"channel": channel}),
                verdicts=np.array([at]),
                change=f"be taken off the do-not-contact list for {channel}",
            )
            for at, channel in enumerate(self._channels)
        ]

    def evaluate(self, moment: Moment) -> BoolArray:
        """bool[size]."""
        suppressed = moment.customer.suppressed
        return np.array([not ({"", channel} & suppressed) for channel in self._channels], np.bool_)


class ConsentBlock:
    """One verdict for each purpose and channel that a row needs.

    Args:
        catalogue: the rows.
        exempt: purposes that need no marketing consent.
    """

    def __init__(self, catalogue: Catalogue, exempt: Collection[str]) -> None:
        rows_of: dict[tuple[str, str], list[int]] = {}
        for row, (purposes, channel) in enumerate(zip(catalogue.purposes, catalogue.names("channel"), strict=True)):
            for purpose in set(purposes) - set(exempt):
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
                change=f"consent to {purpose} in {channel}",
            )
            for at, (purpose, channel) in enumerate(self.pairs)
        ]

    def evaluate(self, moment: Moment) -> BoolArray:
        """bool[size]."""
        allowed = moment.customer.allowed
        return np.array([allowed.get(pair, False) for pair in self.pairs], np.bool_)
