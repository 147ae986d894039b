"""What a person allows: statements under all of their ids, and which of them hold.

A statement takes the place of an older one when it was said under the same id, or after both ids were known to be one
person. Where none takes the other's place, the stricter holds: merging two records never widens a consent.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from math import inf
from typing import TypeVar

from engine.customer.identity import joined_ms
from engine.customer.record import Consent, Record, Wish
from engine.decide.consents import EVERYTHING
from engine.decide.purposes import lineage

Said = TypeVar("Said", Consent, Wish)


class Statements:
    """Which statements of a record hold.

    Args:
        record: the person's; `consents` are all it has.
    """

    def __init__(self, record: Record) -> None:
        self._record, self.consents = record, record.consents
        self._about: dict[str, list[Consent]] = {}
        for consent in self.consents:
            self._about.setdefault(consent.purpose, []).append(consent)

    @cached_property
    def _joined_ms(self) -> Callable[[tuple[str, str], int], int]:
        return joined_ms(self._record.links).get

    def standing(self, said: Iterable[Said]) -> list[Said]:
        """Those that no other one takes the place of; never none of some."""
        every = list(said)
        return [each for each in every if not any(self._replaces(other, each) for other in every)]

    def told(self) -> list[Consent]:
        """The statements that stand, each purpose and channel by itself."""
        cells = [
            (each, [other for other in self._about[each.purpose] if other.channel == each.channel])
            for each in self.consents
        ]
        return [each for each, said in cells if each in self.standing(said)]

    def holding(self) -> list[Consent]:
        """Of each purpose and channel the statement that holds by itself."""
        cells = sorted({(each.purpose, each.channel) for each in self.consents})
        held = [self._holds(purpose, (channel,)) for purpose, channel in cells]
        return [each for each in held if each is not None]

    def _replaces(self, newer: Said, older: Said) -> bool:
        # Since when two ids are one person is ultrametric, so what replaces a replacement replaces what that replaced.
        return newer.at_ms > older.at_ms and (
            newer.said_as == older.said_as or newer.at_ms > self._joined_ms((newer.said_as, older.said_as), -1)
        )

    def allows(self, purpose: str, channel: str, now_ms: int) -> bool:
        """Whether the person allows a purpose in a channel; no statement means no.

        A withdrawal of `marketing` withdraws `marketing.offers`, and a grant of it grants what is below and not
        withdrawn. What has expired is no statement.
        """
        said = [self._holds(above, ("", channel)) for above in lineage(purpose)]
        held = [consent for consent in said if consent is not None and not _expired(consent, now_ms)]
        return bool(held) and all(consent.granted for consent in held)

    def suppressed(self) -> frozenset[str]:
        """Channels in which the person must not be contacted at all; the empty one stands for all."""
        channels = {consent.channel for consent in self._about.get(EVERYTHING, ())}
        held = {channel: self._holds(EVERYTHING, (channel,)) for channel in channels}
        return frozenset(channel for channel, consent in held.items() if consent is not None and not consent.granted)

    def _holds(self, purpose: str, channels: tuple[str, ...]) -> Consent | None:
        said = [consent for consent in self._about.get(purpose, ()) if consent.channel in channels]
        if len(said) < 2:  # by far the most, and asked for each purpose and channel of a decision
            return said[0] if said else None
        return min(self.standing(said), key=_laxness)


def _laxness(consent: Consent) -> tuple[bool, float]:
    return consent.granted, consent.expires_ms or inf


def _expired(consent: Consent, now_ms: int) -> bool:
    return consent.granted and 0 < consent.expires_ms <= now_ms
