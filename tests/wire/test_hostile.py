"""Whatever is sent, the answer is a decision or INVALID_ARGUMENT with the field's path."""

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nba.v1 import common_pb2, customer_pb2, decision_pb2, interaction_pb2

from tests.wire.conftest import a_request

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NAN, INFINITE = float("nan"), float("inf")
YEAR_1_MS = -62_135_596_800_000
INT64 = 2**63 - 1


def value(**kind):
    return common_pb2.Value(**kind)


def inline(**fields):
    good = {"action_key": "new", "group": "g", "objective": "o", "purposes": ["service"], "value": 1.0}
    return decision_pb2.InlineCandidate(**{**good, **fields})


def customer(**fields):
    return decision_pb2.Customer(id="anna", **fields)


def ask(**fields):
    return decision_pb2.ChannelRequest(**{"channel": "email", **fields})


def consent(**fields):
    return common_pb2.Consent(**{"purpose": "marketing", "channel": "email", **fields})


def violation(error):
    detail = rpc_status.from_call(error).details[0]
    bad = error_details_pb2.BadRequest()
    assert detail.Unpack(bad)
    return bad.field_violations[0]


def failure(call, message):
    try:
        call(message, timeout=20)
    except grpc.RpcError as error:
        return error
    return None


def refusal(call, message):
    with pytest.raises(grpc.RpcError) as caught:
        call(message, timeout=20)
    assert caught.value.code() is INVALID, caught.value.details()
    assert len(caught.value.details()) <= 1_000
    return violation(caught.value)


NAMES = {
    "empty": ({"customer": decision_pb2.Customer()}, "customer"),
    "no channel": ({"channels": []}, "channels"),
    "unknown channel": ({"channels": [ask(channel="emial")]}, "channels[0].channel"),
    "empty channel": ({"channels": [ask(channel="")]}, "channels[0].channel"),
    "the same channel twice": ({"channels": [ask(), ask()]}, "channels[1]"),
    "too many channels": ({"channels": [ask()] * 33}, "channels"),
    "unknown placement": ({"channels": [ask(placement="moon")]}, "channels[0].placement"),
    "a limit without end": ({"channels": [ask(limit=2**32 - 1)]}, "channels[0].limit"),
    "unknown action": ({"action_keys": ["nope"]}, "action_keys[0]"),
    "empty action": ({"action_keys": ["card", ""]}, "action_keys[1]"),
    "100,001 candidates": ({"action_keys": ["card"] * 100_001}, "action_keys"),
    "100,001 inline candidates": ({"inline_candidates": [inline()] * 100_001}, "inline_candidates"),
    "an inline candidate without a key": ({"inline_candidates": [inline(action_key="")]}, "[0].action_key"),
    "an inline candidate of a catalogue key": ({"inline_candidates": [inline(action_key="card")]}, "[0].action_key"),
    "an inline candidate without a purpose": ({"inline_candidates": [inline(purposes=[])]}, "[0].purposes"),
    "too many purposes": ({"inline_candidates": [inline(purposes=["p"] * 33)]}, "[0].purposes"),
    "a value that is no number": ({"inline_candidates": [inline(value=NAN)]}, "[0].value"),
    "an infinite value": ({"inline_candidates": [inline(value=-INFINITE)]}, "[0].value"),
    "an infinite margin": (
        {"inline_candidates": [inline(attributes={"margin": value(double_value=INFINITE)})]},
        "attributes['margin']",
    ),
    "a level below nought": (
        {"inline_candidates": [inline(attributes={"level": value(int_value=-1)})]},
        "attributes['level']",
    ),
    "unknown attribute": ({"customer": customer(attributes={"agee": value(int_value=3)})}, "attributes['agee']"),
    "NaN": ({"customer": customer(attributes={"spent": value(double_value=NAN)})}, "attributes['spent']"),
    "a text for a number": ({"customer": customer(attributes={"age": value(string_value="3")})}, "attributes['age']"),
    "a double for a whole number": ({"customer": customer(attributes={"age": value(double_value=3)})}, "['age']"),
    "a number for a truth": ({"customer": customer(attributes={"member": value(int_value=1)})}, "['member']"),
    "a text for a list": ({"customer": customer(attributes={"tags": value(string_value="a")})}, "['tags']"),
    "a list of mixed kinds": (
        {"customer": customer(attributes={"tags": value(list_value={"values": [value(int_value=1)]})})},
        "['tags']",
    ),
    "a list without end": (
        {"customer": customer(attributes={"tags": value(list_value={"values": [value(string_value="a")] * 257})})},
        "['tags']",
    ),
    "a wrong context": ({"context": {"device": value(bool_value=True)}}, "context['device']"),
    "a 10 MB text": ({"customer": customer(attributes={"city": value(string_value="x" * 10**7)})}, "['city']"),
    "a 10 MB id": ({"customer": decision_pb2.Customer(id="x" * 10**7)}, "customer.id"),
    "an id of 43 characters and 129 bytes": ({"customer": decision_pb2.Customer(id="€" * 43)}, "customer.id"),
    "a 10 MB attribute name": ({"context": {"x" * 10**7: value(int_value=1)}}, "context["),
    "100,000 attributes": ({"context": {str(i): value(int_value=i) for i in range(100_000)}}, "context"),
    "a control character": ({"customer": decision_pb2.Customer(id="a\0b")}, "customer.id"),
    "a request id with a line break": ({"request_id": "a\nb"}, "request_id"),
    "unknown zone": ({"customer": customer(time_zone="Mars/Olympus")}, "customer.time_zone"),
    "a zone that is a path": ({"customer": customer(time_zone="../../etc/passwd")}, "customer.time_zone"),
    "consent for nothing": ({"customer": customer(consents=[consent(purpose="")])}, "consents[0].purpose"),
    "consent in an unknown channel": ({"customer": customer(consents=[consent(channel="fax")])}, "consents[0].channel"),
    "too many consents": ({"customer": customer(consents=[consent()] * 257)}, "customer.consents"),
    "the year 1": ({"now_ms": YEAR_1_MS}, "now_ms"),
    "a moment after 2100": ({"now_ms": INT64}, "now_ms"),
    "an unknown level": ({"explain": 99}, "explain"),
}


