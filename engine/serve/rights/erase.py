"""`nba customer erase`: out of the store at once, then out of every file of the state."""

from collections.abc import Sequence
from pathlib import Path

from engine.journal.blank import blank, settle
from engine.journal.deadletters import DeadLetters
from engine.journal.forget import forget
from engine.journal.held import held
from engine.journal.rolled import Rolled
from engine.serve.rights.theirs import NAMED, SCORED, Theirs
from engine.store.open import open_store
from engine.store.protocol import Store, StoreError


def erase(state: Path, names: Sequence[str]) -> dict[str, list[str] | int]:
    """Erase people; also what an earlier run that was broken off has left.

    Args:
        state: the server's, which may run.
        names: an id of each.

    Returns:
        every id that was erased, those that had no record, and what was made unreadable: entries, rows, dead letters.

    Raises:
        StoreError, BusyJournalError, OSError: when it cannot be done whole now. Whoever is out of the store stays out;
            the next run goes on.
    """
    if not state.is_dir():  # looking makes nothing
        raise StoreError(f"there is no state in {state}")
    store = open_store(state)
    try:
        unknown = [name for name in names if not store.erase(name)]
        return {**sweep(state, store), "unknown": unknown}
    finally:
        store.close()


def sweep(state: Path, store: Store) -> dict[str, list[str] | int]:
    """Take what is left of the erased out of every file; as `erase`."""
    with held(state / "journal"):
        names = store.sweeping()
        counts = _files(state, names) if names else {}
        store.sweep(names)
    return {"erased": names, **counts}


def _files(state: Path, names: Sequence[str]) -> dict[str, int]:
    segments, rolled, theirs = settle(state / "journal"), Rolled(state / "journal"), Theirs(names)
    entries = sum(blank(segment, theirs.named) for segment in segments)
    rows = forget(rolled, theirs.rows, NAMED)
    entries += sum(blank(segment, theirs.scored) for segment in segments)
    rows += forget(rolled, theirs.rows, SCORED)
    return {"entries": entries, "rows": rows, "letters": DeadLetters(state / "dead_letters").blank(names)}
