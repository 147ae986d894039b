"""What every store does."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Protocol

from engine.customer.changes import Change
from engine.customer.checks import Bounds, FieldError
from engine.customer.identity import Link
from engine.customer.record import Consent, Interaction, Record
from engine.decide.keeping import Keeping
from engine.decide.request import Preferences
from engine.store.reservation import Held, Promise


class StoreError(RuntimeError):
    """The store cannot answer now; what was asked may be sent again."""


class StoreFullError(StoreError):
    """There is no room left; nothing was changed."""


class Store(Protocol):
    """Where records live; every implementation passes `tests/contracts/test_store.py`.

    A person is meant by any of their ids.

    Every method may raise StoreError, or RecordError for a record that cannot be read. Where machines share the store,
    a change may have been made all the same, of `put`, `apply`, `link` and `erase` also a part; then all of it is to be
    sent again, which counts nothing twice.
    """

    def load(self, customer_id: str) -> Record | None:
        """The record, or None; one read."""
        ...

    def hold(self, customer_id: str) -> Held:
        """The record, what is reserved of the person's contacts, and a stamp of both, to reserve against."""
        ...

    def reserve(self, held: Held, promise: Promise) -> bool:
        """Take contacts from the caps, if record and reservations are still as held; false, and nothing, if not.

        What is taken is committed by `apply`, outcome by outcome, with the interaction that names the decision; it is
        counted at every moment, and no moment twice.
        """
        ...

    def release(self, customer_id: str, decision_id: str) -> int:
        """Give back what a decision took and has not shown; returns how many contacts."""
        ...

    def put(self, records: Iterable[Record]) -> int:
        """Upsert attributes, consents, time zone and segments, newer ones hold; keeps the history; returns how many."""
        ...

    def apply(self, interactions: Sequence[Interaction], names: int = Bounds.names) -> list[str | FieldError]:
        """Count a batch, each person's part of it in one transaction, and link the ids that are also known as others.

        Args:
            interactions: good ones.
            names: how many distinct ones there may be under one customer's id.

        Returns:
            for each "recorded" or "duplicate"; or why not: no room for its names, or too many ids of one person.
        """
        ...

    def link(self, links: Sequence[Link]) -> Record:
        """Make one person of the ids that links name, durable before the return; all of them or none.

        Args:
            links: one at least; those that are known already change nothing.

        Returns:
            the person's record; its history is as if everything had happened under one id.

        Raises:
            FieldError: when the person would have too many ids.
        """
        ...

    def erase(self, customer_id: str) -> list[str]:
        """Forget a person: record, ids, links, interactions, duplicate marks; durable before the return.

        Nothing under one of their ids is taken any more, by whatever way: `put` passes over it, `apply` answers with an
        ErasedError, and every other way in raises one.

        Returns:
            every id they were known under; none where there is nobody, and then the id alone is erased.
        """
        ...

    def erased(self, customer_id: str) -> bool:
        """Whether an id was erased, and not readmitted since."""
        ...

    def said(self, names: Collection[str]) -> list[tuple[int, Change]]:
        """Changes about some people, by all of their ids, in the order they were taken."""
        ...

    def sweeping(self) -> list[str]:
        """Erased ids whose traces are still to be swept, out of files that are not the store's."""
        ...

    def sweep(self, names: Collection[str]) -> None:
        """Those are done: wipe what the store's own files have left, their ids among it.

        Raises:
            StoreError: when that cannot be done now; to be called again.
        """
        ...

    def readmit(self, customer_id: str) -> bool:
        """Take an id again, as somebody new; false when it was not erased."""
        ...

    def tail(self, after: int, limit: int) -> list[tuple[int, Interaction]]:
        """Interactions in the order they were counted, each with its number; those above `after`, at most `limit`."""
        ...

    def changes(self, after: int, limit: int) -> list[tuple[int, Change]]:
        """Consents, preferences and links in the order they were taken, numbered by themselves; as `tail` otherwise."""
        ...

    def interactions(self, customer_id: str) -> list[Interaction]:
        """Everything one person did or met, in no order; each under the id it came under."""
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

    def set_consent(self, customer_id: str, consent: Consent, *, now: bool = False) -> int:
        """Take one consent, durable before the return; returns the record's revision.

        Args:
            customer_id: whose.
            consent: the statement; of two the newer one holds.
            now: it is made just now, and so newer than all before, whatever clocks they were made by.
        """
        ...

    def set_preferences(self, customer_id: str, preferences: Preferences, at_ms: int) -> int:
        """Take the customer's own rules, as of a moment; durable before the return; returns the record's revision."""
        ...

    def scan(self) -> Iterator[Record]:
        """Every record, by id."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...
