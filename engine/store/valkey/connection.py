"""One connection to one server, and what its answers mean."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha1
from pathlib import Path
from typing import Any

from redis import exceptions
from redis.backoff import NoBackoff
from redis.connection import Connection as Plain
from redis.connection import SSLConnection
from redis.retry import Retry

from engine.store.protocol import StoreError, StoreFullError
from engine.store.valkey.address import Place

SCRIPTS = {
    name: Path(__file__).with_name(f"{name}.lua").read_text() for name in ("read", "commit", "fetch", "group", "touch")
}
# What makes room, and the numbering of what was counted, must be possible where there is none.
SCRIPTS |= {"commit": "#!lua\n" + SCRIPTS["commit"], "always": "#!lua flags=allow-oom\n" + SCRIPTS["commit"]}
DIGESTS = {name: sha1(text.encode(), usedforsecurity=False).hexdigest() for name, text in SCRIPTS.items()}
# A replica; a cluster's server that holds other slots; one that still loads, or has forgotten the scripts.
ELSEWHERE = ("READONLY", "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "LOADING", "NOSCRIPT")
Command = tuple[str | bytes | int, ...]


class LostError(StoreError):
    """The server cannot be reached, or is not the primary; whether anything was changed is not known."""


class Connection:
    """Sends commands and reads the answers; of one thread.

    Args:
        place: the server.
        options: as `redis.connection` takes them.

    Raises:
        LostError: when there is no connection.
    """

    def __init__(self, place: Place, options: Mapping[str, Any]) -> None:
        kind = SSLConnection if "ssl_cert_reqs" in options else Plain
        self._place = place
        # Without its own retries: sent twice, what was counted would be told to be a duplicate.
        self._wire: Any = kind(host=place.host, port=place.port, protocol=2, retry=Retry(NoBackoff(), 0), **options)
        # With every connection, for a server that was started again has forgotten them.
        self.ask([("SCRIPT", "LOAD", text) for text in SCRIPTS.values()])

    def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The answers, of all commands at once.

        Raises:
            LostError: then the connection is closed, for what came next might belong to what was asked before.
            StoreError: when a command was refused; the others were not.
        """
        try:
            self._wire.send_packed_command(self._wire.pack_commands(commands))
            answers = [self._answer() for _ in commands]
        except (exceptions.RedisError, OSError) as error:
            self.close()
            raise LostError(f"{self._place} cannot be used: {error}; is the server up?") from error
        except BaseException:
            self.close()
            raise
        for answer in answers:
            if isinstance(answer, exceptions.ResponseError):
                raise self._refused(answer) from answer
        return answers

    def _answer(self) -> Any:
        try:
            return self._wire.read_response()
        except exceptions.ResponseError as error:
            return error

    def _refused(self, error: exceptions.ResponseError) -> StoreError:
        words = f"{_CODES.get(type(error), '')} {error}".strip()
        if "OOM" in words:
            return StoreFullError(f"{self._place} is full; raise its maxmemory, or add servers")
        if words.startswith(ELSEWHERE) or "replica" in words:
            self.close()
            return LostError(f"{self._place} is no primary, or not of this: {words}")
        return StoreError(f"{self._place} refuses: {words}")

    def close(self) -> None:
        """Close it."""
        self._wire.disconnect()


# The client library takes these words away, and makes a class of each.
_CODES = {
    exceptions.ReadOnlyError: "READONLY",
    exceptions.MovedError: "MOVED",
    exceptions.AskError: "ASK",
    exceptions.TryAgainError: "TRYAGAIN",
    exceptions.ClusterDownError: "CLUSTERDOWN",
    exceptions.MasterDownError: "MASTERDOWN",
    exceptions.NoScriptError: "NOSCRIPT",
    exceptions.OutOfMemoryError: "OOM",
}


def script(name: str, keys: Sequence[str], *arguments: str | bytes | int) -> Command:
    """The call of a script."""
    return ("EVALSHA", DIGESTS[name], len(keys), *keys, *arguments)


def commit(keys: Sequence[str], tokens: Sequence[bytes], commands: Iterable[Command], name: str = "commit") -> Command:
    """The call of the script that compares tokens and then changes.

    Args:
        keys: of the two hashes with the tokens; the commands' are in the same slot.
        tokens: as they were read.
        commands: what changes.
        name: of the script: "always" where there is no room, too.
    """
    said = (each for command in commands for each in (len(command), *command))
    return script(name, keys, *tokens, *said)
