"""`nba journal retain`: how long each kind is kept."""

from collections.abc import Sequence
from pathlib import Path

from engine.decide.faults import unknown
from engine.decide.values import duration_ms
from engine.journal.held import held
from engine.journal.rolled import Rolled, day_of

# Rankings and shadows are columns of decisions, and a record is there for the decisions that name it.
TOGETHER = {
    "decisions": ("decisions", "rankings", "shadows", "records"),
    "interactions": ("interactions",),
    "changes": ("changes",),
    "adaptive": ("adaptive",),
}


def retain(journal: Path, keep: Sequence[str], now_ms: int) -> dict[str, int]:
    """Delete the days that are older; returns how many files of each kind went.

    Args:
        journal: the journal's directory.
        keep: KIND=DURATION.
        now_ms: the moment.

    Raises:
        ValueError: for another kind, or what is no duration; then nothing is deleted.
    """
    rolled, befores = Rolled(journal), dict[str, str]()
    for each in keep:
        kind, _, lasts = each.partition("=")
        if kind not in TOGETHER:
            raise ValueError(f"{each}: {unknown('kind', kind, TOGETHER)}")
        befores[kind] = day_of(now_ms - duration_ms(lasts))
    with held(journal):
        return {kind: sum(rolled.forget(part, before) for part in TOGETHER[kind]) for kind, before in befores.items()}
