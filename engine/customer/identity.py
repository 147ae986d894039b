"""Who is who: the ids of a person, the links between them, and since when two ids are known to be one person.

A person is the ids that links join. Links are facts with a time, and what they say together does not depend on the
order in which they arrive: of all links the record keeps the earliest that join its ids, n - 1 for n ids (a minimum
spanning tree). Each of them is one merge, so they are the audit of merges, too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

KINDS = ("email", "device", "cookie")  # what an id's prefix says; without one it is an account
ACCOUNT = "account"
# A visitor as `beacon.js` names it: random, so that nobody who does not know it can write to that record.
VISITOR = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOST_IDS = 32  # of one person: more is a shared device or a faulty loop, and would merge strangers


class Link(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Two ids are one person.

    Args:
        at_ms: since when that is known.
        one, other: the ids, sorted.
        source: who says so.
    """

    at_ms: int
    one: str
    other: str
    source: str = ""


def link(ids: tuple[str, str], at_ms: int, source: str) -> Link:
    """A link of two ids, the same whichever is named first."""
    one, other = sorted(ids)
    return Link(at_ms, one, other, source)


def kind_of_id(customer_id: str) -> str:
    """`email` of `email:9f86d0...`, `device` of `device:...`, `cookie` of `cookie:...` or a visitor, else `account`."""
    if VISITOR.fullmatch(customer_id):
        return "cookie"
    kind, colon, _ = customer_id.partition(":")
    return kind if colon and kind in KINDS else ACCOUNT


def canonical(ids: Iterable[str]) -> str:
    """The id that a person's record stands under: known ones before anonymous ones, then the first by its letters."""
    order = (ACCOUNT, *KINDS)
    return min(ids, key=lambda each: (order.index(kind_of_id(each)), each))


def earliest(links: Iterable[Link]) -> list[Link]:
    """Those links that made the person, in their order: without any of them, some id would have joined later."""
    return [each for each, _, _ in _merges(sorted(set(links)))]


def ids_of(customer_id: str, links: Sequence[Link]) -> list[str]:
    """All ids of a person, sorted; of somebody without links the one."""
    return sorted({customer_id, *(name for each in links for name in (each.one, each.other))})


def joined_ms(links: Sequence[Link]) -> Mapping[tuple[str, str], int]:
    """(id, id) -> since when both are known to be one person; in both directions.

    Args:
        links: those that made the person, in their order.
    """
    since: dict[tuple[str, str], int] = {}
    for each, one, other in _merges(links):
        since |= {pair: each.at_ms for a in one for b in other for pair in ((a, b), (b, a))}
    return since


def _merges(links: Iterable[Link]) -> Iterator[tuple[Link, set[str], set[str]]]:
    """Links that join two groups of ids, and these groups as they were."""
    group_of: dict[str, set[str]] = {}
    for each in links:
        one, other = (group_of.get(name, {name}) for name in (each.one, each.other))
        if one is not other:
            yield each, one, other
            group_of |= dict.fromkeys(one | other, one | other)
