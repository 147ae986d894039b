"""Every store, empty."""

import pytest

from engine.store.lmdb import LmdbStore
from engine.store.memory import MemoryStore
from engine.store.valkey.address import read_address
from engine.store.valkey.store import ValkeyStore
from tests.contracts.valkeys import Cluster, Valkey


@pytest.fixture(scope="session")
def valkey(tmp_path_factory):
    """One server."""
    with Valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """Three servers."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as server:
        yield server


@pytest.fixture(params=["lmdb", "memory", "valkey", "cluster"])
def store(request, tmp_path):
    """Each of them."""
    if request.param == "lmdb":
        made = LmdbStore(tmp_path, 1 << 24)
    elif request.param == "memory":
        made = MemoryStore()
    else:
        server = request.getfixturevalue(request.param)
        server.clear()
        made = ValkeyStore(read_address(server.address))
    yield made
    made.close()
