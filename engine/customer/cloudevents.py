"""CloudEvents 1.0 (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) as interactions."""

import hashlib
import re
from collections.abc import Mapping

from engine.customer.checks import FieldError
from engine.customer.intake import FIELDS

NEEDED = ("specversion", "id", "source", "type")
VERSION = re.compile(r"v[0-9]+")
JSON_TYPE = re.compile(r"application/([\w.-]+\+)?json\s*(;.*)?", re.IGNORECASE)
PLAIN_KEY = 128  # bytes; what is longer stands as its digest
TEXT = 2_048  # characters of an attribute: more than any address or name in use


class EventError(FieldError):
    """What is no CloudEvent 1.0 that could be an interaction."""


def fields_of(event: object) -> dict[str, object]:
    """The fields an interaction is made of, still to be checked by the intake.

    Args:
        event: attributes by name and `data`, as the JSON format has them.

    Returns:
        `source` and `id` as the key, the extension `customerid` (else `subject`) as customer, the last part of `type`
        as kind, `time` as moment; the rest from `data`.

    Raises:
        EventError: naming the attribute.
    """
    if not isinstance(event, Mapping):
        raise EventError("event", "must be an object")
    needed = {name: _attribute(event, name) for name in NEEDED}
    for name, text in needed.items():
        if not text:
            raise EventError(name, "is missing; every CloudEvent has one")
    if needed["specversion"] != "1.0":
        raise EventError("specversion", f"is '{needed['specversion'][:20]}'; only 1.0 is read")
    fields = {name: value for name, value in _data(event).items() if name in FIELDS}
    fields |= {"key": _key(needed["source"], needed["id"]), "kind": _kind(needed["type"])}
    fields["customer_id"] = _attribute(event, "customerid") or _attribute(event, "subject")
    fields["at_ms"] = _attribute(event, "time") or None
    return fields


def _attribute(event: Mapping[str, object], name: str) -> str:
    value = event.get(name)
    if value is not None and not isinstance(value, str):
        raise EventError(name, "must be a text")
    if value and len(value) > TEXT:
        raise EventError(name, f"has {len(value)} characters; at most {TEXT} are allowed")
    return value or ""


def _data(event: Mapping[str, object]) -> Mapping[str, object]:
    kind = _attribute(event, "datacontenttype")
    if "data_base64" in event or (kind and not JSON_TYPE.fullmatch(kind)):
        raise EventError("data", "must be JSON; other content is not read")
    data = event.get("data")
    if data is not None and not isinstance(data, Mapping):
        raise EventError("data", "must be an object")
    return data or {}


def _key(source: str, number: str) -> str:
    """`source id`: a source is a URI reference, which holds no space, so no two pairs share a key."""
    if " " in source:
        raise EventError("source", "holds a space; a URI reference has none")
    key = f"{source} {number}"
    data = key.encode(errors="surrogatepass")
    return key if len(data) <= PLAIN_KEY else hashlib.blake2b(data, digest_size=32).hexdigest()


def _kind(name: str) -> str:
    """`page_view` of `com.example.page_view` and of `com.example.page_view.v2`."""
    *above, last = name.split(".")
    return above[-1] if above and VERSION.fullmatch(last) else last
