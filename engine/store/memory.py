"""Records in memory: for tests and trials; passes the same suite as the others."""

from collections.abc import Iterable, Iterator, Sequence

from engine.customer.change import set_consent, set_preferences
from engine.customer.changes import Change, consents_said
from engine.customer.checks import Bounds, FieldError
from engine.customer.formats import encode
from engine.customer.names import Names
from engine.customer.record import Consent, Interaction, Record
from engine.decide.keeping import USUAL, Keeping
from engine.decide.request import Preferences
from engine.store.merge import now_ms, rebuilt, upsert


class MemoryStore:
    """One process, nothing on disk."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._outbox: list[Interaction] = []
        self._changes: list[Change] = []
        self._happened: dict[str, dict[str, Interaction]] = {}
        self._names: dict[str, bytes] = {}
        self._keeping = USUAL

    def load(self, customer_id: str) -> Record | None:
        """The record, or None."""
        return self._records.get(customer_id)

    def packed(self, customer_id: str) -> bytes | None:
        """The record as bytes, or None."""
        record = self.load(customer_id)
        return None if record is None else encode(record)

    def put(self, records: Iterable[Record]) -> int:
        """Upsert."""
        count = 0
        for count, record in enumerate(records, 1):  # noqa: B007  the last count is the answer
            stored = self.load(record.customer_id)
            self._changes += consents_said(record, stored, now_ms())
            self._records[record.customer_id] = upsert(stored, record)
        return count

    def apply(self, interactions: Sequence[Interaction], names: int = Bounds.names) -> list[str | FieldError]:
        """Count a batch."""
        return [self._count(interaction, names) for interaction in interactions]

    def _count(self, interaction: Interaction, names: int) -> str | FieldError:
        customer_id = interaction.customer_id
        own = self._happened.setdefault(customer_id, {})
        if interaction.key in own:
            return "duplicate"
        held = Names(self._names.get(customer_id, b""), names)
        refused = held.take(interaction)
        self._records[customer_id] = held.counted(self.load(customer_id) or Record(customer_id), self._keeping)
        self._names[customer_id] = held.pack()
        if refused:
            return refused
        own[interaction.key] = interaction
        self._outbox.append(interaction)
        return "recorded"

    def tail(self, after: int, limit: int) -> list[tuple[int, Interaction]]:
        """Interactions above a number, in the order they were counted."""
        return list(enumerate(self._outbox[after : after + limit], after + 1))

    def changes(self, after: int, limit: int) -> list[tuple[int, Change]]:
        """Changes above a number, in the order they were taken."""
        return list(enumerate(self._changes[after : after + limit], after + 1))

    def interactions(self, customer_id: str) -> list[Interaction]:
        """Everything one customer did or met, in no order."""
        return list(self._happened.get(customer_id, {}).values())

    def kept(self) -> tuple[Keeping, bool]:
        """How much of histories is kept, and whether every record has it."""
        return self._keeping, True

    def rebuild(self, keeping: Keeping) -> Iterator[int]:
        """From now on keep so much, and make every record again; yields how many were made, lump by lump."""
        self._keeping = keeping
        for customer_id, record in self._records.items():
            self._records[customer_id] = rebuilt(record, self.interactions(customer_id), keeping)
        yield len(self._records)

    def count(self) -> int:
        """How many records there are."""
        return len(self._records)

    def set_consent(self, customer_id: str, consent: Consent) -> int:
        """Take one consent."""
        record = set_consent(self.load(customer_id) or Record(customer_id), consent)
        self._records[customer_id] = record
        self._changes.append(Change("consent", customer_id, now_ms(), consent))
        return record.revision

    def set_preferences(self, customer_id: str, preferences: Preferences) -> int:
        """Take the customer's own rules."""
        record = set_preferences(self.load(customer_id) or Record(customer_id), preferences)
        self._records[customer_id] = record
        self._changes.append(Change("preferences", customer_id, now_ms(), preferences=preferences))
        return record.revision

    def scan(self) -> Iterator[Record]:
        """Every record, by id."""
        return iter([self._records[customer_id] for customer_id in sorted(self._records)])

    def close(self) -> None:
        """Nothing to release."""
