"""From plain values to the record: what the collector does with the events of one request."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from engine.customer.checks import FieldError
from engine.customer.intake import Intake
from engine.customer.record import Interaction
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

    def take(
        self, source: str, events: Sequence[object], fields_of: Callable[[object], Mapping[str, object]], now_ms: int
    ) -> list[Outcome]:
        """Count the good events, durable before the return.

        Args:
            source: the way in, for dead letters.
            events: as JSON has them.
            fields_of: an interaction's fields from an event; raises FieldError.
            now_ms: the moment of arrival.

        Raises:
            StoreError, RecordError: then nothing is acknowledged; sent again, what was counted is "duplicate".
        """
        intake = self.intake
        read = [_read(intake, event, fields_of, now_ms) for event in events]
        taken = take(self.store, read, intake.bounds.names)
        for event, result in zip(events, taken, strict=True):
            if isinstance(result, FieldError):
                self.letters.add(source, str(result)[:REASON], json.dumps(event), now_ms)
        return [Outcome("rejected", got) if isinstance(got, FieldError) else Outcome(got) for got in taken]


def _read(
    intake: Intake, event: object, fields_of: Callable[[object], Mapping[str, object]], now_ms: int
) -> Interaction | FieldError:
    try:
        return intake.interaction("", fields_of(event), now_ms)
    except FieldError as error:
        return error
