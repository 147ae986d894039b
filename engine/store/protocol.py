"""What every store does."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from engine.customer.changes import Change
from engine.customer.checks import Bounds, FieldError
from engine.customer.record import Consent, Interaction, Record
from engine.decide.keeping import Keeping
from engine.decide.request import Preferences


class StoreError(RuntimeError):
    """The store cannot answer now; nothing was changed."""


class StoreFullError(StoreError):
    """There is no room left; nothing was changed."""


class Store(Protocol):
    """Where records live; every implementation passes `tests/contracts/test_store.py`.

    Every method may raise StoreError, or RecordError for a record that cannot be read.
    """

    def load(self, customer_id: str) -> Record | None:
        """The record, or None; one read."""
        ...

    def packed(self, customer_id: str) -> bytes | None:
        """The record as `engine.customer.formats` packs it, or None; one read."""
        ...

    def put(self, records: Iterable[Record]) -> int:
        """Upsert attributes, consents and time zone, keeping the history; returns how many."""
        ...

    def apply(self, interactions: Sequence[Interaction], names: int = Bounds.names) -> list[str | FieldError]:
        """Count a batch in one transaction.

        Args:
            interactions: good ones.
            names: how many distinct ones there may be under one customer's id.

        Returns:
            for each "recorded", "duplicate", or why there is no room for its names.
        """
        ...

    def tail(self, after: int, limit: int) -> list[tuple[int, Interaction]]:
        """Interactions in the order they were counted, each with its number; those above `after`, at most `limit`."""
        ...

    def changes(self, after: int, limit: int) -> list[tuple[int, Change]]:
        """Consents, preferences and links in the order they were taken, numbered by themselves; as `tail` otherwise."""
        ...

    def interactions(self, customer_id: str) -> list[Interaction]:
        """Everything one customer did or met, in no order."""
        ...

    def kept(self) -> tuple[Keeping, bool]:
        """How much of histories is kept, and whether every record has it: not while a rebuild is unfinished."""
        ...

    def rebuild(self, keeping: Keeping) -> Iterator[int]:
        """From now on keep so much, and make every record again; yields how many were made, lump by lump.

        Broken off, the next call with the same keeping goes on where it was.
        """
        ...

    def count(self) -> int:
        """How many records there are."""
        ...

    def set_consent(self, customer_id: str, consent: Consent) -> int:
        """Take one consent, durable before the return; returns the record's revision."""
        ...

    def set_preferences(self, customer_id: str, preferences: Preferences) -> int:
        """Take the customer's own rules, durable before the return; returns the record's revision."""
        ...

    def scan(self) -> Iterator[Record]:
        """Every record, by id."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...
