"""How much the journal holds, and where."""

from pathlib import Path

from engine.journal.front import Front
from engine.journal.parts import places, unrolled
from engine.journal.reading import SEGMENTS
from engine.journal.rolled import Rolled


def status(directory: Path) -> dict[str, int]:
    """Segments and their bytes, those still in memory alone, those that were spilled, and files in Parquet."""
    rolled, segments = Rolled(directory), unrolled(directory)
    spilled = [segment for place in places(directory)[1:] for segment in place.glob(SEGMENTS)]
    return {
        "segments": len(segments),
        "bytes": sum(segment.stat().st_size for segment in segments),
        "waiting_bytes": sum(map(_waiting, segments)),
        "spilled_segments": len(spilled),
        "rolled": len(rolled.names()),
        "files": sum(len(rolled.files(name)) for name in rolled.names()),
    }


def _waiting(segment: Path) -> int:
    front = Front.of(segment)
    return max(front.end - segment.stat().st_size, 0) if front else 0
