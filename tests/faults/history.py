"""Checks a recorded history: no decision that started after a withdrawal's reply contains an action of that purpose."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

UNKNOWN_S = float("inf")  # the end of a statement whose reply never came: it may take effect at any time


class Said(NamedTuple):
    """A grant or a withdrawal: when it was sent, when its reply came, and the revision that this told."""

    customer: str
    purpose: str
    granted: bool
    start_s: float
    end_s: float
    revision: int = 0


class Decided(NamedTuple):
    """A decision: when it was asked, when the answer came, and the purposes of the actions in it."""

    customer: str
    start_s: float
    end_s: float
    purposes: frozenset[str]


class Breach(NamedTuple):
    """A decision that must not have been, and the withdrawal that it broke."""

    decision: Decided
    withdrawal: Said


def breaches(said: Iterable[Said], decided: Iterable[Decided]) -> list[Breach]:
    """Every decision with an action of a purpose that stood withdrawn.

    A withdrawal stands from its reply until a grant that may have come after it: one whose reply had not come when the
    withdrawal was sent, and that was sent before the decision's answer came. So nothing is called a breach that some
    order of what overlapped could explain, and everything else is.
    """
    of_pair: dict[tuple[str, str], list[Said]] = defaultdict(list)
    for each in said:
        of_pair[each.customer, each.purpose].append(each)
    found = []
    for decision in decided:
        for purpose in sorted(decision.purposes):
            broken = _standing(of_pair[decision.customer, purpose], decision)
            if broken is not None:
                found.append(Breach(decision, broken))
    return found


def _standing(statements: list[Said], decision: Decided) -> Said | None:
    """The last withdrawal before the decision, if nothing can have lifted it."""
    withdrawals = [each for each in statements if not each.granted and each.end_s < decision.start_s]
    if not withdrawals:
        return None
    last = max(withdrawals, key=lambda each: each.start_s)
    lifted = (each.granted and each.end_s > last.start_s and each.start_s < decision.end_s for each in statements)
    return None if any(lifted) else last


def backwards(said: Iterable[Said]) -> list[tuple[Said, Said]]:
    """Pairs of statements of one customer, the second sent after the first's reply, whose revisions do not rise."""
    found = []
    newest: dict[str, Said] = {}
    for each in sorted((each for each in said if each.end_s != UNKNOWN_S), key=lambda each: each.start_s):
        before = newest.get(each.customer)
        if before is not None and before.end_s < each.start_s and each.revision <= before.revision:
            found.append((before, each))
        newest[each.customer] = each
    return found
