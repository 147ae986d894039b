"""A decision's entry as rows of columns."""

from collections.abc import Iterator
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from nba.v1 import decision_pb2

from engine.customer.changes import Change
from engine.decide.gates import STAGES
from engine.journal.entries import Decision, ShadowScores, pack

Row = dict[str, Any]
LAST_GATE = STAGES[-1]


def decision_rows(entry: Decision) -> tuple[Row, list[Row]]:
    """The row of a decision, and one for each action that it ranked.

    Raises:
        ValueError: when it cannot be read.
    """
    try:
        message = decision_pb2.DecideRequest.FromString(entry.request)
        reply = decision_pb2.DecideResponse.FromString(entry.reply)
    except DecodeError as error:
        raise ValueError(str(error)) from error
    shared = _shared(entry, message, reply)
    left = {stage.stage: stage.rows for stage in reply.funnel}
    own = {
        "funnel": [{"stage": stage.stage, "rows": stage.rows} for stage in reply.funnel],
        "candidates": left.get(LAST_GATE),
        "ranked": left.get("ranked"),
        "seed": entry.seed,
        "format": entry.format,
        "record": entry.record or None,
        "reserving": None if entry.reserving is None else pack(entry.reserving),
        "read": pack(entry.read) if entry.read else None,
        "request": entry.request,
        "reply": entry.reply,
    }
    return {**shared, **own}, [*_rankings(shared, reply)]


def _shared(entry: Decision, message: decision_pb2.DecideRequest, reply: decision_pb2.DecideResponse) -> Row:
    return {
        "decision_id": reply.decision_id,
        "at_ms": entry.day_ms,
        "now_ms": entry.now_ms,
        "customer_id": message.customer.id,
        "request_id": message.request_id,
        "snapshot": reply.snapshot_version,
        "adaptive": reply.adaptive_version,
        "effort": entry.effort,
        "degraded": "; ".join(reply.degraded),
    }


def _rankings(shared: Row, reply: decision_pb2.DecideResponse) -> Iterator[Row]:
    for answer in reply.channels:
        place = {**shared, "channel": answer.channel, "placement": answer.placement}
        for action in answer.actions:
            yield {
                **place,
                "rank": action.rank,
                "action_key": action.action_key,
                "propensity": action.propensity,
                "model_propensity": action.model_propensity,
                "value": action.value,
                "priority": action.priority,
                "selection_probability": action.selection_probability,
                "model": action.model,
                "maturity": action.maturity,
                "fallback": action.fallback,
                "message": action.message,
            }


def shadow_rows(entry: ShadowScores) -> list[Row]:
    """One row for each candidate that a shadow model scored."""
    scored = zip(entry.action_keys, entry.channels, entry.propensity, strict=True)
    return [
        {"decision_id": entry.decision_id, "model": entry.model, "action_key": a, "channel": c, "propensity": p}
        for a, c, p in scored
    ]


def change_row(change: Change) -> Row:
    """The row of a consent, of preferences or of a link."""
    said = msgspec.structs.asdict(change.consent) if change.consent else {}
    wishes = msgspec.json.encode(change.preferences).decode() if change.preferences else None
    known = {"kind": change.kind, "customer_id": change.customer_id, "recorded_ms": change.recorded_ms}
    return {**said, **known, "preferences": wishes, "other": change.other or None}
