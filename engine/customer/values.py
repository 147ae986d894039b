"""Every value derived from a record as of one moment: the same function for rules, features, training and people."""

from collections.abc import Callable, Collection, Mapping

from engine.customer.as_of import AsOf
from engine.customer.behaviour import behaviour
from engine.customer.engagement import engagement
from engine.customer.journey import stage
from engine.customer.rfm import apart, rfm
from engine.customer.segments import segments
from engine.customer.threads import continuity, turns
from engine.decide.request import Plain, Scalar

Values = dict[str, Plain]
_FAMILIES: dict[str, Callable[[AsOf], Values]] = {
    "rfm": rfm,
    "rfm.channel": lambda as_of: apart(as_of, "channel"),
    "rfm.group": lambda as_of: apart(as_of, "group"),
    "behaviour": behaviour,
    "engagement": engagement,
    "continuity": continuity,
    "sequence": lambda as_of: {f"sequence.{name}": turn.action for name, turn in turns(as_of).items()},
}
EVERY = frozenset({*_FAMILIES, "journey", "segment"})


def values(as_of: AsOf, wanted: Collection[str] = EVERY, attributes: Mapping[str, Scalar] | None = None) -> Values:
    """What a record says about the time strictly before a moment.

    Args:
        as_of: the record, the moment, and which values there are.
        wanted: the families that somebody reads, with what these need: `Derived.with_needed`.
        attributes: what stages and segments read beside them; the record's own unless said otherwise.

    Returns:
        name -> value, of the names in `engine.decide.derived`; what cannot be known is absent.
    """
    made: Values = {}
    for family, compute in _FAMILIES.items():
        if family in wanted:
            made |= compute(as_of)
    facts: dict[str, Scalar] = {**made, **(as_of.record.attributes if attributes is None else attributes)}
    if "journey" in wanted:
        made["journey.stage"] = facts["journey.stage"] = stage(facts, as_of.derived)
    if "segment" in wanted:
        made |= segments(facts, as_of)
    return made
