"""Who was erased, for a store that several machines share; the key lies beside the list."""

import secrets
from collections.abc import Iterable

from engine.customer.checks import ErasedError
from engine.store.erased import hash_of
from engine.store.valkey.connection import Command, commit
from engine.store.valkey.servers import ALL, Call, Servers

LIST, SWEEPING, KEY, NOBODY = (f"{name}{{{ALL}}}" for name in ("erased", "sweeping", "erased-key", "nobody"))


class Erased:
    """The list, on the servers.

    Args:
        servers: hold it.
    """

    def __init__(self, servers: Servers) -> None:
        self._servers, self._key = servers, b""

    def among(self, names: Iterable[str]) -> set[str]:
        """Those of some ids that were erased and not readmitted."""
        asked = sorted(set(names))
        if not asked or not self._known():
            return set()
        hashes = [hash_of(self._key, name) for name in asked]
        (held,) = self._servers.read([Call(ALL, ("SMISMEMBER", LIST, *hashes))])
        return {name for name, each in zip(asked, held, strict=True) if each}

    def admit(self, *names: str) -> None:
        """Raises ErasedError where one was erased."""
        if self.among(names):
            raise ErasedError("customer_id")

    def add(self, names: Iterable[str]) -> None:
        """Erased from now on; their traces in files are still to be swept."""
        asked = list(names)
        self._write(("SETNX", KEY, secrets.token_bytes(32)))  # of two at once the first holds
        self._known()
        self._write(("SADD", SWEEPING, *asked), ("SADD", LIST, *(hash_of(self._key, name) for name in asked)))

    def remove(self, name: str) -> bool:
        """Readmitted; false when the id was not erased."""
        known = bool(self.among([name]))
        if known:
            self._servers.write([Call(ALL, ("SREM", LIST, hash_of(self._key, name)))])
        return known

    def sweeping(self) -> list[str]:
        """Ids whose traces are still to be swept."""
        (names,) = self._servers.read([Call(ALL, ("SMEMBERS", SWEEPING))])
        return sorted(name.decode() for name in names)

    def swept(self, names: Iterable[str]) -> None:
        """No file names these any more."""
        if asked := list(names):
            self._servers.write([Call(ALL, ("SREM", SWEEPING, *asked))])

    def _write(self, *commands: Command) -> None:
        """All of them, where there is no room, too."""
        self._servers.write([Call(ALL, commit((NOBODY, NOBODY), (b"", b""), commands, "always"))])

    def _known(self) -> bool:
        """Whether there is a list; reads its key once."""
        if not self._key:
            (key,) = self._servers.read([Call(ALL, ("GET", KEY))])
            self._key = key or b""
        return bool(self._key)
