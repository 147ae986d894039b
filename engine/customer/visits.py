"""Visits, as `beacon.js` sends them: one visitor's events, each with its age by the visitor's own clock."""

from collections.abc import Mapping

from engine.customer.checks import FieldError
from engine.customer.identity import VISITOR

SOURCE = "/v1/beacon"
UNSAID = {"also_known_as": "also_known_as, said by a page"}


def is_visit(value: object) -> bool:
    """Whether a JSON value is one: `{"id": VISITOR, "events": [{"id", "kind", "ago_ms", ...}]}`."""
    return isinstance(value, dict) and isinstance(value.get("events"), list)


def events_of(visit: object, now_ms: int) -> list[object]:
    """The plain fields of each event of a visit.

    Args:
        visit: a JSON value.
        now_ms: the moment of arrival; the events' ages count from it, so that a visitor's wrong clock does not matter.

    Raises:
        FieldError: when it is no visit, or the visitor has no random id.
    """
    if not isinstance(visit, Mapping) or not is_visit(visit):
        raise FieldError("visit", "must be an object of 'id' and a list of 'events'")
    visitor = visit.get("id")
    if not isinstance(visitor, str) or not VISITOR.fullmatch(visitor):
        raise FieldError("id", "must be a random UUID in lower case, as the script makes it")
    return [_fields(visitor, event, now_ms) for event in visit["events"]]


def _fields(visitor: str, event: object, now_ms: int) -> object:
    """An event's fields; what is none of an object is left for whoever takes it to refuse."""
    if not isinstance(event, dict):
        return event
    # Under a name that nobody takes, here or from the dead letters: a page could name anybody.
    said = {UNSAID.get(name, name): value for name, value in event.items() if name not in ("id", "ago_ms")}
    number, age = event.get("id"), event.get("ago_ms")
    key = f"{SOURCE} {number}" if isinstance(number, str) and number else None
    if not isinstance(age, int) or isinstance(age, bool) or age < 0:
        return said | {"customer_id": visitor, "key": key, "at_ms": f"{str(age)[:40]} ms ago"}
    return said | {"customer_id": visitor, "key": key, "at_ms": now_ms - age}
