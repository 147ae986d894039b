"""What the journal holds, kind by kind; `docs/journal.md` says what each field means.

Fields are only ever added, each with a default, so that what was written earlier is read for ever.
"""

from typing import Any

import msgspec

from engine.decide.request import Contact

FORMAT = 2  # of a decision; those of format 1 name no record


class Reserving(msgspec.Struct, frozen=True, array_like=True):
    """What a decision had to do with reservations.

    Args:
        others: contacts promised to other decisions, which were counted beside the record's; None where they were not,
            because it was decided for another moment.
        asks: for each ask, whether what it ranks is reserved; empty when none is.
        until_ms: how long what was taken is reserved; 0 when nothing was.
        refused: why nothing could be, as the reply says it; empty usually.
    """

    others: list[Contact] | None = None
    asks: list[bool] = []
    until_ms: int = 0
    refused: str = ""


class Decision(msgspec.Struct, omit_defaults=True, tag_field="kind", tag="decision"):
    """One decision, and all that deciding it again needs beside its snapshot.

    Args:
        request: the DecideRequest, packed.
        reply: the DecideResponse, packed: the ranking, its selection probabilities, versions, what was skipped.
        now_ms: the moment that it was decided for.
        seed: of the selection.
        format: 1 where what the customer's record was is not known.
        record: the name of the customer's record as it was read; empty when there was none.
        effort: the name of an `Effort`.
        at_ms: when it was decided, by the server's clock; in format 1 not known.
        read: what online models will learn from: title -> title of the model that scored its scope, and its inputs.
        reserving: what reservations did; None where there were none yet.
    """

    request: bytes
    reply: bytes
    now_ms: int
    seed: int
    format: int = 1
    record: bytes = b""
    effort: str = "FULL"
    at_ms: int = 0
    reserving: Reserving | None = None
    read: dict[str, tuple[str, bytes]] = {}

    @property
    def day_ms(self) -> int:
        """The moment under which it is kept: when it was decided, or else for when."""
        return self.at_ms or self.now_ms


class CustomerRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="record"):
    """A customer's packed record under its name."""

    name: bytes
    packed: bytes


class Published(msgspec.Struct, frozen=True, tag_field="kind", tag="adaptive"):
    """A version of what outcomes taught, as it was put in force."""

    version: str
    learned: bytes


class ShadowScores(msgspec.Struct, frozen=True, tag_field="kind", tag="shadow"):
    """What a shadow model says of one decision's candidates."""

    decision_id: str
    model: str
    action_keys: list[str]
    channels: list[str]
    propensity: list[float]


Entry = Decision | CustomerRecord | Published | ShadowScores
_DECODER = msgspec.msgpack.Decoder(Entry)
_ANY = msgspec.msgpack.Decoder(dict[str, Any])
_KINDS = frozenset(kind.__struct_config__.tag for kind in (Decision, CustomerRecord, Published, ShadowScores))
pack = msgspec.msgpack.Encoder().encode


def kind_of(packed: bytes) -> str:
    """The kind of a packed entry, which stands first in it; empty when it says none."""
    length = packed[6] & 31 if packed[1:6] == b"\xa4kind" else 0
    return packed[7 : 7 + length].decode("ascii", "replace")


def known(packed: bytes) -> Entry | None:
    """An entry; None for a kind that this version does not know.

    Raises:
        ValueError: when it is damaged, or a field is missing or of another type.
    """
    return _DECODER.decode(packed) if kind_of(packed) in _KINDS else None


def plain(packed: bytes) -> dict[str, Any]:
    """An entry of any kind as it stands.

    Raises:
        ValueError: when it is none.
    """
    return _ANY.decode(packed)
