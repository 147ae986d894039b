"""The journal in parts: a segment each, be it as its worker wrote it or rolled to Parquet, never both."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import structlog

from engine.journal.entries import CustomerRecord, Decision, Entry, Published, Reserving, kind_of, known
from engine.journal.frames import entries
from engine.journal.reading import SEGMENTS, places, stream
from engine.journal.rolled import Rolled

log = structlog.get_logger()


class Part(Protocol):
    """What one segment held; a record stands before the decisions that name it."""

    @property
    def name(self) -> str:
        """Distinct from that of every other, now and later."""
        ...

    @property
    def size(self) -> int:
        """Bytes, about."""
        ...

    def entries(self, *kinds: str) -> Iterator[Entry]:
        """Every entry of some kinds, of those that this version knows; of all of them where none is named."""
        ...

    def decision(self, decision_id: str) -> Decision | None:
        """One decision; None when it is not here."""
        ...


class SegmentPart(NamedTuple):
    """One segment as its worker wrote it."""

    segment: Path

    @property
    def name(self) -> str:
        """That of its file."""
        return self.segment.stem

    @property
    def size(self) -> int:
        """Of the file."""
        return self.segment.stat().st_size

    def entries(self, *kinds: str) -> Iterator[Entry]:
        """As said; one that does not fit its kind is left out, and logged."""
        for _, packed in entries(stream(self.segment), str(self.segment)):
            if kinds and kind_of(packed) not in kinds:
                continue
            try:
                entry = known(packed)
            except ValueError as error:
                log.error("an entry of the journal is left out", segment=str(self.segment), fault=str(error))
                continue
            if entry is not None:
                yield entry

    def decision(self, decision_id: str) -> Decision | None:
        """As said."""
        name = decision_id.encode()
        every = (entry for entry in self.entries("decision") if isinstance(entry, Decision))
        return next((entry for entry in every if name in entry.reply), None)


class RolledPart(NamedTuple):
    """What was one segment, in Parquet."""

    directory: Path
    name: str

    @property
    def size(self) -> int:
        """Of the decisions."""
        rolled = Rolled(self.directory)
        every = (rolled.directory / file for file in rolled.files(self.name) if file.startswith("decisions/"))
        return sum(file.stat().st_size for file in every)

    def entries(self, *kinds: str) -> Iterator[Entry]:
        """As said, but for the scores of shadows, which nothing needs in this form."""
        rolled = Rolled(self.directory)
        for kind, (of_kind, entry) in _ENTRY_OF.items():
            if not kinds or kind in kinds:
                yield from map(entry, rolled.rows(self.name, of_kind))

    def decision(self, decision_id: str) -> Decision | None:
        """As said."""
        found = Rolled(self.directory).where(self.name, "decisions", "decision_id", decision_id)
        return _decision(found[0]) if found else None


def _decision(row: dict[str, Any]) -> Decision:
    given = {name: row[name] for name in ("request", "reply", "now_ms", "seed", "format", "effort")}
    reserving = _RESERVING.decode(row["reserving"]) if row.get("reserving") else None
    at_ms = row["at_ms"] if row["format"] > 1 else 0
    read = _READ.decode(row["read"] or b"\x80")
    return Decision(**given, record=row["record"] or b"", at_ms=at_ms, reserving=reserving, read=read)


_ENTRY_OF: dict[str, tuple[str, Callable[[dict[str, Any]], Entry]]] = {
    "record": ("records", lambda row: CustomerRecord(row["name"], row["packed"])),
    "adaptive": ("adaptive", lambda row: Published(row["version"], row["learned"])),
    "decision": ("decisions", _decision),
}
_READ = msgspec.msgpack.Decoder(dict[str, tuple[str, bytes]])
_RESERVING = msgspec.msgpack.Decoder(Reserving)


def parts(directory: Path) -> list[Part]:
    """All there is of the journal in a directory, and where it was spilled to."""
    rolled = Rolled(directory)
    return [*map(SegmentPart, unrolled(directory)), *(RolledPart(directory, name) for name in rolled.names())]


def unrolled(directory: Path) -> list[Path]:
    """The segments that are in Parquet not yet."""
    rolled = Rolled(directory)
    every = (segment for place in places(directory) for segment in sorted(place.glob(SEGMENTS)))
    return [segment for segment in every if not rolled.holds(segment.stem)]
