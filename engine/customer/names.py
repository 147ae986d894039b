"""The distinct names under one customer's id: kinds, actions, groups, objectives, channels, placements.

A flood of them is refused before it reaches the record, which could only let go what it knows to make room.
"""

from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from struct import pack, unpack

from engine.customer.checks import FieldError
from engine.customer.record import Interaction
from engine.decide.keeping import Keeping

DIGEST_BYTES = 8  # fewer, and new names that pass for known ones could be looked for
FIELDS = ("kind", "action_key", "group", "objective", "channel", "placement")
_NAMES = attrgetter(*FIELDS)


class Names:
    """The names of one customer and what a batch brings; a store asks inside the transaction in which it counts.

    Args:
        packed: as stored, from `pack`; empty for none.
        most: how many there may be.

    Attributes:
        grown: whether there is anything to store.
    """

    def __init__(self, packed: bytes, most: int) -> None:
        self._held, self._most = set(unpack(f">{len(packed) // DIGEST_BYTES}Q", packed)), most
        self._missed, self.grown = list[Interaction](), False

    def take(self, interaction: Interaction) -> FieldError | None:
        """Take an interaction whose names are known or have room; else say why not."""
        names = _digests(*_NAMES(interaction))
        if not names <= self._held:
            new = names - self._held
            if len(self._held) + len(new) > self._most:
                self.miss(interaction)
                return self._refusal(interaction, new)
            self._held |= new
            self.grown = True
        return None

    def _refusal(self, interaction: Interaction, new: frozenset[int]) -> FieldError:
        field = next(field for field in FIELDS if _digests(getattr(interaction, field)) & new)
        full = f"the customer's record has its fill of names, {len(self._held)} of at most {self._most}"
        return FieldError(field, f"is new, and {full}; known ones are still taken")

    def miss(self, interaction: Interaction) -> None:
        """Take note of one that is not taken."""
        self._missed.append(interaction)

    def missed_ms(self, keeping: Keeping) -> int:
        """The newest moment of what caps count and was not taken; 0 for none."""
        return max((each.at_ms for each in self._missed if keeping.counts(each.kind)), default=0)

    def pack(self) -> bytes:
        """As stored: digests, sorted, so that the order of arrival does not matter."""
        return pack(f">{len(self._held)}Q", *sorted(self._held))


@lru_cache(1 << 16)
def _digests(*names: str) -> frozenset[int]:
    """Of those that are not empty; the same few combinations come again and again."""
    each = (blake2b(name.encode(), digest_size=DIGEST_BYTES) for name in names if name)
    return frozenset(int.from_bytes(digest.digest()) for digest in each)
