"""What a decision must know of a customer: nothing else is decoded, and nothing else computed."""

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from engine.decide.derived import USUALLY, Derived
from engine.decide.purposes import UNDECLARED, Declared


@dataclass(frozen=True)
class Needs:
    """What one decision needs.

    Args:
        consents: the (purpose, channel) pairs that it may ask about.
        declared: the bundle's purposes, by which signals from outside are read.
        dealings: the kinds of key by which some model reads the history.
        derived: the values there are.
        families: those of them that some condition or model reads, with what these need.
    """

    consents: AbstractSet[tuple[str, str]]
    declared: Declared = UNDECLARED
    dealings: Collection[str] = ()
    derived: Derived = USUALLY
    families: Collection[str] = ()
