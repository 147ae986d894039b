"""`policies.yaml`: engagement rules, caps, cool-downs and spacing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.decide.faults import unknown
from engine.decide.source import Path, Source
from engine.decide.values import duration_ms
from rules import Expression, Library, RuleError, Schema, compile_expression

TIERS = ("eligibility", "applicability", "suitability")
SCOPES = ("objective", "group", "action", "channel", "placement", "tag", "role")
COUNTED = ("everything", "objective", "group", "action", "channel", "placement")
CALENDAR = ("day", "week", "month")
CONTACTS = ("contact", "cooldown", "spacing")
ROLES = ("customer", "prospect", "influencer", "employee")  # the usual ones; a bundle may have others
KINDS = (
    "decided", "sent", "exposure", "view", "click", "accept", "dismiss", "complaint", "purchase", "redemption",
)  # fmt: skip  # the usual outcomes; channel systems may record others
Known = Mapping[str, set[str]]


@dataclass(frozen=True)
class Policy:
    """One engagement rule over a scope; `place` is its condition's line and column."""

    name: str
    tier: str
    scope: Mapping[str, str]
    expression: Expression
    pass_missing: bool
    place: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class ContactPolicy:
    """At most `at_most` outcomes of a kind, counted per `per`.

    Args:
        within_ms: in a true sliding window; 0 when it is by the calendar.
        each: day, week or month of the customer's own calendar; empty when the window slides.
        text: the policy in words.
    """

    name: str
    scope: Mapping[str, str]
    kind: str
    at_most: int
    within_ms: int
    each: str
    per: str
    text: str
    place: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Language:
    """What conditions are compiled with."""

    schema: Schema
    library: Library


def read_policies(
    source: Source, language: Language, known: Known
) -> tuple[tuple[Policy, ...], tuple[ContactPolicy, ...]]:
    """Engagement rules and contact policies; faults go to the source."""
    source.only((), source.value, {*TIERS, *CONTACTS})
    rules = (_policy(source, path, raw, language, known) for tier in TIERS for path, raw in _entries(source, tier))
    policies = tuple(rule for rule in rules if rule is not None)
    made = (_contact(source, path, raw, known) for section in CONTACTS for path, raw in _entries(source, section))
    contacts = tuple(contact for contact in made if contact is not None)
    for sections in (TIERS, CONTACTS):
        _unique(source, sections)
    return policies, contacts


def _entries(source: Source, section: str) -> Iterable[tuple[Path, dict[str, object]]]:
    for index, raw in enumerate(source.items((section,), source.value.get(section))):
        path = section, index
        entry = source.mapping(path, raw)
        if source.present(path, raw) and isinstance(raw, dict):
            yield path, entry


def _unique(source: Source, sections: tuple[str, ...]) -> None:
    """Names are how a rule is spoken of: each stands once."""
    seen: dict[str, str] = {}
    for section in sections:
        entries = source.value.get(section)
        for index, raw in enumerate(entries if isinstance(entries, list) else []):
            name = raw.get("name") if isinstance(raw, dict) else None
            if not isinstance(name, str):
                continue
            if name in seen:
                source.fault((section, index, "name"), f"'{name}' stands twice, in {seen[name]} and here")
            seen.setdefault(name, section)


def _policy(source: Source, path: Path, entry: dict[str, object], language: Language, known: Known) -> Policy | None:
    source.only(path, entry, {"name", "scope", "when", "on_missing"})
    name = source.text((*path, "name"), entry.get("name"))
    missing = entry.get("on_missing", "block")
    if missing not in ("pass", "block"):
        source.fault((*path, "on_missing"), unknown("on_missing", missing, ("pass", "block")))
    expression = read_condition(source, (*path, "when"), entry.get("when"), language, name)
    scope = read_scope(source, (*path, "scope"), entry.get("scope"), known)
    place = source.place((*path, "when"))
    return Policy(name, str(path[0]), scope, expression, missing == "pass", place) if expression else None


def read_condition(source: Source, path: Path, raw: object, language: Language, rule: str) -> Expression | None:
    """A compiled condition; None, and a fault, when it is none. What reads a faulty attribute waits for its cure."""
    text = source.text(path, raw)
    if not text or any(name in text for name in language.schema.unsure):
        return None
    try:
        return compile_expression(text, language.schema, language.library)
    except RuleError as error:
        source.fault(path, f"{error.message} in rule '{rule}'", error.line - 1, error.column - 1)
        return None


def read_scope(source: Source, path: Path, raw: object, known: Known) -> dict[str, str]:
    """Kind -> name; a scope of what does not exist would govern nothing and is a fault."""
    scope = source.mapping(path, raw)
    source.only(path, scope, set(SCOPES))
    names = {kind: source.text((*path, kind), name) for kind, name in scope.items() if kind in SCOPES}
    for kind, name in names.items():
        if name and kind in known and name not in known[kind]:
            source.fault((*path, kind), unknown(kind, name, known[kind]))
    return names


def _contact(source: Source, path: Path, entry: dict[str, object], known: Known) -> ContactPolicy | None:
    shape = _SHAPES[str(path[0])]
    source.only(path, entry, {"name", "scope", "per", *shape})
    per = str(entry.get("per", "everything"))
    if per not in COUNTED:
        source.fault((*path, "per"), unknown("per", per, COUNTED))
        return None
    kind = source.text((*path, shape[0]), entry.get(shape[0]))
    most = _at_most(source, path, entry) if path[0] == "contact" else 1
    within_ms, each = _window(source, path, entry, shape[1])
    words = f"at most {most} {kind} {f'each {each}' if each else f'within {entry.get(shape[1])}'}"
    text = f"{words}, counted by {per}" if per != "everything" else words
    scope = read_scope(source, (*path, "scope"), entry.get("scope"), known)
    name = source.text((*path, "name"), entry.get("name"))
    return ContactPolicy(name, scope, kind, most, within_ms, each, per, text, source.place(path))


# For each section: the key of the outcome, the key of the window, and others. One outcome is too many for the last two.
_SHAPES = {
    "contact": ("kind", "within", "each", "at_most"),
    "cooldown": ("after", "for"),
    "spacing": ("between", "apart"),
}


def _at_most(source: Source, path: Path, entry: dict[str, object]) -> int:
    most = source.number((*path, "at_most"), entry.get("at_most"))
    if most < 0 or most != int(most):
        source.fault((*path, "at_most"), "at_most must be a whole number of at least 0")
    return int(most)


def _window(source: Source, path: Path, entry: dict[str, object], key: str) -> tuple[int, str]:
    each = entry.get("each")
    if each is not None and path[0] == "contact":
        if each not in CALENDAR:
            source.fault((*path, "each"), unknown("each", each, CALENDAR))
        if key in entry:
            source.fault((*path, "each"), f"stands beside '{key}'; a window slides or follows the calendar")
        return 0, str(each)
    try:
        return duration_ms(str(entry.get(key))), ""
    except ValueError as error:
        source.fault((*path, key), str(error))
        return 0, ""
