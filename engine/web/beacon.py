"""What `beacon.js` sends: one visitor's events, each with its age by the visitor's own clock."""

import re
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from engine.customer.checks import Bounds, FieldError
from engine.web.body import decode, is_json, media_type

SOURCE = "/v1/beacon"
# Random, so that nobody who does not know it can write to a record: this way in needs no key.
VISITOR = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def read_visit(headers: Headers, body: bytes, bounds: Bounds, now_ms: int) -> list[object]:
    """The plain fields of each event of a visit.

    Args:
        headers: of the request.
        body: `{"id": VISITOR, "events": [{"id", "kind", "ago_ms", ...}]}`, as JSON or, from `sendBeacon`, as text.
        bounds: of depth and number.
        now_ms: the moment of arrival; the events' ages count from it, so that a visitor's wrong clock does not matter.

    Raises:
        HTTPException: 400 or 415 when the whole is no visit.
    """
    kind = media_type(headers.get("content-type", ""))
    if kind != "text/plain" and not is_json(kind):
        raise HTTPException(415, f"'{kind[:80]}' is not read; send text/plain or application/json")
    visit = decode(body, bounds.depth)
    if not isinstance(visit, dict) or not isinstance(visit.get("events"), list):
        raise HTTPException(400, "must be an object of 'id' and a list of 'events'")
    visitor, events = visit.get("id"), visit["events"]
    if not isinstance(visitor, str) or not VISITOR.fullmatch(visitor):
        raise HTTPException(400, "id: must be a random UUID in lower case, as the script makes it")
    if len(events) > bounds.interactions:
        raise HTTPException(413, f"the visit has {len(events)} events; at most {bounds.interactions} are allowed")
    return [_fields(visitor, event, now_ms) for event in events]


def _fields(visitor: str, event: object, now_ms: int) -> object:
    """An event's fields; what is none of an object is left for `plain` to refuse."""
    if not isinstance(event, dict):
        return event
    number, age = event.get("id"), event.get("ago_ms")
    made = {"customer_id": visitor, "key": f"{SOURCE} {number}" if isinstance(number, str) and number else None}
    if not isinstance(age, int) or isinstance(age, bool) or age < 0:
        return {**event, **made, "at_ms": f"{str(age)[:40]} ms ago"}
    return {**event, **made, "at_ms": now_ms - age}


def plain(fields: object) -> Mapping[str, object]:
    """Fields that are an object.

    Raises:
        FieldError: when they are not.
    """
    if not isinstance(fields, dict):
        raise FieldError("event", "must be an object")
    return fields
