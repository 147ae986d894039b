"""Which store the state lies in: LMDB in its own directory, unless a file beside it names Valkey servers."""

from pathlib import Path

from engine.store.lmdb import LmdbStore
from engine.store.protocol import Store, StoreError

ADDRESS = "store.url"  # in the state's directory, so that every command finds the same records
LOCAL = "store"


def open_store(state: Path) -> Store:
    """The store of a state.

    Raises:
        StoreError: when it cannot be used.
    """
    file = state / ADDRESS
    if not file.exists():
        return LmdbStore(state / LOCAL)
    return _valkey(file.read_text().strip())


def has_store(state: Path) -> bool:
    """Whether a state has records anywhere: to look must not make any."""
    return (state / ADDRESS).exists() or (state / LOCAL).is_dir()


def keep_in(state: Path, address: str) -> None:
    """From now on the records of a state lie at an address.

    Raises:
        StoreError: when nothing answers there, or the state has records of its own.
    """
    if (state / LOCAL).exists() and not (state / ADDRESS).exists():
        raise StoreError(f"{state / LOCAL} holds records, which would not be found any more; name another --state")
    _valkey(address).close()
    state.mkdir(parents=True, exist_ok=True)
    (state / ADDRESS).write_text(f"{address}\n")


def _valkey(address: str) -> Store:
    try:
        from engine.store.valkey.store import ValkeyStore
    except ModuleNotFoundError as error:
        raise StoreError(f"{address} needs the extra 'valkey': pip install 'nba-engine[valkey]'") from error
    from engine.store.valkey.address import read_address

    return ValkeyStore(read_address(address))
