"""Where a person stands between prospect and lost, as of one moment."""

from collections.abc import Mapping

from engine.decide.derived import Derived
from engine.decide.request import Scalar


def stage(facts: Mapping[str, Scalar], derived: Derived) -> str:
    """The first stage whose condition holds; empty when none does.

    Args:
        facts: every value and attribute that the conditions read.
        derived: the stages, in order.
    """
    held = (each.name for each in derived.stages if each.expression.evaluate(facts, {}, {}).passed)
    return next(held, "")
