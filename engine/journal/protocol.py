"""What every journal does."""

from typing import Protocol


class Journal(Protocol):
    """The durable record of decisions."""

    def offer(self, entry: bytes) -> None:
        """Take one entry; never waits for a disk."""
        ...

    def close(self) -> None:
        """Write what is left."""
        ...