@pytest.mark.parametrize(("fields", "path"), NAMES.values(), ids=NAMES.keys())
def test_a_bad_field_is_refused_with_its_path(served, fields, path):
    assert path in refusal(served.decisions.Decide, a_request(**fields)).field


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x0a\x02\xff\xfe", b"\x0a\xff\xff\xff\xff\x0f"])
def test_bytes_that_are_no_message_are_refused(served, data):
    call = served.channel.unary_unary("/nba.v1.DecisionService/Decide")

    assert "is no DecideRequest" in refusal(call, data).description


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"key": ""}, "interactions[0].key"),
        ({"key": "k" * 129}, "interactions[0].key"),
        ({"customer_id": ""}, "interactions[0].customer_id"),
        ({"kind": ""}, "interactions[0].kind"),
        ({"at_ms": YEAR_1_MS}, "interactions[0].at_ms"),
        ({"at_ms": 4_000_000_000_000}, "interactions[0].at_ms"),
        ({"amount": NAN}, "interactions[0].amount"),
        ({"discount": INFINITE}, "interactions[0].discount"),
        ({"channel": "fax"}, "interactions[0].channel"),
        ({"action_key": "a\x07"}, "interactions[0].action_key"),
        ({"decision_id": "x" * 10**6}, "interactions[0].decision_id"),
    ],
)
def test_a_bad_interaction_is_rejected_and_the_rest_is_recorded(served, fields, path):
    good = {"key": f"good-{path}-{sorted(fields)}"[:100], "customer_id": "bob", "kind": "click"}
    bad = interaction_pb2.Interaction(**{**good, "key": "bad", **fields})
    request = interaction_pb2.RecordRequest(interactions=[bad, interaction_pb2.Interaction(**good)])

    results = served.interactions.Record(request, timeout=20).results

    assert results[0].status == interaction_pb2.RECORD_STATUS_REJECTED
    assert path in results[0].reason
    assert results[1].status != interaction_pb2.RECORD_STATUS_REJECTED


