"""Lines of a file of customers: what each says of one, within the bounds of a call."""

from collections.abc import Mapping
from typing import NamedTuple

from engine.customer.checks import Checks, FieldError
from engine.customer.intake import epoch_ms
from engine.customer.record import Consent, Record
from engine.customer.said import stated
from engine.decide.bundle import Bundle
from engine.decide.consents import EVERYTHING
from engine.decide.faults import unknown
from engine.decide.purposes import Declared
from engine.decide.request import Scalar
from engine.decide.values import fits, parse
from engine.serve.files import Line
from engine.serve.limits import Limits
from rules import KINDS

TRUTHS = {"true": True, "false": False, "1": True, "0": False}
OWN = {"customer_id", "time_zone", "updated_at"}  # columns that are no attributes
LIMITS = Limits()
CHECKS = Checks(LIMITS)


class Known(NamedTuple):
    """What a bundle knows of customers.

    Args:
        kinds: attribute -> type.
        channels: names.
        purposes: as declared.
    """

    kinds: Mapping[str, str]
    channels: frozenset[str]
    purposes: Declared


def known_of(bundle: Bundle) -> Known:
    """What a bundle knows, as a helper process can be told it."""
    return Known(bundle.schema.own, frozenset(bundle.channel_of), bundle.declared)


def record_of(line: Line, known: Known | None, said: tuple[str, int], now_ms: int) -> Record:
    """What a line says of a customer.

    Args:
        line: of the file.
        known: what the bundle knows; None takes all as it stands.
        said: source, and as of when where the line does not say it.
        now_ms: the moment of the import.

    Raises:
        ValueError: with the first thing that cannot be taken.
    """
    source, at_ms = said
    if (own_ms := epoch_ms("updated_at", line.cells.get("updated_at"))) is not None:
        at_ms = CHECKS.past("updated_at", own_ms, now_ms)
    columns = [name for name in line.cells if name not in OWN]
    consenting = [name for name in columns if name.startswith("consent:")]
    CHECKS.count("consents", len(consenting), LIMITS.consents)
    CHECKS.count("attributes", len(columns) - len(consenting), LIMITS.attributes)
    consents = [Consent(*_asked(name, known), _truth(name, line.cells[name]), source, at_ms) for name in consenting]
    attributes = {
        name: _attribute(name, line.cells[name], known) for name in columns if not name.startswith("consent:")
    }
    own = line.cells.get("customer_id")  # a number in many tables
    customer_id = CHECKS.id("customer_id", str(own) if type(own) is int else own)
    zone = CHECKS.zone("time_zone", CHECKS.text("time_zone", line.cells.get("time_zone"), empty=True))
    return stated(Record(customer_id, attributes, consents, zone), source, at_ms)


def _asked(column: str, known: Known | None) -> tuple[str, str]:
    """Purpose and channel; one that nobody knows would be a word that never counts, and a "no" must."""
    _, _, rest = column.partition(":")
    purpose, _, channel = rest.partition(":")
    if not purpose:
        raise ValueError(f"'{column}' names no purpose; write consent:PURPOSE or consent:PURPOSE:CHANNEL")
    CHECKS.name("purpose", purpose)
    CHECKS.name("channel", channel, empty=True)
    if known and channel and channel not in known.channels:
        raise FieldError(column, unknown("channel", channel, known.channels))
    if known and purpose != EVERYTHING and known.purposes.missing([purpose]):
        raise FieldError(column, unknown("purpose", purpose, known.purposes.purposes))
    return purpose, channel


def _truth(column: str, value: object) -> bool:
    if str(value).lower() not in TRUTHS:
        raise ValueError(f"'{value!s:.100}' in '{column}' is neither true nor false")
    return TRUTHS[str(value).lower()]


def _attribute(name: str, value: object, known: Known | None) -> Scalar:
    CHECKS.text("attribute", name)
    _bounded(name, value)
    if known is None:
        if not any(fits(kind, value) for kind in KINDS):
            raise ValueError(f"{value!r:.100} in '{name}' is nothing that an attribute can be")
        return value  # type: ignore[return-value]  # as it fits
    if name not in known.kinds:
        raise ValueError(unknown("attribute", name, known.kinds))
    kind = known.kinds[name]
    if isinstance(value, str) and kind != "string":
        return parse(kind, value)
    made = float(value) if kind == "double" and type(value) is int else value
    if not fits(kind, made):
        raise ValueError(f"'{value!s:.100}' in '{name}' is no {kind}")
    return made  # type: ignore[return-value]  # as it fits


def _bounded(name: str, value: object) -> None:
    """Refuse what a call may not send either: every decision reads the whole record."""
    if isinstance(value, str) and len(value) > LIMITS.text:
        raise FieldError(name[:100], f"has {len(value)} characters; at most {LIMITS.text} are allowed")
    if isinstance(value, (list, dict)):
        CHECKS.count(name, len(value), LIMITS.entries)
        for each in (*value, *value.values()) if isinstance(value, dict) else value:
            _bounded(name, each)
