"""How much the journal holds, and where; and what became of the entries of those who write now."""

from pathlib import Path

from engine.journal.front import Front
from engine.journal.parts import unrolled
from engine.journal.reading import SEGMENTS, places
from engine.journal.rolled import Rolled
from engine.journal.writer import Counts


def status(directory: Path) -> dict[str, int]:
    """Segments, their bytes, those that wait in memory, spilled ones, files in Parquet; and the writers' counts.

    The counts are of all workers whose segments are not finished, since each started, and a tenth of a second old at
    most: offered = written + waiting + spilled + dropped.
    """
    rolled, segments = Rolled(directory), unrolled(directory)
    spilled = [segment for place in places(directory)[1:] for segment in place.glob(SEGMENTS)]
    fronts = {segment: front for segment in segments if (front := Front.of(segment))}
    waiting = (max(front.end - segment.stat().st_size, 0) for segment, front in fronts.items())
    every = [Counts(*front.counts) for front in fronts.values()]
    return {
        "segments": len(segments),
        "bytes": sum(segment.stat().st_size for segment in segments),
        "waiting_bytes": sum(waiting),
        "spilled_segments": len(spilled),
        "rolled": len(rolled.names()),
        "files": sum(len(rolled.files(name)) for name in rolled.names()),
        **{name: sum(getattr(counts, name) for counts in every) for name in COUNTED},
    }


COUNTED = ("offered", "written", "waiting", "spilled", "dropped")