def test_too_many_interactions_are_refused_whole(served):
    request = interaction_pb2.RecordRequest(interactions=[interaction_pb2.Interaction(key="a")] * 1_001)

    assert refusal(served.interactions.Record, request).field == "interactions"


@pytest.mark.parametrize("customer_id", ["", "x" * 1_000, "a\0b"])
def test_a_bad_id_is_refused_everywhere(served, customer_id):
    get = customer_pb2.GetRequest(customer_id=customer_id)
    change = customer_pb2.SetConsentRequest(customer_id=customer_id, consent=consent(granted=True))

    assert refusal(served.customers.Get, get).field == "customer_id"
    assert refusal(served.customers.SetConsent, change).field == "customer_id"


def test_a_consent_from_the_future_is_refused(served):
    ahead = consent(granted=True, at_ms=4_000_000_000_000)

    assert refusal(served.customers.SetConsent, customer_pb2.SetConsentRequest(customer_id="anna", consent=ahead)).field


TEXT = st.text(max_size=20)
VALUE = st.one_of(
    st.builds(common_pb2.Value, int_value=st.integers(-(2**63), INT64)),
    st.builds(common_pb2.Value, double_value=st.floats()),
    st.builds(common_pb2.Value, string_value=TEXT),
    st.builds(common_pb2.Value, bool_value=st.booleans()),
    st.just(common_pb2.Value()),
)
ATTRIBUTES = st.dictionaries(st.sampled_from(["age", "city", "spent", "member", "tags", "nope", ""]), VALUE, max_size=4)
CONSENT = st.builds(
    common_pb2.Consent,
    purpose=st.sampled_from(["marketing", "marketing.offers", "", "."]),
    channel=st.sampled_from(["", "email", "fax"]),
    granted=st.booleans(),
    at_ms=st.integers(-(2**63), INT64),
)
INLINE = st.builds(
    decision_pb2.InlineCandidate,
    action_key=TEXT,
    group=TEXT,
    objective=TEXT,
    purposes=st.lists(TEXT, max_size=2),
    value=st.floats(),
    attributes=st.dictionaries(st.sampled_from(["margin", "value"]), VALUE, max_size=2),
)
REQUEST = st.builds(
    decision_pb2.DecideRequest,
    request_id=TEXT,
    customer=st.builds(
        decision_pb2.Customer,
        id=TEXT,
        attributes=ATTRIBUTES,
        consents=st.lists(CONSENT, max_size=3),
        time_zone=st.sampled_from(["", "UTC", "Europe/Paris", "\0"]),
    ),
    context=st.dictionaries(st.sampled_from(["device", "x"]), VALUE, max_size=2),
    channels=st.lists(
        st.builds(
            decision_pb2.ChannelRequest,
            channel=st.sampled_from(["email", "web", "fax"]),
            placement=st.sampled_from(["", "home"]),
            limit=st.integers(0, 200),
        ),
        max_size=3,
    ),
    action_keys=st.lists(st.sampled_from(["card", "loan", "nope"]), max_size=2),
    inline_candidates=st.lists(INLINE, max_size=2),
    now_ms=st.integers(-(2**63), INT64),
    seed=st.integers(0, 2**64 - 1),
    budget_ms=st.integers(0, 2**32 - 1),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(REQUEST)
def test_any_request_is_answered_or_refused_with_a_path(served, request_):
    error = failure(served.decisions.Decide, request_)

    assert error is None or error.code() is INVALID, error.details()
    assert error is None or violation(error).field
