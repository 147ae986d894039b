"""From plain values to the record: what the collector does with the events of one request."""

import json
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import NamedTuple

from engine.customer.checks import Bounds, FieldError
from engine.customer.intake import Intake
from engine.customer.record import Interaction, Record
from engine.customer.trail import Trail
from engine.journal.deadletters import DeadLetters
from engine.store.protocol import Store
from engine.store.taking import take

REASON = 500  # characters of a reason


class Outcome(NamedTuple):
    """What became of one event: recorded, duplicate, or rejected with its fault."""

    status: str
    fault: FieldError | None = None

    def named(self) -> dict[str, str]:
        """For the reply."""
        return {"status": self.status} | ({"reason": str(self.fault)[:REASON]} if self.fault else {})


class Capture:
    """Checks, counts and, where it cannot, keeps a dead letter.

    Args:
        store: where records live.
        letters: where what cannot be taken is kept.
        intake: what a good interaction is; swapped whole when the bundle changes.
    """

    def __init__(self, store: Store, letters: DeadLetters, intake: Intake) -> None:
        self.store, self.letters, self.intake = store, letters, intake
        self._lock = Lock()

    def take(
        self, source: str, events: Sequence[object], fields_of: Callable[[object], Mapping[str, object]], now_ms: int
    ) -> list[Outcome]:
        """Count the good events in one transaction, durable before the return.

        Args:
            source: the way in, for dead letters.
            events: as JSON has them.
            fields_of: an interaction's fields from an event; raises FieldError.
            now_ms: the moment of arrival.

        Raises:
            StoreError, RecordError: then nothing was counted.
        """
        intake = self.intake
        read = [_read(intake, event, fields_of, now_ms) for event in events]
        # One at a time: between looking at a customer's names and adding one, nobody else of this process adds any.
        with self._lock:
            taken = take(self.store, self._bounded(read, intake.bounds))
        for event, result in zip(events, taken, strict=True):
            if isinstance(result, FieldError):
                self.letters.add(source, str(result)[:REASON], json.dumps(event), now_ms)
        return [Outcome("rejected", got) if isinstance(got, FieldError) else Outcome(got) for got in taken]

    def _bounded(self, read: list[Interaction | FieldError], bounds: Bounds) -> list[Interaction | FieldError]:
        """Those that would give one customer more topics or kinds than allowed, refused."""
        held: dict[str, _Names] = {}
        return [self._within(held, item, bounds) if isinstance(item, Interaction) else item for item in read]

    def _within(self, held: dict[str, "_Names"], item: Interaction, bounds: Bounds) -> Interaction | FieldError:
        if item.customer_id not in held:
            held[item.customer_id] = _names(self.store.load(item.customer_id))
        names = held[item.customer_id]
        if item.group and _full(names.topics, item.group, bounds.topics):
            return FieldError("group", f"the customer has {bounds.topics} topics already; no other one is taken")
        if _full(names.kinds, item.kind, bounds.kinds):
            return FieldError("kind", f"the customer has {bounds.kinds} kinds already; no other one is taken")
        names.topics.add(item.group)
        names.kinds.add(item.kind)
        return item


class _Names(NamedTuple):
    """What one customer's record holds, each once."""

    topics: set[str]
    kinds: set[str]


def _names(record: Record | None) -> _Names:
    trails = [Trail(record.bought), Trail(record.met)] if record else []
    kept = [words for trail in trails for words in trail.every_words()]
    return _Names({group for _, _, group, *_ in kept}, {kind for kind, *_ in kept})


def _full(held: set[str], name: str, most: int) -> bool:
    return name not in held and len(held - {""}) >= most


def _read(
    intake: Intake, event: object, fields_of: Callable[[object], Mapping[str, object]], now_ms: int
) -> Interaction | FieldError:
    try:
        return intake.interaction("", fields_of(event), now_ms)
    except FieldError as error:
        return error
