"""A record as a person would want to read it: who, allowed what, how engaged where, journey, last interactions."""

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from engine.customer.as_of import AsOf
from engine.customer.consents import Statements
from engine.customer.identity import kind_of_id
from engine.customer.record import Membership, Record
from engine.customer.said import ZONE
from engine.customer.touchpoints import line, touchpoints
from engine.customer.values import Values, values
from engine.decide.request import Preferences

LAST = 10  # interactions


def show(as_of: AsOf) -> None:
    """Print it."""
    # Ids, kinds and attributes are others' words: "[/b]" in one is text, never markup.
    console, made = Console(highlight=False, markup=False, emoji=False), values(as_of)
    console.print(f"{as_of.record.customer_id}, as of {_day(as_of.now_ms)}", style="bold")
    for told in _attributes(as_of.record):
        console.print(told)
    for title, lines in (
        ("Known as", _known(as_of)),
        ("Allowed", _allowed(as_of)),
        ("Worth", _worth(made)),
        ("Engaged", _engaged(made)),
        ("Journey", _journey(as_of)),
        ("Open", _open(made)),
        ("Segments", _segments(made, as_of)),
    ):
        said = list(lines)
        if said:
            console.print(f"\n{title}", style="bold")
            for each in said:
                console.print(f"  {each}")
    console.print(_last(as_of))


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%d %b %Y %H:%M}"


def _attributes(record: Record) -> Iterator[str]:
    """A line for each source and moment."""
    values = record.attributes | ({ZONE: record.time_zone} if record.time_zone else {})
    said = [(f" ({each.source}, {_day(each.at_ms)})", each.fields) for each in record.origins]
    unsaid = sorted(values.keys() - {name for _, fields in said for name in fields})
    for origin, fields in [("", unsaid), *said]:
        told = ", ".join(f"{name}: {values[name]}" for name in fields if name in values)
        if told:
            yield told + origin


def _known(as_of: AsOf) -> Iterator[str]:
    """Each id, and each merge."""
    links = as_of.record.links
    if links:
        yield ", ".join(f"{name} ({kind_of_id(name)})" for name in as_of.record.ids)
    for each in links:
        yield f"{each.one} is {each.other}, known since {_day(each.at_ms)} ({each.source or 'source not said'})"


def _allowed(as_of: AsOf) -> Iterator[str]:
    statements = Statements(as_of.record)
    standing, holding = statements.told(), statements.holding()
    for consent in sorted(as_of.record.consents, key=lambda each: (each.purpose, each.channel)):
        expired = consent.granted and 0 < consent.expires_ms <= as_of.now_ms
        said = "expired" if expired else "yes" if consent.granted else "no"
        where = f" in {consent.channel}" if consent.channel else ""
        source = f" ({consent.source})" if consent.source else ""
        under = f" as {consent.said_as}" if consent.said_as else ""
        over = "" if consent in holding else "; the stricter holds" if consent in standing else "; said again since"
        yield f"{said}: {consent.purpose}{where}, said {_day(consent.at_ms)}{under}{source}{over}"
    asked = list(_asked(as_of.record.preferences))
    if asked:
        yield f"asked for: {'; '.join(asked)}"


def _asked(rules: Preferences) -> Iterator[str]:
    """What of the customer's own rules is set, in words."""
    if rules.off:
        yield f"nothing about {', '.join(rules.off)}"
    if rules.less:
        yield f"less of {', '.join(sorted(rules.less))}"
    if rules.snoozed_until_ms:
        yield f"nothing until {_day(rules.snoozed_until_ms)}"
    if rules.at_most_a_week is not None:
        yield f"at most {rules.at_most_a_week} messages a week"
    if rules.channel:
        yield f"by {rules.channel}"
    if rules.hours:
        since, until = (f"{minute // 60:02}:{minute % 60:02}" for minute in rules.hours)
        yield f"from {since} to {until}"


def _worth(made: Values) -> Iterator[str]:
    if not made["rfm.frequency_total"]:
        yield "nothing bought yet"
        return
    times, total, each = (made[f"rfm.{name}"] for name in ("frequency_total", "monetary_total", "mean_basket"))
    yield f"{times:.0f} purchases for {total:,.2f}, {each:,.2f} each"
    yield f"the last one {made['rfm.recency_days']:.1f} days ago, the first one {made['rfm.tenure_days']:.0f}"


def _engaged(made: Values) -> Iterator[str]:
    for name, level in sorted(made.items()):
        if name.startswith("engagement.") and isinstance(level, str):
            yield f"{name.removeprefix('engagement.')}: {level} ({made[f'{name}_score']:.2f})"
    rate, unanswered = made["behaviour.response_rate"], made["behaviour.fatigue"]
    yield f"answers {rate:.1%}; {unanswered:.0f} contacts since the last answer"


def _journey(as_of: AsOf) -> Iterator[str]:
    for entered in line(as_of):
        led = ", ".join(f"{each.kind} {each.action_key}".strip() for each in entered.touchpoints)
        yield f"{entered.stage or 'none'} since {_day(entered.since_ms)}" + (f", after {led}" if led else "")


def _open(made: Values) -> Iterator[str]:
    if made["continuity.unanswered"]:
        unanswered, newest = made["continuity.unanswered"], made["continuity.open_action"]
        yield f"{unanswered:.0f} messages not answered, the newest '{newest}'"
    if made["continuity.basket_left"]:
        yield f"a basket left {made['continuity.basket_days']:.1f} days ago"
    for name, action in sorted(made.items()):
        if name.startswith("sequence.") and action:
            yield f"{name.removeprefix('sequence.')}: next is '{action}'"


def _segments(made: Values, as_of: AsOf) -> Iterator[str]:
    """Which, and why."""
    why = {each.name: each.expression.text for each in as_of.derived.segments}
    for name, held in sorted(made.items()):
        if name.startswith("segment.") and held:
            segment = name.removeprefix("segment.")
            yield f"{segment}: {why.get(segment) or _imported(as_of.record.segments[segment])}"


def _imported(held: Membership) -> str:
    until = f", until {_day(held.expires_ms)}" if held.expires_ms else ""
    return f"imported {_day(held.at_ms)}, version {held.version}{until}"


def _last(as_of: AsOf) -> Table:
    table = Table("when", "what", "action", "channel", title="Last interactions", title_justify="left")
    for each in reversed(touchpoints(as_of)[-LAST:]):
        table.add_row(_day(each.at_ms), each.kind, each.action_key, each.channel)
    return table
