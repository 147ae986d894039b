"""Around a decision that reserves: hold what it starts from, decide, take; and again where that changed meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from engine.decide.pipeline import Evaluation
from engine.decide.promises import proposed
from engine.decide.request import Contact
from engine.store.protocol import Store
from engine.store.reservation import Held, Promise

TRIES = 64  # each in vain means that somebody else took a contact, or that the record changed
USUAL_S = 600
CONTENDED = f"reserving: the customer changed {TRIES} times meanwhile; nothing is ranked where it would be reserved"
NOBODY = Held("")


class Asking(NamedTuple):
    """One decision that may reserve.

    Args:
        customer_id: empty for somebody known by inline facts alone.
        decision_id: whose the contacts will be.
        lasts_s: how long; 0 means as usual.
        decide: from what is held; asked again after a change.
        awaited: whether the caller still waits.
    """

    customer_id: str
    decision_id: str
    lasts_s: int
    decide: Callable[[Held], Evaluation]
    awaited: Callable[[], bool]

    @property
    def seconds(self) -> int:
        """How long what is taken lasts."""
        return self.lasts_s or USUAL_S


class Taken(NamedTuple):
    """What came of it.

    Args:
        evaluation: the decision.
        held: what it started from.
        contacts: what is reserved for it.
        refused: why a reserving channel stays silent; empty usually.
    """

    evaluation: Evaluation
    held: Held
    contacts: tuple[Contact, ...] = ()
    refused: str = ""


def reserved(store: Store, asking: Asking) -> Taken:
    """Decide, and take what is ranked in reserving channels from the caps, in one step.

    Raises:
        StoreError, RecordError: then nothing is taken.
    """
    for _ in range(TRIES):
        held = store.hold(asking.customer_id) if asking.customer_id else NOBODY
        evaluation = asking.decide(held)
        contacts = _proposed(evaluation)
        if not contacts or not asking.awaited():
            return Taken(evaluation, held)
        if store.reserve(held, Promise(asking.decision_id, contacts, asking.seconds)):
            return Taken(evaluation, held, contacts)
    return Taken(silent(evaluation), held, refused=CONTENDED)


@contextmanager
def kept(store: Store, asking: Asking, taken: Taken) -> Iterator[None]:
    """Write the answer inside; when that fails, or nobody waits for it any more, what was taken is given back."""
    answered = False
    try:
        yield
        answered = not taken.contacts or asking.awaited()
    finally:
        if taken.contacts and not answered:
            store.release(taken.held.customer_id, asking.decision_id)


def _proposed(evaluation: Evaluation) -> tuple[Contact, ...]:
    """The contacts that reserving asks would take."""
    catalogue, rows = evaluation.snapshot.catalogue, evaluation.candidates
    contacts: list[Contact] = []
    for ask, ranking in zip(evaluation.moment.request.asks, evaluation.rankings, strict=True):
        if ask.reserve:
            contacts += [proposed(catalogue, row, ask) for row in rows[ranking].tolist()]
    return tuple(contacts)


def silent(evaluation: Evaluation) -> Evaluation:
    """The same without what would have to be reserved: refusing too much is safe, and one too many is not."""
    asks = evaluation.moment.request.asks
    return replace(
        evaluation,
        rankings=tuple(r[:0] if ask.reserve else r for ask, r in zip(asks, evaluation.rankings, strict=True)),
        chances=tuple(c[:0] if ask.reserve else c for ask, c in zip(asks, evaluation.chances, strict=True)),
    )
