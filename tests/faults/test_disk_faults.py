"""A full disk and failing syncs under a real server: a status that says so, nothing half-written, no restart needed."""

import grpc
import pytest
from nba.v1 import common_pb2, customer_pb2, interaction_pb2

from tests.faults.mount import CAN_MOUNT, disk
from tests.wire.conftest import a_request, bundle, serving  # noqa: F401  the fixture

pytestmark = CAN_MOUNT
REFUSED = {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE}
FAULTS = {"full": "spacious", "broken": "mended"}


def purchases(key, count=1):
    return [
        interaction_pb2.Interaction(key=f"{key}{number}", customer_id="anna", kind="purchase", at_ms=1, amount=2.0)
        for number in range(count)
    ]


def record(server, key):
    return server.interactions.Record(interaction_pb2.RecordRequest(interactions=purchases(key)), timeout=20)


def stream(server, key):
    requests = [interaction_pb2.RecordStreamRequest(interactions=purchases(key))]
    return server.interactions.RecordStream(iter(requests), timeout=20)


def consent(server, key):
    said = common_pb2.Consent(purpose="marketing", granted=True, source=key)
    return server.customers.SetConsent(customer_pb2.SetConsentRequest(customer_id="anna", consent=said), timeout=20)


def prefer(server, key):
    wish = common_pb2.Preferences(at_most_a_week=len(key))
    asked = customer_pb2.SetPreferencesRequest(customer_id="anna", preferences=wish)
    return server.customers.SetPreferences(asked, timeout=20)


def link(server, key):
    return server.customers.Link(
        customer_pb2.LinkRequest(customer_id="anna", also_known_as=[f"device:{key}"], source="test"), timeout=20
    )


OPERATIONS = [record, stream, consent, prefer, link]


def held(server):
    """The record, without what depends on the moment."""
    try:
        found = server.customers.Get(customer_pb2.GetRequest(customer_id="anna"), timeout=20)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.NOT_FOUND:
            raise
        return None
    return found.consents, found.preferences, found.revision, found.behaviour["rfm.frequency_total"]


@pytest.fixture(scope="module")
def shaky(bundle, tmp_path_factory):  # noqa: F811  the fixture
    directory = tmp_path_factory.mktemp("disk")
    mount = directory / "mount"
    with disk(mount, directory / "kept"), serving(bundle, mount / "state") as server:
        yield server, (mount / ".tell").write_text


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_cannot_be_written_is_refused_whole_and_taken_once_when_sent_again(shaky, operation, fault):
    server, tell = shaky
    key = f"{operation.__name__}{fault}"
    before = held(server)
    tell(fault)
    try:
        with pytest.raises(grpc.RpcError) as refused:
            operation(server, key)
        meanwhile = held(server)
    finally:
        tell(FAULTS[fault])
    operation(server, key)
    after = held(server)
    operation(server, key)

    assert refused.value.code() in REFUSED
    assert meanwhile == before
    assert after != before
    if operation in (record, stream):
        assert held(server) == after


@pytest.mark.parametrize("fault", FAULTS)
def test_a_decision_is_given_or_refused_while_the_disk_fails_and_given_afterwards(shaky, fault):
    server, tell = shaky
    tell(fault)
    try:
        _, call = server.decisions.Decide.with_call(a_request(), timeout=20)
    except grpc.RpcError as refused:
        call = refused
    finally:
        tell(FAULTS[fault])

    assert call.code() in {grpc.StatusCode.OK, *REFUSED}
    assert server.decisions.Decide(a_request(), timeout=20).decision_id
