"""Bodies of the beacon's way in."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from engine.customer.checks import Bounds, FieldError
from engine.customer.visits import events_of
from engine.web.body import decode, is_json, media_type


def read_visit(headers: Headers, body: bytes, bounds: Bounds, now_ms: int) -> list[object]:
    """The plain fields of each event of a visit.

    Args:
        headers: of the request.
        body: a visit, as JSON or, from `sendBeacon`, as text.
        bounds: of depth and number.
        now_ms: the moment of arrival.

    Raises:
        HTTPException: 400, 413 or 415 when the whole is no visit.
    """
    kind = media_type(headers.get("content-type", ""))
    if kind != "text/plain" and not is_json(kind):
        raise HTTPException(415, f"'{kind[:80]}' is not read; send text/plain or application/json")
    try:
        events = events_of(decode(body, bounds.depth), now_ms)
    except FieldError as error:
        raise HTTPException(400, str(error)) from None
    if len(events) > bounds.interactions:
        raise HTTPException(413, f"the visit has {len(events)} events; at most {bounds.interactions} are allowed")
    return events


def plain(fields: object) -> Mapping[str, object]:
    """Fields that are an object.

    Raises:
        FieldError: when they are not.
    """
    if not isinstance(fields, dict):
        raise FieldError("event", "must be an object")
    return fields
