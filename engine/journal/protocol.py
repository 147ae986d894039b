"""What every journal does."""

from typing import Protocol


class JournalFullError(RuntimeError):
    """The journal cannot keep up and may not lose anything, so the call is refused; nothing was taken."""


class Journal(Protocol):
    """The durable record of decisions and of what they were made with."""

    def offer(self, entry: bytes) -> None:
        """Take one entry; never waits for a disk.

        Raises:
            JournalFullError: when it cannot.
        """
        ...

    def record(self, packed: bytes) -> bytes:
        """The name of a packed customer record, 16 bytes, which stands in the journal from now on.

        Raises:
            JournalFullError: when it cannot be taken.
        """
        ...

    def close(self) -> None:
        """Write what is left."""
        ...
