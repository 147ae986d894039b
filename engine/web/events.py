"""The HTTP binding of CloudEvents 1.0: structured, binary and batched mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md, section 3.
"""

from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from engine.customer.checks import Bounds
from engine.web.body import decode, is_json, media_type

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
PREFIX = "ce-"


def read_events(headers: Headers, body: bytes, bounds: Bounds) -> list[object]:
    """The events of a request, in the JSON format whichever mode they came in.

    Args:
        headers: of the request.
        body: bounded in size already.
        bounds: of depth and number.

    Raises:
        HTTPException: 400 or 415 when the request as a whole is no CloudEvent.
    """
    kind = media_type(headers.get("content-type", ""))
    if kind == STRUCTURED:
        return [decode(body, bounds.depth)]
    if kind == BATCHED:
        return _batch(decode(body, bounds.depth), bounds)
    if kind and not is_json(kind):
        raise HTTPException(
            415, f"'{kind[:80]}' is not read; send {STRUCTURED}, {BATCHED} or JSON with {PREFIX} headers"
        )
    return [_binary(headers, body, bounds)]


def _batch(value: object, bounds: Bounds) -> list[object]:
    if not isinstance(value, list):
        raise HTTPException(400, "a batch must be a list of events")
    if len(value) > bounds.interactions:
        raise HTTPException(413, f"the batch has {len(value)} events; at most {bounds.interactions} are allowed")
    return value


def _binary(headers: Headers, body: bytes, bounds: Bounds) -> object:
    names = [name for name in headers if name.startswith(PREFIX)]
    if f"{PREFIX}specversion" not in names:
        raise HTTPException(400, f"is no CloudEvent: the header {PREFIX}specversion is missing")
    if len(set(names)) < len(names):
        raise HTTPException(400, f"a {PREFIX} header stands twice")
    try:
        # Section 3.1.3.2: percent-encoded UTF-8.
        event: dict[str, object] = {name[len(PREFIX) :]: unquote(headers[name], errors="strict") for name in names}
    except UnicodeDecodeError:
        raise HTTPException(400, f"a {PREFIX} header is no percent-encoded UTF-8") from None
    return event | ({"data": decode(body, bounds.depth)} if body else {})
