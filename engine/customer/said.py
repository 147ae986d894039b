"""What is said of a person: attributes, consents, rules, segments, links. The order of arrival never matters.

Each part is a register that keeps the newest statement, of equal ones the same whichever came first; the consents and
rules of each id stand apart. So `join` is associative, commutative and idempotent, and a record is a function of the
set of statements. Only the revision counts how often the record changed here.
"""

from collections.abc import Callable, Iterable, Mapping
from math import inf
from operator import itemgetter
from typing import Any, TypeVar

import msgspec

from engine.customer.consents import Statements
from engine.customer.identity import Link, canonical, earliest
from engine.customer.record import Consent, Membership, Origin, Record, Wish
from engine.decide.request import NONE, Preferences, Scalar

ZONE = "time_zone"  # stands among the attributes, under the name that imports keep for it
T = TypeVar("T")
Place = tuple[str, ...]
Weight = tuple[Any, ...]  # compared, and nothing else
Field = tuple[int, str, Scalar]  # as of when, from where, what
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")


def stated(record: Record, source: str, at_ms: int) -> Record:
    """The record with where its attributes and time zone come from, and as of when."""
    fields = sorted({*record.attributes, *([ZONE] if record.time_zone else [])})
    return msgspec.structs.replace(record, origins=[Origin(at_ms, source, fields)] if fields else [])


def said_last(record: Record, consent: Consent) -> Consent:
    """A statement that is made just now: later than every other of its purpose and every link, whatever clocks said.

    Withdrawn where one clock is an hour behind, a consent that was given by another one would stand for that hour.
    """
    said_ms = [each.at_ms for each in record.consents if each.purpose == consent.purpose]
    newest_ms = max([*said_ms, *(each.at_ms for each in record.links)], default=0)
    return msgspec.structs.replace(consent, at_ms=max(consent.at_ms, newest_ms + 1))


def set_consent(record: Record, consent: Consent) -> Record:
    """Take one statement: the newer one holds, of two at the same moment the stricter."""
    return join(record, Record(record.customer_id, consents=[consent]))


def upsert(record: Record, new: Record) -> Record:
    """The record with what a new one says, under whichever of the person's ids."""
    return join(record, _under(new) if record.links else new)


def linked(one: Record, other: Record, link: Link) -> Record:
    """What is said of one person, of whom two records are; the history is the first one's.

    Args:
        one, other: may be the same.
        link: of an id of one and an id of the other.
    """
    joined = join(join(_under(one), _under(other)), Record("", links=[link]))
    return msgspec.structs.replace(joined, customer_id=canonical(joined.ids))


def _under(record: Record) -> Record:
    """With the id that everything was said under, which goes without saying while there is only one."""
    if record.links:
        return record
    name = record.customer_id
    consents = [msgspec.structs.replace(consent, said_as=name) for consent in record.consents]
    wishes = [msgspec.structs.replace(wish, said_as=name) for wish in record.wishes]
    return msgspec.structs.replace(record, consents=consents, wishes=wishes)


def join(one: Record, other: Record) -> Record:
    """What two records say together; the id and the history are the first one's."""
    links = earliest([*one.links, *other.links]) if other.links else one.links
    consents = _newest(one.consents, other.consents, _cell, _weight)
    wishes = _newest(one.wishes, other.wishes, lambda wish: (wish.said_as,), _recency)
    attributes, time_zone, origins = _fields(one, other)
    changed = (links, consents, wishes) != (one.links, one.consents, one.wishes)
    made = msgspec.structs.replace(
        one,
        attributes=attributes, time_zone=time_zone, origins=origins, consents=consents, wishes=wishes, links=links,
        segments=_memberships(one.segments, other.segments),
        missed_ms=max(one.missed_ms, other.missed_ms),
        revision=max(one.revision, other.revision) + changed,
    )  # fmt: skip
    return msgspec.structs.replace(made, preferences=_strictest(made)) if changed else made


def _newest(one: list[T], other: list[T], cell: Callable[[T], Place], weight: Callable[[T], Weight]) -> list[T]:
    """Of each cell the heaviest statement, sorted by cell."""
    if not other:
        return one
    held: dict[Place, T] = {}
    for each in (*one, *other):
        place = cell(each)
        held[place] = max(held.get(place, each), each, key=weight)
    return sorted(held.values(), key=cell)


def _cell(consent: Consent) -> Place:
    return consent.purpose, consent.channel, consent.said_as


def _weight(consent: Consent) -> tuple[int, bool, float, str, str]:
    return consent.at_ms, not consent.granted, -(consent.expires_ms or inf), consent.source, consent.basis


def _recency(wish: Wish) -> tuple[int, bytes]:
    return wish.at_ms, _ENCODER.encode(wish.rules)


def _fields(one: Record, other: Record) -> tuple[dict[str, Scalar], str, list[Origin]]:
    """Attributes, time zone and their origins."""
    if not (other.attributes or other.time_zone):
        return one.attributes, one.time_zone, one.origins
    if not (one.attributes or one.time_zone):
        return other.attributes, other.time_zone, other.origins
    held = _stated(one)
    for name, field in _stated(other).items():
        held[name] = _newer(held.get(name, field), field)
    origins: dict[tuple[int, str], list[str]] = {}
    for name in sorted(held):
        origins.setdefault(held[name][:2], []).append(name)
    zone = held.pop(ZONE, (0, "", ""))[2]
    values = {name: value for name, (_, _, value) in held.items()}
    return values, str(zone), [Origin(*whence, fields) for whence, fields in sorted(origins.items())]


def _stated(record: Record) -> dict[str, Field]:
    """Of each field what is known of it; of one whose origin is not known, that it is older than any."""
    whence = {name: (origin.at_ms, origin.source) for origin in record.origins for name in origin.fields}
    values: Mapping[str, Scalar] = record.attributes | ({ZONE: record.time_zone} if record.time_zone else {})
    return {name: (*whence.get(name, (0, "")), value) for name, value in values.items()}


def _newer(one: Field, other: Field) -> Field:
    if one[:2] != other[:2]:
        return max(one, other, key=itemgetter(0, 1))
    return max(one, other, key=lambda field: _ENCODER.encode(field[2]))  # values of different types do not compare


def _memberships(one: Mapping[str, Membership], other: Mapping[str, Membership]) -> dict[str, Membership]:
    newer = {name: max(one.get(name, each), each, key=_version) for name, each in other.items()}
    return {**one, **newer}


def _version(held: Membership) -> tuple[int, str, int]:
    return held.at_ms, held.version, held.expires_ms


def _strictest(record: Record) -> Preferences:
    """The rules that hold; of several the stricter in each point, but of hours and favourites the newest."""
    standing = sorted(Statements(record).standing(record.wishes), key=_recency)
    if len(standing) < 2:
        return standing[0].rules if standing else NONE
    every = [wish.rules for wish in standing]
    return Preferences(
        off=tuple(sorted({topic for rules in every for topic in rules.off})),
        less=_latest(rules.less for rules in every),
        snoozed_until_ms=max(rules.snoozed_until_ms for rules in every),
        at_most_a_week=min((rules.at_most_a_week for rules in every if rules.at_most_a_week is not None), default=None),
        channel=next((rules.channel for rules in reversed(every) if rules.channel), ""),
        hours=next((rules.hours for rules in reversed(every) if rules.hours), None),
    )


def _latest(every: Iterable[Mapping[str, int]]) -> dict[str, int]:
    said: dict[str, int] = {}
    for less in every:
        said |= {topic: max(at_ms, said.get(topic, at_ms)) for topic, at_ms in less.items()}
    return said
