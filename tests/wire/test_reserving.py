"""Reserving over the wire: who takes contacts from the caps, for how long, and how they are given back."""

import time

import grpc
import pytest
from nba.v1 import common_pb2, customer_pb2, decision_pb2, interaction_pb2

from tests.wire.conftest import serving
from tests.wire.test_hostile import refusal

YES, NO = decision_pb2.RESERVE_MODE_YES, decision_pb2.RESERVE_MODE_NO
BUNDLE = {
    "schema.yaml": "customer: {age: int}\n",
    "channels.yaml": "email: {direction: outbound, quiet: none}\nsms: {direction: outbound, quiet: none}\n"
    "web: {direction: inbound}\nads: {direction: paid}\n",
    "actions.csv": "action_key,objective,group,purposes,value\n"
    "card,grow,cards,marketing,3\nloan,grow,loans,marketing,2\nsave,grow,cards,marketing,1\n",
    "policies.yaml": """
contact:
  - {name: two a week, kind: exposure, at_most: 2, within: 7d}
  - {name: one of a group, kind: sent, at_most: 1, within: 1d, per: group}
""",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("reserving")
    for name, text in BUNDLE.items():
        (directory / name).write_text(text)
    with serving(directory, tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.fixture
def customer(server, request):
    """Somebody new who has allowed everything."""
    consent = common_pb2.Consent(purpose="marketing", granted=True)
    name = request.node.name
    server.customers.SetConsent(customer_pb2.SetConsentRequest(customer_id=name, consent=consent), timeout=10)
    return name


def ask(server, customer, *channels, **fields):
    """Channels as names, or as name, limit and mode."""
    asks = [(channel, 1, 0) if isinstance(channel, str) else channel for channel in channels]
    message = decision_pb2.DecideRequest(
        customer=decision_pb2.Customer(id=customer),
        channels=[decision_pb2.ChannelRequest(channel=name, limit=most, reserve=mode) for name, most, mode in asks],
        **fields,
    )
    return server.decisions.Decide(message, timeout=10)


def ranked(reply):
    return [[action.action_key for action in answer.actions] for answer in reply.channels]


def show(server, customer, reply, kind="exposure"):
    for answer in reply.channels:
        for action in answer.actions:
            shown = interaction_pb2.Interaction(
                key=f"{reply.decision_id} {kind} {action.action_key}", customer_id=customer, kind=kind,
                at_ms=time.time_ns() // 1_000_000, channel=answer.channel, action_key=action.action_key,
                decision_id=reply.decision_id,
            )  # fmt: skip
            server.interactions.Record(interaction_pb2.RecordRequest(interactions=[shown]), timeout=10)


def test_outbound_channels_reserve_and_say_until_when(server, customer):
    before_ms = time.time_ns() // 1_000_000

    reply = ask(server, customer, "email", reserve_s=60)

    assert ranked(reply) == [["card"]]
    assert 60_000 <= reply.channels[0].reserved_until_ms - before_ms < 70_000
    assert ranked(ask(server, customer, "email")) == [["loan"]]
    assert ranked(ask(server, customer, "email")) == [[]]


@pytest.mark.parametrize("channel", ["web", "ads"])
def test_other_channels_reserve_nothing_unless_asked_to_but_heed_what_is_reserved(server, customer, channel):
    assert [ranked(ask(server, customer, channel)) for _ in range(3)] == [[["card"]]] * 3
    assert ask(server, customer, channel).channels[0].reserved_until_ms == 0
    ask(server, customer, (channel, 1, YES))

    assert ranked(ask(server, customer, channel)) == [["loan"]]


def test_outbound_channels_reserve_nothing_when_told_so(server, customer):
    replies = [ask(server, customer, ("email", 1, NO)) for _ in range(3)]

    assert [ranked(reply) for reply in replies] == [[["card"]]] * 3
    assert replies[0].channels[0].reserved_until_ms == 0


def test_what_is_ranked_in_one_answer_keeps_the_caps_together(server, customer):
    assert ranked(ask(server, customer, ("email", 3, NO))) == [["card", "loan", "save"]]
    assert ranked(ask(server, customer, ("email", 3, 0))) == [["card", "loan"]]  # one of a group, two in all


def test_what_one_channel_takes_another_of_the_same_answer_has_not(server, customer):
    reply = ask(server, customer, "email", "sms", "web")

    assert ranked(reply) == [["card"], ["loan"], ["card"]]
    assert [bool(answer.reserved_until_ms) for answer in reply.channels] == [True, True, False]


def test_an_exposure_is_counted_once(server, customer):
    show(server, customer, ask(server, customer, "email"))

    assert ranked(ask(server, customer, "email")) == [["loan"]]
    assert ranked(ask(server, customer, "email")) == [[]]


def test_what_is_released_can_be_had_again(server, customer):
    first = ask(server, customer, "email")
    message = decision_pb2.ReleaseRequest(customer_id=customer, decision_id=first.decision_id)

    assert server.decisions.Release(message, timeout=10).released == 1
    assert server.decisions.Release(message, timeout=10).released == 0
    assert ranked(ask(server, customer, "email")) == [["card"]]


def test_what_runs_out_can_be_had_again(server, customer):
    ask(server, customer, "email", reserve_s=1)
    time.sleep(1.1)

    assert ranked(ask(server, customer, "email")) == [["card"]]


def test_another_moment_reserves_nothing_and_does_not_see_what_is_reserved_now(server, customer):
    ask(server, customer, "email")
    then_ms = 1_500_000_000_000

    assert [ranked(ask(server, customer, "email", now_ms=then_ms)) for _ in range(2)] == [[["card"]]] * 2
    ask(server, customer, ("email", 1, YES), now_ms=then_ms)
    assert ranked(ask(server, customer, ("email", 1, YES), now_ms=then_ms)) == [[]]  # two are reserved by now


def test_a_moment_about_now_is_now(server, customer):
    now_ms = time.time_ns() // 1_000_000

    assert ranked(ask(server, customer, "email", now_ms=now_ms - 3_600_000)) == [["card"]]
    assert ranked(ask(server, customer, "email", now_ms=now_ms)) == [["loan"]]


def test_nobody_in_particular_reserves_nothing_and_cannot_ask_to(server):
    somebody = decision_pb2.Customer(consents=[common_pb2.Consent(purpose="marketing", granted=True)])
    channel = decision_pb2.ChannelRequest(channel="email")
    reply = server.decisions.Decide(decision_pb2.DecideRequest(customer=somebody, channels=[channel]), timeout=10)
    assert ranked(reply) == [["card"]]
    assert reply.channels[0].reserved_until_ms == 0

    channel.reserve = YES
    message = decision_pb2.DecideRequest(customer=somebody, channels=[channel])
    assert refusal(server.decisions.Decide, message).field == "customer.id"


@pytest.mark.parametrize(
    ("fields", "path"),
    [({"reserve_s": 86_401}, "reserve_s"), ({"reserve": 7}, "channels[0].reserve")],
)
def test_what_cannot_be_reserved_is_refused_with_its_place(server, fields, path):
    channel = decision_pb2.ChannelRequest(channel="email", reserve=fields.pop("reserve", 0))
    message = decision_pb2.DecideRequest(customer=decision_pb2.Customer(id="anna"), channels=[channel], **fields)

    assert refusal(server.decisions.Decide, message).field == path


def test_a_decision_can_demand_a_revision(server, customer):
    consent = common_pb2.Consent(purpose="marketing", granted=False)
    said = customer_pb2.SetConsentRequest(customer_id=customer, consent=consent)
    revision = server.customers.SetConsent(said, timeout=10).revision

    assert ranked(ask(server, customer, "email", min_revision=revision)) == [[]]
    with pytest.raises(grpc.RpcError) as refused:
        ask(server, customer, "email", min_revision=revision + 1)
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert f"is at revision {revision}" in refused.value.details()
