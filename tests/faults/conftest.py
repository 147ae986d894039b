"""Fleets for the races."""

import itertools

import pytest

from tests.faults.fleet import Fleet

CUSTOMERS = [f"customer {number}" for number in range(1_000)]
SKEWED = (0, 1, -1, 0.5)  # hours that the servers' clocks are off, where libfaketime is installed


@pytest.fixture(scope="session")
def fleet(tmp_path_factory):
    """Of the default store, with clocks that differ."""
    with Fleet("lmdb", tmp_path_factory.mktemp("fleet"), CUSTOMERS, SKEWED) as servers:
        yield servers


@pytest.fixture(scope="session")
def scaled_out(tmp_path_factory):
    """The same with a Valkey server."""
    with Fleet("valkey", tmp_path_factory.mktemp("scaled out"), CUSTOMERS, SKEWED) as servers:
        yield servers


@pytest.fixture(scope="session")
def fresh():
    """Customers that nobody has met."""
    return iter(CUSTOMERS[200:])


@pytest.fixture
def broken(request, tmp_path):
    """A fleet of something broken on purpose."""
    with Fleet(request.param, tmp_path, CUSTOMERS) as servers:
        yield servers


@pytest.fixture
def some(fresh):
    """So many customers that nobody has met."""
    return lambda count: list(itertools.islice(fresh, count))
