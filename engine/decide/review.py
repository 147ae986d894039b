"""What a bundle says that cannot be meant: it compiles, and does not do what its author thinks."""

import difflib
from collections.abc import Iterable, Iterator, Sequence

from engine.decide.actions import Action
from engine.decide.adaptive import USUAL
from engine.decide.behaviour import KNOWN
from engine.decide.bundle import Bundle
from engine.decide.faults import Fault
from engine.decide.policies import KINDS, ROLES, ContactPolicy, Policy
from engine.decide.purposes import lineage
from engine.decide.tables import gaps
from engine.decide.valuation import Weight
from rules import always, contradiction, never

POLICIES, ARBITRATION = "policies.yaml", "arbitration.yaml"
ALIKE = 0.75  # of difflib's ratio: 'exposures' and 'clicked' are taken for slips, 'callback' for a word of its own


def review(bundle: Bundle) -> list[Fault]:
    """Warnings: conditions that never or always hold, misspelt roles, outcomes and positives, actions that nobody can
    receive, caps that cannot bind, purposes that nothing needs, formulas that ignore what is declared, messages that
    are missing or shown by two at once, tables with gaps.
    """
    found = [
        *_conditions(bundle),
        *_slips(bundle),
        *_unreachable(bundle),
        *_idle_caps(bundle),
        *_purposes(bundle),
        *_ignored(bundle),
        *_messages(bundle),
        *_overlapping(bundle),
    ]
    found += [fault for table in bundle.tables for fault in gaps(table, bundle.schema.domains)]
    return sorted(found)


def _conditions(bundle: Bundle) -> Iterator[Fault]:
    known = bundle.schema.domains
    policies = [(POLICIES, policy, "it does nothing") for policy in bundle.policies]
    weights = [(ARBITRATION, weight, "make it a lever") for weight in bundle.valuation.weights]
    rules: list[tuple[str, Policy | Weight, str]] = [*policies, *weights]
    for file, rule, advice in rules:
        tree = rule.expression.tree
        if never(tree, known):
            yield Fault(file, *rule.place, f"the condition of '{rule.name}' can never hold")
        elif always(tree, known):
            yield Fault(file, *rule.place, f"the condition of '{rule.name}' always holds; {advice}")


def _ignored(bundle: Bundle) -> Iterator[Fault]:
    """What a formula leaves out although something was said for it."""
    formula, weighing = bundle.valuation.formula, bundle.valuation
    if formula is None:
        return
    outputs = {name for table in bundle.tables for line in table.lines for name in line.outputs}
    parts = {component.name for component in weighing.components}
    said = {
        "propensity": "whatever the model says, the order is the same",
        "value": "its components do nothing" if parts and not parts & formula.reads else "",
        "lever": "levers do nothing" if bundle.levers or "=lever" in outputs else "",
        "weight": "context weights do nothing" if weighing.weights or "=weight" in outputs else "",
    }
    for name, consequence in said.items():
        if consequence and name not in formula.reads:
            yield Fault(ARBITRATION, *weighing.place, f"the formula ignores {name}: {consequence}")


def _slips(bundle: Bundle) -> Iterator[Fault]:
    """Roles and outcomes are open sets: one that nearly is a usual one would govern, or count, nothing."""
    placed: list[Policy | ContactPolicy] = [*bundle.policies, *bundle.contacts]
    for one in placed:
        yield from _slip(one, "role", one.scope.get("role", ""), ROLES)
    for cap in bundle.contacts:
        yield from _slip(cap, "outcome", cap.kind, KINDS)
    adaptive = bundle.adaptive or USUAL
    for kind, place in zip(adaptive.positives, adaptive.places, strict=False):  # the usual ones stand nowhere
        if near := _near(kind, sorted(KNOWN)):
            words = f"'{kind}' among the positives is no kind the engine knows; did you mean '{near}'?"
            yield Fault(ARBITRATION, *place, words)


def _slip(one: Policy | ContactPolicy, what: str, name: str, usual: Sequence[str]) -> Iterator[Fault]:
    if near := _near(name, usual):
        words = f"'{one.name}' is for {what} '{name}', which is none of the usual; did you mean '{near}'?"
        yield Fault(POLICIES, *one.place, words)


def _near(name: str, usual: Sequence[str]) -> str:
    """The usual name that a slip was meant to be; empty when it is a usual one or a word of its own."""
    return "" if name in usual else next(iter(difflib.get_close_matches(name, usual, 1, ALIKE)), "")


