"""Plain values to messages."""

from collections.abc import Callable, Mapping

import msgspec
from nba.v1 import common_pb2, customer_pb2, decision_pb2

from engine.customer.consents import Statements
from engine.customer.identity import Link
from engine.customer.record import Consent, Record
from engine.decide import explain
from engine.decide.pipeline import Effort, Evaluation
from engine.decide.quiet import speaks_from_ms
from engine.decide.request import Preferences, Request, Scalar
from engine.decide.sensitivity import amounts, sensitivities

LEVELS: dict[int, Callable[[Evaluation], list[explain.Reason]]] = {
    decision_pb2.EXPLAIN_LEVEL_SUMMARY: explain.summary,
    decision_pb2.EXPLAIN_LEVEL_FULL: explain.full,
    decision_pb2.EXPLAIN_LEVEL_WHAT_IF: explain.what_if,
}


def write_response(
    evaluation: Evaluation, request: Request, level: int, decision_id: str
) -> decision_pb2.DecideResponse:
    """The answer as a message; words only when asked for."""
    snapshot = evaluation.snapshot
    reply = decision_pb2.DecideResponse(
        decision_id=decision_id,
        degraded=[evaluation.effort.value] if evaluation.effort.value else [],
        snapshot_version=snapshot.version,
        adaptive_version=snapshot.corrections.version,
        trace=[_reason(reason) for reason in _reasons(evaluation, level)],
    )
    # Added in place: a message given to another one is copied, 10 µs an answer of four channels.
    for stage, rows in explain.funnel(evaluation):
        reply.funnel.add(stage=stage, rows=rows)
    for at, ask in enumerate(request.asks):
        speaks_ms = speaks_from_ms(snapshot.bundle.channel_of[ask.channel], evaluation.moment)
        answer = reply.channels.add(channel=ask.channel, placement=ask.placement, not_before_ms=speaks_ms)
        _ranked(evaluation, at, answer)
        if level == decision_pb2.EXPLAIN_LEVEL_FULL:
            _weighed(evaluation, at, answer)
    return reply


def write_reserved(reply: decision_pb2.DecideResponse, request: Request, until_ms: int, refused: str) -> None:
    """Add to an answer until when it is reserved; or why nothing could be."""
    if refused:
        reply.degraded.append(refused)
    if until_ms:
        for ask, answer in zip(request.asks, reply.channels, strict=True):
            answer.reserved_until_ms = until_ms if ask.reserve and answer.actions else 0


def _reasons(evaluation: Evaluation, level: int) -> list[explain.Reason]:
    return LEVELS[level](evaluation) if level in LEVELS else []


def _reason(reason: explain.Reason) -> decision_pb2.Reason:
    saw = {name: write_value(value) for name, value in reason.saw.items()}
    return decision_pb2.Reason(**{**msgspec.structs.asdict(reason), "saw": saw})


def _weighed(evaluation: Evaluation, ask: int, answer: decision_pb2.ChannelAnswer) -> None:
    """Add what each ranked action's priority was made of, and which factor decided."""
    factors, told = evaluation.factors, sensitivities(evaluation, ask)
    for action, at, decided in zip(answer.actions, evaluation.rankings[ask], told, strict=True):
        action.lever, action.weight = float(factors.lever[at]), float(factors.weight[at])
        action.components.extend(decision_pb2.ValueComponent(**a._asdict()) for a in amounts(evaluation, at))
        action.decisive_factor, action.sensitivity = decided.factor, decided.text


def _ranked(evaluation: Evaluation, ask: int, answer: decision_pb2.ChannelAnswer) -> None:
    """Add the ranked actions of one ask."""
    snapshot, scored, value = evaluation.snapshot, evaluation.scored, evaluation.factors.value
    keys, message = snapshot.catalogue.names("action"), snapshot.catalogue.message
    said = scored.propensity if scored.said is None else scored.said
    chosen = evaluation.rankings[ask]
    rows, chances = evaluation.candidates[chosen].tolist(), evaluation.chances[ask].tolist()
    titles = [scored.models[by].title for by in scored.by[chosen].tolist()]
    for rank, (at, row, chance, title) in enumerate(zip(chosen.tolist(), rows, chances, titles, strict=True), 1):
        answer.actions.add(
            rank=rank,
            action_key=keys[row],
            propensity=scored.propensity.item(at),
            value=value.item(at),
            priority=evaluation.priority.item(at),
            selection_probability=chance,
            message=message[row],
            fallback=evaluation.effort is Effort.FALLBACK,
            model=title,
            model_propensity=said.item(at),
            maturity=snapshot.corrections.maturity(title, row),
        )


def write_record(record: Record, derived: Mapping[str, Scalar]) -> customer_pb2.GetResponse:
    """The record as a message."""
    return customer_pb2.GetResponse(
        customer_id=record.customer_id,
        attributes={name: write_value(value) for name, value in record.attributes.items()},
        consents=[_consent(consent) for consent in Statements(record).told()],
        time_zone=record.time_zone,
        behaviour={name: float(value) for name, value in derived.items() if isinstance(value, (bool, int, float))},
        revision=record.revision,
        preferences=_preferences(record.preferences),
        values={name: write_value(value) for name, value in derived.items()},
        ids=record.ids,
        links=[_link(each) for each in record.links],
    )


def _link(each: Link) -> customer_pb2.IdLink:
    return customer_pb2.IdLink(customer_id=each.one, also_known_as=each.other, at_ms=each.at_ms, source=each.source)


def _consent(consent: Consent) -> common_pb2.Consent:
    return common_pb2.Consent(
        purpose=consent.purpose,
        channel=consent.channel,
        granted=consent.granted,
        source=consent.source,
        at_ms=consent.at_ms,
        basis=consent.basis,
        expires_at_ms=consent.expires_ms,
        said_as=consent.said_as,
    )


def _preferences(asked: Preferences) -> common_pb2.Preferences:
    hours = common_pb2.Hours(from_minute=asked.hours[0], to_minute=asked.hours[1]) if asked.hours else None
    return common_pb2.Preferences(
        topics_off=asked.off,
        less=asked.less,
        snoozed_until_ms=asked.snoozed_until_ms,
        at_most_a_week=asked.at_most_a_week,
        channel=asked.channel,
        hours=hours,
    )


def write_value(value: Scalar) -> common_pb2.Value:
    """One attribute as a message."""
    if isinstance(value, list):
        return common_pb2.Value(list_value=common_pb2.ListValue(values=[write_value(item) for item in value]))
    if isinstance(value, dict):
        entries = {key: write_value(item) for key, item in value.items()}
        return common_pb2.Value(map_value=common_pb2.MapValue(entries=entries))
    message = common_pb2.Value()
    kinds = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}
    setattr(message, kinds[type(value)], value)
    return message
