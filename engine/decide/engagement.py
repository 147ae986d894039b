"""Engagement policies: eligibility, applicability and suitability; unknown blocks unless the rule says otherwise."""

from collections.abc import Sequence

from engine.decide.catalogue import BoolArray, Catalogue, Rows
from engine.decide.gates import Gate, Moment
from engine.decide.policies import Policy
from rules import Batch, Site

ROLE = "customer"  # who says nothing of their role is a customer


class PolicyBlock:
    """All engagement policies over one catalogue.

    Args:
        policies: the rules.
        catalogue: the rows.
    """

    def __init__(self, policies: Sequence[Policy], catalogue: Catalogue) -> None:
        governed = [catalogue.governed(policy.scope) for policy in policies]
        # A rule for one role says nothing of the others: its verdicts are its own, so that they can be lifted.
        sites = [
            Site(
                policy.expression.tree, None if policy.expression.is_scalar else rows, policy.pass_missing, role(policy)
            )
            for policy, rows in zip(policies, governed, strict=True)
        ]
        self._batch = Batch(sites, catalogue.columns_for([policy.expression.tree for policy in policies]))
        self.size = self._batch.size
        self._of_role = [
            (role(policy), verdicts)
            for policy, verdicts in zip(policies, self._batch.verdicts, strict=True)
            if role(policy)
        ]
        self.gates: Sequence[Gate] = [
            _gate(policy, rows, verdicts)
            for policy, rows, verdicts in zip(policies, governed, self._batch.verdicts, strict=True)
        ]

    def evaluate(self, moment: Moment) -> BoolArray:
        """bool[size]."""
        passed = self._batch.evaluate(moment.facts, moment.request.context)
        for wanted, verdicts in self._of_role:
            if wanted != moment.facts.get("role", ROLE):
                passed[verdicts] = True
        return passed


def _gate(policy: Policy, rows: Rows, verdicts: Rows) -> Gate:
    text, reads = policy.expression.text, policy.expression.reads
    return Gate(policy.name, policy.tier, f"needs {text}", rows, verdicts, reads, change=text)


def role(policy: Policy) -> str:
    """The one audience role it is for; empty for all."""
    return policy.scope.get("role", "")
