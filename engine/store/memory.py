"""Records in memory: for tests and trials; passes the same suite as the others."""

from collections.abc import Iterable, Iterator, Sequence

from engine.customer.change import apply_interaction, set_consent, set_preferences
from engine.customer.record import Consent, Interaction, Record
from engine.decide.request import Preferences
from engine.store.merge import upsert


class MemoryStore:
    """One process, nothing on disk."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._keys: set[tuple[str, str]] = set()
        self._outbox: list[Interaction] = []

    def load(self, customer_id: str) -> Record | None:
        """The record, or None."""
        return self._records.get(customer_id)

    def put(self, records: Iterable[Record]) -> int:
        """Upsert."""
        count = 0
        for count, record in enumerate(records, 1):  # noqa: B007  the last count is the answer
            self._records[record.customer_id] = upsert(self.load(record.customer_id), record)
        return count

    def apply(self, interactions: Sequence[Interaction]) -> list[str]:
        """Count a batch."""
        return [self._count(interaction) for interaction in interactions]

    def _count(self, interaction: Interaction) -> str:
        mark = (interaction.customer_id, interaction.key)
        if mark in self._keys:
            return "duplicate"
        self._keys.add(mark)
        self._outbox.append(interaction)
        record = self.load(interaction.customer_id) or Record(interaction.customer_id)
        self._records[interaction.customer_id] = apply_interaction(record, interaction)
        return "recorded"

    def tail(self, after: int, limit: int) -> list[tuple[int, Interaction]]:
        """Interactions above a number, in the order they were counted."""
        return list(enumerate(self._outbox[after : after + limit], after + 1))

    def set_consent(self, customer_id: str, consent: Consent) -> int:
        """Take one consent."""
        record = set_consent(self.load(customer_id) or Record(customer_id), consent)
        self._records[customer_id] = record
        return record.revision

    def set_preferences(self, customer_id: str, preferences: Preferences) -> int:
        """Take the customer's own rules."""
        record = set_preferences(self.load(customer_id) or Record(customer_id), preferences)
        self._records[customer_id] = record
        return record.revision

    def scan(self) -> Iterator[Record]:
        """Every record, by id."""
        return iter([self._records[customer_id] for customer_id in sorted(self._records)])

    def close(self) -> None:
        """Nothing to release."""
