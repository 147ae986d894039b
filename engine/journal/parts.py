"""The journal in parts: a segment each, be it as its worker wrote it or rolled to Parquet, never both."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
import structlog

from engine.decide.request import Contact
from engine.journal.entries import CustomerRecord, Decision, Entry, Published, known
from engine.journal.frames import entries
from engine.journal.reading import SEGMENTS, stream
from engine.journal.rolled import Rolled

log = structlog.get_logger()


class Part(Protocol):
    """What one segment held; a record stands before the decisions that name it."""

    @property
    def name(self) -> str:
        """Distinct from that of every other, now and later."""
        ...

    def entries(self) -> Iterator[Entry]:
        """Every entry of a kind that this version knows."""
        ...


class SegmentPart(NamedTuple):
    """One segment as its worker wrote it."""

    segment: Path

    @property
    def name(self) -> str:
        """That of its file."""
        return self.segment.stem

    def entries(self) -> Iterator[Entry]:
        """Every entry of a kind that this version knows; one that does not fit its kind is left out, and logged."""
        for _, raw in entries(stream(self.segment), str(self.segment)):
            try:
                entry = known(raw)
            except msgspec.ValidationError as error:
                log.error("an entry of the journal is left out", segment=str(self.segment), fault=str(error))
                continue
            if entry is not None:
                yield entry


class RolledPart(NamedTuple):
    """What was one segment, in Parquet."""

    directory: Path
    name: str

    def entries(self) -> Iterator[Entry]:
        """Every entry that deciding again needs."""
        rolled = Rolled(self.directory)
        for row in rolled.rows(self.name, "records"):
            yield CustomerRecord(row["name"], row["packed"])
        for row in rolled.rows(self.name, "adaptive"):
            yield Published(row["version"], row["learned"])
        for row in rolled.rows(self.name, "decisions"):
            reserved = _CONTACTS.decode(row["reserved"]) if row["reserved"] else None
            yield Decision(
                request=row["request"],
                reply=row["reply"],
                now_ms=row["now_ms"],
                seed=row["seed"],
                format=row["format"],
                record=row["record"] or b"",
                effort=row["effort"],
                at_ms=row["at_ms"] if row["format"] > 1 else 0,
                reserved=reserved,
            )


_CONTACTS = msgspec.msgpack.Decoder(list[Contact])


def parts(directory: Path, spilled: Sequence[Path] = ()) -> list[Part]:
    """All there is.

    Args:
        directory: the journal's.
        spilled: directories that it was spilled to.
    """
    rolled = Rolled(directory)
    return [*map(SegmentPart, unrolled(directory, spilled)), *(RolledPart(directory, name) for name in rolled.names())]


def unrolled(directory: Path, spilled: Sequence[Path] = ()) -> list[Path]:
    """The segments that are in Parquet not yet."""
    rolled = Rolled(directory)
    every = (segment for place in (directory, *spilled) for segment in sorted(place.glob(SEGMENTS)))
    return [segment for segment in every if not rolled.holds(segment.stem)]
