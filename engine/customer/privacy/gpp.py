"""IAB's Global Privacy Platform string: TCF-EU and the United States' sections.

Source: IAB Tech Lab, "Global Privacy Platform string", and the specifications of its sections.
"""

from dataclasses import dataclass

from engine.customer.privacy.bits import MOST_IDS, Bits, DecodeError
from engine.customer.privacy.tcf import Tcf, decode_tcf

HEADER_TYPE, HEADER_VERSION = 3, 1
TCF_EU, USP = 2, 6
OPTED_OUT = 1
GPC_SEGMENT = 1
WITHOUT_GPC = {9, 11, 13, 25, 26, 27}  # a second segment of theirs is about something else
# For each section: how many two-bit fields stand between its version and its opt-outs, and how many opt-outs follow.
SECTIONS = {
    7: (6, 3),  # national: sale, sharing, targeted advertising
    8: (3, 2),  # California: sale, sharing
    **dict.fromkeys((9, 10, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23), (3, 2)),  # sale, targeted advertising
    **dict.fromkeys((11, 18), (4, 2)),  # Utah and Iowa have a notice more
    **dict.fromkeys((24, 25, 26, 27), (5, 2)),  # the multi-state form: two fields of the agreement come first
}


@dataclass(frozen=True)
class Gpp:
    """What one string says.

    Args:
        sections: the ids of all its sections.
        tcf: its European section; None when it has none.
        opted_out: sections of which some opt-out says so.
        gpc: whether a section carries Global Privacy Control.
    """

    sections: tuple[int, ...]
    tcf: Tcf | None
    opted_out: frozenset[int]
    gpc: bool


def decode_gpp(text: str) -> Gpp:
    """Read a string.

    Raises:
        DecodeError: when it is damaged, or holds a section that is not known: what is not read grants nothing.
    """
    header, *parts = text.split("~")
    ids = _ids(header)
    if len(ids) != len(parts):
        raise DecodeError(f"names {len(ids)} sections and holds {len(parts)}")
    sections = dict(zip(ids, parts, strict=True))
    tcf = decode_tcf(sections[TCF_EU]) if TCF_EU in sections else None
    states = {id_: _state(id_, part) for id_, part in sections.items() if id_ != TCF_EU}
    opted_out = frozenset(id_ for id_, (out, _) in states.items() if out)
    return Gpp(tuple(ids), tcf, opted_out, any(gpc for _, gpc in states.values()))


def _ids(header: str) -> list[int]:
    bits = Bits(header)
    if (bits.number(6), bits.number(6)) != (HEADER_TYPE, HEADER_VERSION):
        raise DecodeError("is no string of this platform")
    found: list[int] = []
    last = 0
    for _ in range(bits.number(12)):
        several = bits.truth()
        first = last + bits.fibonacci()
        last = first + bits.fibonacci() if several else first
        if last > MOST_IDS:
            raise DecodeError(f"names section {last}")
        found += range(first, last + 1)
    return found


def _state(id_: int, part: str) -> tuple[bool, bool]:
    """Whether one of the United States' sections opts out, and whether it carries Global Privacy Control."""
    if id_ == USP:
        if len(part) != 4 or part[0] != "1":
            raise DecodeError("holds a damaged US privacy section")
        return part[2].upper() == "Y", False
    if id_ not in SECTIONS:
        raise DecodeError(f"holds section {id_}, which is not known")
    core, *others = part.split(".")
    before, outs = SECTIONS[id_]
    bits = Bits(core)
    bits.number(6 + 2 * before)
    return OPTED_OUT in {bits.number(2) for _ in range(outs)}, id_ not in WITHOUT_GPC and any(map(_gpc, others))


def _gpc(segment: str) -> bool:
    bits = Bits(segment)
    return bits.number(2) == GPC_SEGMENT and bits.truth()
