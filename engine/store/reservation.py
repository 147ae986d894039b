"""A reservation: contacts promised to one decision, which caps count until they happen, are given back or run out."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import msgspec

from engine.customer.record import Interaction, Record
from engine.decide.behaviour import PROMISED
from engine.decide.request import Contact


class Promise(NamedTuple):
    """What one decision takes.

    Args:
        decision_id: whose they are.
        contacts: what will be shown, by the names that caps count by; kind and moment are no matter yet.
        lasts_s: seconds after which whatever has not happened is free again.
    """

    decision_id: str
    contacts: Sequence[Contact]
    lasts_s: float


class Held(NamedTuple):
    """What a decision starts from, and has to find again when it reserves.

    Args:
        customer_id: the person's own.
        record: None when there is none.
        packed: the record as stored; empty when there is none.
        reserved: contacts promised to other decisions, of every kind that may still come of them.
        stamp: of the reservations, the store's own.
    """

    customer_id: str
    record: Record | None = None
    packed: bytes = b""
    reserved: tuple[Contact, ...] = ()
    stamp: tuple[bytes, ...] = (b"",)

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id of the person, the canonical one first: what was reserved under another one still counts."""
        return every_id(self.customer_id, self.record)


def every_id(customer_id: str, record: Record | None) -> tuple[str, ...]:
    """Every id of a person, the canonical one first."""
    if record is None or not record.links:
        return (customer_id,)
    return record.customer_id, *(name for name in record.ids if name != record.customer_id)


class Reservation(msgspec.Struct, frozen=True, array_like=True):
    """One promised contact.

    Args:
        kinds: the outcomes that have not happened yet; each is counted until it is.
        until_ms: by the machine's uptime.
    """

    decision_id: str
    contact: Contact
    kinds: tuple[str, ...]
    until_ms: int

    def less(self, marks: Collection[str]) -> "Reservation":
        """The same without outcomes that have happened."""
        kinds = tuple(kind for kind in self.kinds if _mark(self.decision_id, self.contact, kind) not in marks)
        return msgspec.structs.replace(self, kinds=kinds)


def promised(promise: Promise, uptime_ms: int) -> list[Reservation]:
    """A promise as reservations."""
    until_ms = uptime_ms + round(promise.lasts_s * 1000)
    return [Reservation(promise.decision_id, contact, PROMISED, until_ms) for contact in promise.contacts]


def live(reservations: Iterable[Reservation], uptime_ms: int) -> list[Reservation]:
    """Those that have not run out."""
    return [each for each in reservations if each.until_ms > uptime_ms and each.kinds]


def without(reservations: Iterable[Reservation], marks: Iterable[str]) -> list[Reservation]:
    """The reservations without outcomes that have happened: from then on the history counts them."""
    gone = set(marks)
    return [each.less(gone) for each in reservations] if gone else list(reservations)


def marks_of(reservations: Iterable[Reservation], interactions: Iterable[Interaction]) -> list[str]:
    """The marks of reserved outcomes that have now happened."""
    return sorted(set(every_mark(reservations)).intersection(map(mark_of, interactions)))


def every_mark(reservations: Iterable[Reservation]) -> list[str]:
    """The marks of all outcomes that have not happened yet."""
    return [_mark(each.decision_id, each.contact, kind) for each in reservations for kind in each.kinds]


def mark_of(interaction: Interaction) -> str:
    """What names one outcome of one promised contact."""
    return _mark(interaction.decision_id, interaction, interaction.kind)


def _mark(decision_id: str, named: Contact | Interaction, kind: str) -> str:
    return f"{decision_id}\0{named.action_key}\0{named.channel}\0{kind}"


def contacts_of(reservations: Iterable[Reservation]) -> tuple[Contact, ...]:
    """What caps count: one contact for each outcome that has not happened yet."""
    return tuple(each.contact._replace(kind=kind) for each in reservations for kind in each.kinds)


def may_settle(interaction: Interaction) -> bool:
    """Whether an interaction is what some decision promised."""
    return bool(interaction.decision_id) and interaction.kind in PROMISED
