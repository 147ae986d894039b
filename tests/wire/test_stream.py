"""`RecordStream`: batch after batch, counted as they come."""

import json
import threading

import grpc
import pytest
from nba.v1 import customer_pb2, interaction_pb2

from engine.serve.imports import import_interactions
from tests.wire.conftest import serving
from tests.wire.test_hostile import failure, violation
from tests.wire.test_lifecycle import eventually

Interaction, Batch = interaction_pb2.Interaction, interaction_pb2.RecordStreamRequest


def items(*keys, customer_id="anna", **fields):
    return [Interaction(key=key, customer_id=customer_id, kind="click", **fields) for key in keys]


def stream(server, *batches):
    return server.interactions.RecordStream(iter([Batch(interactions=batch) for batch in batches]), timeout=20)


def test_a_stream_is_counted_over_all_its_batches(served):
    bad = items("c", channel="fax")

    reply = stream(served, items("a", "b", customer_id="streamer"), bad, items("a", "d", customer_id="streamer"))

    assert (reply.recorded, reply.duplicates, reply.rejected) == (3, 1, 1)
    (rejection,) = reply.rejections
    assert (rejection.key, rejection.status) == ("c", interaction_pb2.RECORD_STATUS_REJECTED)
    assert "unknown channel 'fax'" in rejection.reason


def test_a_stream_of_nothing_counts_nothing(served):
    assert stream(served) == interaction_pb2.RecordStreamResponse()


def test_only_the_first_thousand_rejections_are_told(served):
    bad = [items(*(str(i) for i in range(900)), channel="fax")] * 3

    reply = stream(served, *bad)

    assert (reply.rejected, len(reply.rejections)) == (2_700, 1_000)


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (b"\xff\xff\xff", ""),
        (b"\x0a\x02\xff\xfe", ""),
        (Batch(interactions=[Interaction(key="a")] * 1_001).SerializeToString(), "interactions"),
    ],
)
def test_a_bad_batch_ends_the_stream_and_what_came_before_stands(served, data, path):
    good = Batch(interactions=items("kept", customer_id=f"before {data[:3]!r}")).SerializeToString()
    call = served.channel.stream_unary("/nba.v1.InteractionService/RecordStream")

    with pytest.raises(grpc.RpcError) as caught:
        call(iter([good, data, good]), timeout=20)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violation(caught.value).field == path
    assert stream(served, items("kept", customer_id=f"before {data[:3]!r}")).duplicates == 1


def test_open_streams_never_take_all_threads(bundle, tmp_path):
    with serving(bundle, tmp_path) as server:
        held = [HeldOpen(server) for _ in range(2)]
        with pytest.raises(grpc.RpcError) as caught:
            stream(server, items("a"))
        asked = customer_pb2.SetConsentRequest(customer_id="anna", consent={"purpose": "marketing", "granted": True})
        answered = server.customers.SetConsent(asked, timeout=20)
        counted = [each.close() for each in held]

        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "send again" in caught.value.details()
        assert answered.revision == 1
        assert [reply.recorded for reply in counted] == [1, 1]
        assert stream(server, items("b")).recorded == 1


class HeldOpen:
    """A stream whose first batch is counted, and that waits with its second."""

    def __init__(self, server):
        self.released, customer_id = threading.Event(), str(id(self))
        self.first = Batch(interactions=items("a", customer_id=customer_id))
        self.call = server.interactions.RecordStream.future(self._batches(), timeout=60)
        get = customer_pb2.GetRequest(customer_id=customer_id)
        assert eventually(lambda: failure(server.customers.Get, get) is None)

    def _batches(self):
        yield self.first
        self.released.wait(60)

    def close(self):
        self.released.set()
        return self.call.result(20)


def test_what_record_rejects_is_a_dead_letter_and_can_be_sent_again(bundle, tmp_path):
    late = items("late", at_ms=1_700_000_000_000, channel="fax")
    with serving(bundle, tmp_path) as server:
        stream(server, late)
        server.interactions.Record(interaction_pb2.RecordRequest(interactions=items("now", amount=1e300)), timeout=20)
    (file,) = (tmp_path / "dead_letters").iterdir()
    found = [json.loads(line) for line in file.open()]

    assert [letter["source"] for letter in found] == ["Record", "Record"]
    assert "unknown channel 'fax'" in found[0]["reason"]
    assert import_interactions(file, tmp_path) == {"imported": 1, "duplicates": 0, "rejected": 1}


def test_record_rejects_a_name_too_many_with_the_reason_and_takes_the_rest(bundle, tmp_path):
    (tmp_path / "limits.yaml").write_text("limits: {names: 3}")
    with serving(bundle, tmp_path, config=tmp_path / "limits.yaml") as server:
        batch = interaction_pb2.RecordRequest(interactions=[*items("a", "b", group="g"), *items("c", group="new")])
        batch.interactions.extend(items("d", group="g", channel="web"))

        results = server.interactions.Record(batch, timeout=20).results
        again = server.interactions.Record(batch, timeout=20).results

    rejected = interaction_pb2.RECORD_STATUS_REJECTED
    assert [result.status for result in results] == [1, 1, 1, rejected]
    assert results[3].reason.startswith(
        "channel: is new, and the customer's record has its fill of names, 3 of at most 3"
    )
    assert [result.status for result in again] == [2, 2, 2, rejected]
