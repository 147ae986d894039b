"""What a snapshot is made of, part by part: a part of the same things is taken over, and only what changed is made."""

from collections.abc import Callable, Mapping
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Made: TypeAlias = Mapping[tuple[object, ...], tuple[object, object]]  # mark -> (what it was made of, the part)
NOTHING: Made = {}
PLAIN = (str, bytes, int, float)  # the same when they are equal; anything else when it is the very same object


class Parts:
    """Makes parts, or takes them over from the snapshot before.

    A maker must be pure, and what it makes must never change: two snapshots answer from it at once.

    Args:
        before: what that snapshot's own `Parts` made.
        rest: lets others go first; called after each part that had to be made.

    Attributes:
        rest: likewise.
        made: every part of this snapshot.
    """

    def __init__(self, before: Made = NOTHING, rest: Callable[[], None] = lambda: None) -> None:
        self._before, self.rest = before, rest
        self.made: dict[tuple[object, ...], tuple[object, object]] = {}

    def make(self, maker: Callable[..., T], *of: object) -> T:
        """`maker(*of)`, or what it made of the very same before.

        Raises:
            whatever the maker raises.
        """
        mark = (maker, *(thing if isinstance(thing, PLAIN) else id(thing) for thing in of))
        held = self.made.get(mark) or self._before.get(mark)
        if held is None:
            held = of, maker(*of)  # holds what it was made of: an id is only good while its object lives
            self.rest()
        self.made[mark] = held
        return held[1]  # type: ignore[return-value]  # the maker is part of the mark
