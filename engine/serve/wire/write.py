"""Plain values to messages."""

from collections.abc import Callable, Mapping

import msgspec
from nba.v1 import common_pb2, customer_pb2, decision_pb2

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
    channel_of = evaluation.snapshot.bundle.channel_of
    answers = [
        decision_pb2.ChannelAnswer(
            channel=ask.channel,
            placement=ask.placement,
            actions=_ranked(evaluation, at),
            not_before_ms=speaks_from_ms(channel_of[ask.channel], evaluation.moment),
        )
        for at, ask in enumerate(request.asks)
    ]
    if level == decision_pb2.EXPLAIN_LEVEL_FULL:
        for at, answer in enumerate(answers):
            _weighed(evaluation, at, answer)
    stages = [decision_pb2.FunnelStage(stage=stage, rows=rows) for stage, rows in explain.funnel(evaluation)]
    return decision_pb2.DecideResponse(
        decision_id=decision_id,
        channels=answers,
        funnel=stages,
        degraded=[evaluation.effort.value] if evaluation.effort.value else [],
        snapshot_version=evaluation.snapshot.version,
        trace=[_reason(reason) for reason in _reasons(evaluation, level)],
        adaptive_version=evaluation.snapshot.corrections.version,
    )


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


def _ranked(evaluation: Evaluation, ask: int) -> list[decision_pb2.RankedAction]:
    catalogue, rows = evaluation.snapshot.catalogue, evaluation.candidates
    keys, scored, chosen = catalogue.names("action"), evaluation.scored, evaluation.rankings[ask].tolist()
    return [
        decision_pb2.RankedAction(
            rank=place,
            action_key=str(keys[rows[at]]),
            propensity=float(scored.propensity[at]),
            value=float(evaluation.factors.value[at]),
            priority=float(evaluation.priority[at]),
            selection_probability=chance,
            message=catalogue.message[rows[at]],
            fallback=evaluation.effort is Effort.FALLBACK,
            model=scored.models[scored.by[at]].title,
            model_propensity=float((scored.propensity if scored.said is None else scored.said)[at]),
            maturity=evaluation.snapshot.corrections.maturity(scored.models[scored.by[at]].title, int(rows[at])),
        )
        for place, (at, chance) in enumerate(zip(chosen, evaluation.chances[ask].tolist(), strict=True), 1)
    ]


def write_record(record: Record, behaviour: Mapping[str, float]) -> customer_pb2.GetResponse:
    """The record as a message."""
    return customer_pb2.GetResponse(
        customer_id=record.customer_id,
        attributes={name: write_value(value) for name, value in record.attributes.items()},
        consents=[_consent(consent) for consent in record.consents],
        time_zone=record.time_zone,
        behaviour=behaviour,
        revision=record.revision,
        preferences=_preferences(record.preferences),
    )


def _consent(consent: Consent) -> common_pb2.Consent:
    return common_pb2.Consent(
        purpose=consent.purpose,
        channel=consent.channel,
        granted=consent.granted,
        source=consent.source,
        at_ms=consent.at_ms,
        basis=consent.basis,
        expires_at_ms=consent.expires_ms,
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
