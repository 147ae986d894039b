"""One batch, some of it good: the good is counted, the rest keeps its reason."""

from collections.abc import Sequence

from engine.customer.checks import FieldError
from engine.customer.record import Interaction
from engine.store.protocol import Store


def take(store: Store, read: Sequence[Interaction | FieldError], names: int) -> list[str | FieldError]:
    """Count what could be read.

    Args:
        store: durable before the return.
        read: interactions, or why one cannot be taken.
        names: how many distinct ones there may be under one customer's id.

    Returns:
        for each "recorded" or "duplicate", or the reason: as it was, or why the store does not count it.

    Raises:
        StoreError, RecordError: then nothing is acknowledged; sent again, what was counted is "duplicate".
    """
    good = [item for item in read if isinstance(item, Interaction)]
    statuses = iter(store.apply(good, names) if good else [])
    return [next(statuses) if isinstance(item, Interaction) else item for item in read]
