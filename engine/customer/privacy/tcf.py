"""IAB Europe's Transparency and Consent String, version 2 (policy 2.3).

Source: IAB Tech Lab, "Consent string and vendor list formats v2", and "TCF v2.3": from 2026-02-28 on, the segment of
disclosed vendors is mandatory.
"""

from dataclasses import dataclass

from engine.customer.privacy.bits import Bits, DecodeError

DISCLOSED, ALLOWED, PUBLISHER = 1, 2, 3
MANDATORY_FROM_MS = 1_772_236_800_000  # 2026-02-28
NOT_ALLOWED, REQUIRE_CONSENT, REQUIRE_INTEREST = 0, 1, 2


@dataclass(frozen=True)
class Tcf:
    """What one string says.

    Args:
        created_ms: epoch milliseconds.
        purposes, interests: purposes with consent, and with legitimate interest.
        vendors: those with consent.
        disclosed: vendors that were shown; None when the string has no such segment.
        restricted: (purpose, restriction) -> vendors.
    """

    created_ms: int
    purposes: frozenset[int]
    interests: frozenset[int]
    vendors: frozenset[int]
    vendors_of_interest: frozenset[int]
    disclosed: frozenset[int] | None
    restricted: dict[tuple[int, int], frozenset[int]]

    def allows(self, purposes: tuple[int, ...], vendor: int) -> bool:
        """Whether a vendor has consent for all of some purposes; 0 asks about no vendor."""
        if not set(purposes) <= self.purposes:
            return False
        if not vendor:
            return self._complete
        closed = (NOT_ALLOWED, REQUIRE_INTEREST)
        restricted = any(vendor in self.restricted.get((p, kind), ()) for p in purposes for kind in closed)
        shown = self.disclosed is None or vendor in self.disclosed
        return self._complete and shown and vendor in self.vendors and not restricted

    @property
    def _complete(self) -> bool:
        return self.disclosed is not None or self.created_ms < MANDATORY_FROM_MS


def decode_tcf(text: str) -> Tcf:
    """Read a string.

    Raises:
        DecodeError: when it is none of version 2, or damaged.
    """
    core, *others = text.split(".")
    bits = Bits(core)
    version = bits.number(6)
    if version != 2:
        raise DecodeError(f"is of version {version}; version 2 is read")
    created_ms = bits.number(36) * 100
    bits.number(36 + 12 + 12 + 6 + 12 + 12 + 6 + 1 + 1)  # updated, CMP, its version, screen, language, lists, flags
    bits.number(12)  # special features
    purposes, interests = bits.truths(24), bits.truths(24)
    bits.number(1 + 12)  # one treatment, the publisher's country
    vendors, of_interest = _vendors(bits), _vendors(bits)
    restricted = _restrictions(bits)
    return Tcf(created_ms, purposes, interests, vendors, of_interest, _disclosed(others), restricted)


def _vendors(bits: Bits) -> frozenset[int]:
    highest = bits.number(16)
    return bits.ranges(16) if bits.truth() else bits.truths(highest)


def _restrictions(bits: Bits) -> dict[tuple[int, int], frozenset[int]]:
    found: dict[tuple[int, int], frozenset[int]] = {}
    for _ in range(bits.number(12)):
        place = bits.number(6), bits.number(2)
        found[place] = found.get(place, frozenset()) | bits.ranges(16)
    return found


def _disclosed(segments: list[str]) -> frozenset[int] | None:
    for segment in segments:
        bits = Bits(segment)
        if bits.number(3) == DISCLOSED:
            return _vendors(bits)
    return None
