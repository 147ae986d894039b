"""Which segments a person is in: by rule, as of the moment; and by tables that somebody computed, until they expire."""

from collections.abc import Mapping

from engine.customer.as_of import AsOf
from engine.decide.request import Plain, Scalar


def segments(facts: Mapping[str, Scalar], as_of: AsOf) -> dict[str, Plain]:
    """Segment -> whether the person is in it; what is not known leaves them out.

    Args:
        facts: every value and attribute that the rules read.
        as_of: the record with the imported ones, the moment, and the segments there are.
    """
    made: dict[str, Plain] = {
        f"segment.{segment.name}": segment.expression.evaluate(facts, {}, {}).passed
        for segment in as_of.derived.segments
    }
    for name in as_of.derived.imported:
        held = as_of.record.segments.get(name)
        made[f"segment.{name}"] = held is not None and not 0 < held.expires_ms <= as_of.now_ms
    return made
