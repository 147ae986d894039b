"""Gates: one compiled condition each, and the rows it governs. Consent comes before everything."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.decide.bundle import Contact, Policy
from engine.decide.catalogue import BoolArray, Catalogue
from engine.decide.request import CustomerView, Request, Scalar

STAGES = ("window", "consent", "eligibility", "applicability", "suitability", "contact policy")


@dataclass(frozen=True)
class Moment:
    """What every gate of one request reads."""

    customer: CustomerView
    request: Request
    facts: Mapping[str, Scalar]


class Gate(Protocol):
    """One condition; a row it governs is blocked where it does not pass."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def stage(self) -> str:
        """One of STAGES."""
        ...

    @property
    def text(self) -> str:
        """The reason in words."""
        ...

    def passes(self, moment: Moment, catalogue: Catalogue) -> bool | BoolArray:
        """One bool for the request, or bool[R]."""
        ...


@dataclass(frozen=True)
class WindowGate:
    """The action's validity window holds the decision's moment."""

    name: str = "validity window"
    stage: str = "window"
    text: str = "outside its validity window"

    def passes(self, moment: Moment, catalogue: Catalogue) -> BoolArray:
        """bool[R]."""
        now_ms = moment.request.now_ms
        return (catalogue.start_ms <= now_ms) & (now_ms < catalogue.end_ms)


@dataclass(frozen=True)
class ConsentGate:
    """The person allowed one purpose in one channel; no statement means no."""

    purpose: str
    channel: str
    stage: str = "consent"

    @property
    def name(self) -> str:
        """The consent it asks for."""
        return f"{self.purpose} in {self.channel}"

    @property
    def text(self) -> str:
        """The reason in words."""
        return f"no consent for {self.purpose} in {self.channel}"

    def passes(self, moment: Moment, catalogue: Catalogue) -> bool:  # noqa: ARG002  the seam every gate has
        """One bool."""
        return moment.customer.allowed.get((self.purpose, self.channel), False)


@dataclass(frozen=True)
class PolicyGate:
    """One engagement rule; unknown blocks unless the rule says otherwise."""

    policy: Policy

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.policy.name

    @property
    def stage(self) -> str:
        """The rule's tier."""
        return self.policy.tier

    @property
    def text(self) -> str:
        """The reason in words."""
        return f"needs {self.policy.expression.text}"

    def passes(self, moment: Moment, catalogue: Catalogue) -> bool | BoolArray:
        """One bool, or bool[R] where the rule reads the action."""
        verdict = self.policy.expression.evaluate(moment.facts, moment.request.context, catalogue.columns)
        passed = verdict.passed | verdict.unknown if self.policy.pass_missing else verdict.passed
        return bool(passed) if np.ndim(passed) == 0 else np.asarray(passed, bool)


@dataclass(frozen=True)
class ContactGate:
    """At most n outcomes of a kind in a true sliding window, counted exactly over the history."""

    contact: Contact
    stage: str = "contact policy"

    @property
    def name(self) -> str:
        """The policy's name."""
        return self.contact.name

    @property
    def text(self) -> str:
        """The reason in words."""
        return f"at most {self.contact.at_most} {self.contact.kind} within {self.contact.within_ms // 60_000} minutes"

    def passes(self, moment: Moment, catalogue: Catalogue) -> bool | BoolArray:
        """One bool when everything is counted together, else bool[R] by the row's own name."""
        counts = self._counts(moment)
        if self.contact.per == "everything":
            return counts.total() < self.contact.at_most
        if not counts:
            return self.contact.at_most > 0
        names = catalogue.names(self.contact.per)
        return np.array([counts[name] < self.contact.at_most for name in names], bool)

    def _counts(self, moment: Moment) -> Counter[str]:
        now_ms, contact = moment.request.now_ms, self.contact
        index = {"everything": 2, "action": 2, "group": 3, "channel": 4}.get(contact.per, 2)
        return Counter(
            str(entry[index])
            for entry in moment.customer.contacts
            if now_ms - contact.within_ms < entry[0] <= now_ms and entry[1] == contact.kind and self._inside(entry)
        )

    def _inside(self, entry: tuple[int, str, str, str, str]) -> bool:
        named = {"action": entry[2], "group": entry[3], "channel": entry[4]}
        return all(named.get(kind, name) == name for kind, name in self.contact.scope.items())


class Gates:
    """All gates over one catalogue.

    Args:
        gates: any order; kept in the order of the stages.
        governs: bool[G, R], in the order of `gates`.
    """

    def __init__(self, gates: Sequence[Gate], governs: BoolArray) -> None:
        order = sorted(range(len(gates)), key=lambda index: (STAGES.index(gates[index].stage), gates[index].name))
        self.gates = tuple(gates[index] for index in order)
        self.governs = governs[order]

    def evaluate(self, moment: Moment, catalogue: Catalogue) -> BoolArray:
        """bool[G, R]: true where a gate does not block the row."""
        blocked = np.zeros_like(self.governs)
        for index, gate in enumerate(self.gates):
            passed = gate.passes(moment, catalogue)
            if passed is not True:
                blocked[index] = self.governs[index] & ~np.asarray(passed, bool)
        return ~blocked


def build_gates(catalogue: Catalogue, policies: Sequence[Policy], contacts: Sequence[Contact]) -> Gates:
    """Every gate over the catalogue: window, consents, policies, contact policies.

    Args:
        catalogue: the rows.
        policies: the engagement rules.
        contacts: caps and cool-downs.
    """
    window: Gate = WindowGate()
    pairs: list[tuple[Gate, BoolArray]] = [(window, np.ones(catalogue.size, bool)), *_consents(catalogue)]
    pairs += [(PolicyGate(policy), catalogue.governed(policy.scope)) for policy in policies]
    pairs += [(ContactGate(contact), catalogue.governed(contact.scope)) for contact in contacts]
    return Gates([gate for gate, _ in pairs], np.array([rows for _, rows in pairs]).reshape(len(pairs), -1))


def _consents(catalogue: Catalogue) -> list[tuple[Gate, NDArray[np.bool_]]]:
    channels = [str(channel) for channel in catalogue.names("channel")]
    needed = {(p, c) for purposes, c in zip(catalogue.purposes, channels, strict=True) for p in purposes}
    return [
        (
            ConsentGate(purpose, channel),
            np.array([purpose in have and channel == c for have, c in zip(catalogue.purposes, channels, strict=True)]),
        )
        for purpose, channel in sorted(needed)
    ]
