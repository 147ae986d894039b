"""Engagement policies: eligibility, applicability and suitability; unknown blocks unless the rule says otherwise."""

from collections.abc import Sequence

import numpy as np

from engine.decide.bundle import Policy
from engine.decide.catalogue import BoolArray, Catalogue
from engine.decide.gates import Gate, Moment
from rules import Batch, Site


class PolicyBlock:
    """All engagement policies over one catalogue.

    Args:
        policies: the rules.
        catalogue: the rows.
    """

    def __init__(self, policies: Sequence[Policy], catalogue: Catalogue) -> None:
        governed = [np.flatnonzero(catalogue.governed(policy.scope)) for policy in policies]
        sites = [
            Site(policy.expression.tree, None if policy.expression.is_scalar else rows, policy.pass_missing)
            for policy, rows in zip(policies, governed, strict=True)
        ]
        self._batch = Batch(sites, catalogue.columns_for([policy.expression.tree for policy in policies]))
        self.size = self._batch.size
        self.gates: Sequence[Gate] = [
            Gate(policy.name, policy.tier, f"needs {policy.expression.text}", rows, verdicts)
            for policy, rows, verdicts in zip(policies, governed, self._batch.verdicts, strict=True)
        ]

    def evaluate(self, moment: Moment) -> BoolArray:
        """bool[size]."""
        return self._batch.evaluate(moment.facts, moment.request.context)
