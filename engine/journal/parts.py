"""The journal in parts: a segment each, be it as its worker wrote it or rolled to Parquet, never both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from engine.journal.entries import Entry, known
from engine.journal.frames import entries
from engine.journal.reading import SEGMENTS, stream

log = structlog.get_logger()


@dataclass(frozen=True)
class Part:
    """One segment as it was written; a record stands before the decisions that name it."""

    segment: Path

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


def parts(directory: Path, spilled: Sequence[Path] = ()) -> list[Part]:
    """All there is.

    Args:
        directory: the journal's.
        spilled: directories that it was spilled to.
    """
    return [Part(segment) for place in (directory, *spilled) for segment in sorted(place.glob(SEGMENTS))]
