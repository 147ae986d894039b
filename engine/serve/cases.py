"""A bundle's own cases: given, ask, expect, because; operators test their rules as developers test code."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from engine.customer.change import apply_interaction
from engine.customer.privacy import Signals
from engine.customer.record import Consent, Interaction, Record, Wish
from engine.customer.said import set_consent, upsert
from engine.customer.view import Sent, view
from engine.decide import explain
from engine.decide.bundle import read_bundle
from engine.decide.faults import unknown
from engine.decide.pipeline import Evaluation, decide
from engine.decide.request import Ask, Inline, Preferences, Request
from engine.decide.scoring import first_day
from engine.decide.snapshot import Snapshot, build_snapshot
from engine.decide.values import clock_minutes, duration_ms, moment_ms
from engine.serve.build import read_texts

NOW = "2026-11-24T10:00Z"
CHANCE = 0.1  # cases test rules, not the model: everything is equally likely
CONSENT = re.compile(r"(no )?(\S+)(?: in (\S+))?(?: until (\S+))?")
EVENT = re.compile(r"(\S+)(?: of (\S+))?(?: in (\S+))?(?: worth (\S+))? (\d+[smhdw]|0s) ago")
KEYS = {"case", "given", "ask", "expect", "because"}
GIVEN = {"customer", "consents", "history", "time_zone", "preferences", "sent", "stranger"}
ZONE = "UTC"  # where people of a case live unless it says otherwise
WISHES = {"topics_off", "less", "snoozed_until", "at_most_a_week", "channel", "hours"}
ASKED = {"channels", "limit", "now", "actions", "context", "inline", "placement"}


@dataclass(frozen=True)
class Outcome:
    """How one case ended; `faults` is empty when it holds."""

    file: str
    case: str
    faults: tuple[str, ...]


def run_cases(directory: Path) -> Iterator[Outcome]:
    """Run every case of `<directory>/cases/*.yaml` against the bundle beside it.

    Raises:
        BundleError: when the bundle is faulty.
        ValueError: when a case cannot be read; the message names it.
    """
    texts = read_texts(directory)
    read = replace(read_bundle(texts), explore={})  # cases test neither the model nor chance
    snapshot = build_snapshot(read, texts, [first_day(name, CHANCE) for name in read.lineup.names])
    for file in sorted((directory / "cases").glob("*.yaml")):
        for case in _read(file):
            name = str(case.get("case"))
            yield Outcome(file.name, name, _faults_of(snapshot, f"{file.name}: {name}", case))


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        cases = yaml.safe_load(file.read_text()) or []
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: not YAML: {error}") from None
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise ValueError(f"{file}: must be a list of cases: 'case', 'given', 'ask', 'expect', 'because'")
    return cases


def _faults_of(snapshot: Snapshot, place: str, case: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        return tuple(_faults(snapshot, place, case))
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        words = str(error)
        raise ValueError(words if words.startswith(place) else f"{place}: cannot be read: {words}") from error


def _faults(snapshot: Snapshot, place: str, case: Mapping[str, Any]) -> Iterator[str]:
    given, ask = case.get("given") or {}, case.get("ask") or {}
    wishes = given.get("preferences") or {}
    for found, known in ((case, KEYS), (given, GIVEN), (wishes, WISHES), (ask, ASKED)):
        if set(found) - known:
            raise ValueError(f"{place}: unknown {sorted(map(str, set(found) - known))}; known: {sorted(known)}")
    evaluation = _decide(snapshot, place, given, ask)
    yield from _unexpected(evaluation, case.get("expect") or {})
    yield from _unfounded(evaluation, case.get("because") or {})


def _decide(snapshot: Snapshot, place: str, given: Mapping[str, Any], ask: Mapping[str, Any]) -> Evaluation:
    now_ms = moment_ms(str(ask.get("now", NOW)))
    own = snapshot.bundle.channel_of
    channels = ask.get("channels") or list(own)
    for what, names, known in (("channel", channels, own), ("action", ask.get("actions", []), snapshot.action_of)):
        for name in names:
            if name not in known:
                raise ValueError(f"{place}: {unknown(what, name, known)}")
    inline = tuple(_inline(entry) for entry in ask.get("inline", []))
    request = Request(
        asks=tuple(Ask(channel, ask.get("placement", ""), ask.get("limit", 10)) for channel in channels),
        now_ms=now_ms,
        context=ask.get("context", {}),
        action_keys=tuple(ask.get("actions", [])),
        inline=inline,
    )
    stored = None if given.get("stranger") else _record(snapshot, place, given, now_ms)
    sent = given.get("sent", {})
    consents = tuple(_consent(place, text, now_ms) for text in sent.get("consents", []))
    said = Sent(
        sent.get("id", "somebody"),
        sent.get("customer", {}),
        consents,
        sent.get("time_zone", ZONE if given.get("stranger") else ""),
        Signals(sent.get("tcf", ""), sent.get("gpp", ""), sent.get("gpc", False)),
    )
    return decide(snapshot, view(stored, said, snapshot.needs(request), now_ms), request)


def _inline(entry: Mapping[str, Any]) -> Inline:
    return Inline(
        entry["action"], entry["group"], entry["objective"], tuple(entry["purposes"]), entry["value"],
        entry.get("attributes", {}),
    )  # fmt: skip


def _record(snapshot: Snapshot, place: str, given: Mapping[str, Any], now_ms: int) -> Record:
    record = Record("somebody", given.get("customer", {}), [], given.get("time_zone", ZONE))
    wish = Wish(now_ms, _preferences(given.get("preferences", {}), now_ms))
    record = upsert(record, Record("somebody", wishes=[wish]))
    for at, text in enumerate(given.get("consents", [])):
        record = set_consent(record, _consent(place, text, now_ms - 1_000 + at))
    for at, text in enumerate(given.get("history", [])):
        record = apply_interaction(record, _event(snapshot, place, text, at, now_ms), snapshot.bundle.keeping)
    return record


def _preferences(asked: Mapping[str, Any], now_ms: int) -> Preferences:
    """`topics_off`, `less` (topic -> how long ago), `snoozed_until`, `at_most_a_week`, `channel`, `hours`."""
    return Preferences(
        off=tuple(asked.get("topics_off", ())),
        less={topic: now_ms - duration_ms(ago) for topic, ago in asked.get("less", {}).items()},
        snoozed_until_ms=moment_ms(str(asked["snoozed_until"])) if "snoozed_until" in asked else 0,
        at_most_a_week=asked.get("at_most_a_week"),
        channel=asked.get("channel", ""),
        hours=tuple(map(clock_minutes, asked["hours"])) if "hours" in asked else None,  # type: ignore[arg-type]  # two of them
    )


def _consent(place: str, text: str, at_ms: int) -> Consent:
    found = CONSENT.fullmatch(text)
    if not found:
        raise ValueError(f"{place}: '{text}' is no consent; write 'marketing in email' or 'no marketing'")
    expires_ms = moment_ms(found[4]) if found[4] else 0
    return Consent(found[2], found[3] or "", not found[1], "case", at_ms, expires_ms=expires_ms)


def _event(snapshot: Snapshot, place: str, text: str, at: int, now_ms: int) -> Interaction:
    found = EVENT.fullmatch(text)
    if not found:
        raise ValueError(f"{place}: '{text}' is no event; write 'exposure of card in email 2d ago'")
    kind, key, channel, worth, ago = found.groups()
    action = snapshot.action_of.get(key or "")
    return Interaction(
        key=str(at), customer_id="somebody", kind=kind, action_key=key or "", channel=channel or "",
        at_ms=now_ms - (0 if ago == "0s" else duration_ms(ago)), amount=float(worth or 0),
        group=action.group if action else "", objective=action.objective if action else "",
    )  # fmt: skip


def _unexpected(evaluation: Evaluation, expected: Mapping[str, Sequence[str]]) -> Iterator[str]:
    keys, rows = evaluation.snapshot.catalogue.names("action"), evaluation.candidates
    found = {
        ask.channel: [str(keys[rows[at]]) for at in chosen]
        for ask, chosen in zip(evaluation.moment.request.asks, evaluation.rankings, strict=True)
    }
    for channel, wanted in expected.items():
        if found.get(channel) != list(wanted or []):
            yield f"{channel}: expected {list(wanted or [])}, got {found.get(channel)}"


def _unfounded(evaluation: Evaluation, because: Mapping[str, Sequence[str]]) -> Iterator[str]:
    found: dict[str, set[str]] = {}
    for reason in explain.full(evaluation):
        found.setdefault(f"{reason.action_key} in {reason.channel}", set()).add(reason.gate)
    for row, wanted in because.items():
        if found.get(row, set()) != set(wanted):
            yield f"{row}: expected to be held back by {sorted(wanted)}, was by {sorted(found.get(row, set()))}"
