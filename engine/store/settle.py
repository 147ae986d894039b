"""A store and a bundle that fit each other: records hold what its caps and values are answered from."""

from engine.decide.keeping import Keeping
from engine.store.protocol import Store, StoreError


def settle(store: Store, needed: Keeping) -> None:
    """Check that records keep what a bundle needs; where nothing has happened yet, they will.

    Raises:
        StoreError: saying what is missing, and how to fill it: a cap over a history that is cut short would leak.
    """
    kept, complete = store.kept()
    if not store.tail(0, 1) and kept != needed:
        for _ in store.rebuild(needed):
            pass
        return
    lacking = kept.lacks(needed)
    if lacking:
        raise StoreError(f"the records do not keep what the bundle needs ({lacking}); run `nba rebuild BUNDLE` first")
    if not complete:
        raise StoreError("a rebuild of the records was broken off; run `nba rebuild BUNDLE` to finish it")