def _unreachable(bundle: Bundle) -> Iterator[Fault]:
    """Actions whose strict rules exclude each other; one warning for each set of rules."""
    known = bundle.schema.domains
    strict = [policy for policy in bundle.policies if not policy.pass_missing and "role" not in policy.scope]
    strict = [policy for policy in strict if not never(policy.expression.tree, known)]  # told already
    seen: set[tuple[str, ...]] = set()
    filed = _filed(strict)
    for action in bundle.actions:
        own = [("", ""), ("action", action.key), ("group", action.group), ("objective", action.objective)]
        near = [policy for place in [*own, *(("tag", tag) for tag in action.tags)] for policy in filed.get(place, ())]
        governing = sorted((policy for policy in near if _governs(policy, action)), key=lambda policy: policy.place)
        names = tuple(policy.name for policy in governing)
        if names in seen:
            continue
        seen.add(names)
        attribute = contradiction((policy.expression.tree for policy in governing), known)
        if attribute:
            rules = ", ".join(f"'{policy.name}'" for policy in governing if attribute in policy.expression.reads)
            words = f"no customer can ever receive action '{action.key}': of {attribute} nothing is left by {rules}"
            yield Fault(action.file, action.line, 1, words)


def _filed(policies: Iterable[Policy]) -> dict[tuple[str, str], list[Policy]]:
    """Policies by one name of their scope, so that 10,000 actions need not look at all of 2,000 rules."""
    filed: dict[tuple[str, str], list[Policy]] = {}
    for policy in policies:
        names = [(kind, policy.scope[kind]) for kind in ("action", "tag", "group", "objective") if kind in policy.scope]
        filed.setdefault(names[0] if names else ("", ""), []).append(policy)
    return filed


def _governs(policy: Policy, action: Action) -> bool:
    own = {"objective": action.objective, "group": action.group, "action": action.key}
    names = all(own.get(kind, name) == name for kind, name in policy.scope.items() if kind in own)
    elsewhere = {"channel", "placement"} & set(policy.scope)  # another channel may still be open
    return names and not elsewhere and ("tag" not in policy.scope or policy.scope["tag"] in action.tags)


def _idle_caps(bundle: Bundle) -> Iterator[Fault]:
    for at, cap in enumerate(bundle.contacts):
        for other in bundle.contacts[:at] + bundle.contacts[at + 1 :]:
            if _tighter(other, cap):
                words = f"'{cap.name}' ({cap.text}) can never bind: '{other.name}' ({other.text}) comes first"
                yield Fault(POLICIES, *cap.place, words)
                break


def _tighter(other: ContactPolicy, cap: ContactPolicy) -> bool:
    """Whether `other` refuses whatever `cap` would, and more: the same outcomes, longer or as long, fewer of them."""
    alike = (other.kind, other.scope, other.per) == (cap.kind, cap.scope, cap.per) and not (other.each or cap.each)
    as_long, as_few = other.within_ms >= cap.within_ms, other.at_most <= cap.at_most
    return alike and as_long and as_few and (other.within_ms, other.at_most) != (cap.within_ms, cap.at_most)


def _purposes(bundle: Bundle) -> Iterator[Fault]:
    used = {above for action in bundle.actions for purpose in action.purposes for above in lineage(purpose)}
    for name in sorted(set(bundle.declared.purposes) - used):
        yield Fault("purposes.yaml", *bundle.declared.purposes[name].place, f"no action needs purpose '{name}'")


def _overlapping(bundle: Bundle) -> Iterator[Fault]:
    """Two actions that show one message in one channel at one time: an old window that was not closed."""
    last: dict[tuple[str, str], Action] = {}  # the one that ends last, of those that began before
    for action in sorted(bundle.actions, key=lambda action: (action.start_ms, action.line)):
        for channel in action.channels:
            message = action.messages.get(channel)
            if not message:
                continue
            other = last.get((channel, message), action)
            if other is not action and action.start_ms < other.end_ms:
                words = f"the window of '{action.key}' overlaps that of '{other.key}': both show '{message}'"
                yield Fault(action.file, action.line, 1, f"{words} in channel '{channel}'")
            last[channel, message] = max(other, action, key=lambda one: one.end_ms)


def _messages(bundle: Bundle) -> Iterator[Fault]:
    """Where a channel has messages at all, an action without one is an oversight."""
    written = {channel for action in bundle.actions for channel, text in action.messages.items() if text}
    for action in bundle.actions:
        for channel in action.channels:
            if channel in written and not action.messages.get(channel):
                yield Fault(
                    action.file, action.line, 1, f"action '{action.key}' has no message for channel '{channel}'"
                )
