"""People who leave: with real servers at work, nothing of theirs is in any file, and nothing brings them back."""

import json
import subprocess
import sys
import threading
import time
import uuid
from datetime import UTC, datetime

from nba.v1 import common_pb2, customer_pb2, decision_pb2, interaction_pb2
from pyarrow import parquet

from engine.journal.frames import entries
from engine.journal.front import SHARED
from engine.serve.past.roll import roll
from tests.wire.conftest import a_request, collecting, serving

CANARIES = 1_000
MARKER = "canary"
CHANNELS = [decision_pb2.ChannelRequest(channel="email", limit=3), decision_pb2.ChannelRequest(channel="web")]


def nba(*args, code=0):
    command = [sys.executable, "-m", "engine.cli", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def canary(number):
    return f"{MARKER}-{number:04d}-é"


def imported(state, directory):
    """A file of customers: canaries, and others beside them."""
    rows = [
        {"customer_id": canary(n), "city": f"{MARKER} town {n}", "consent:marketing.offers": "true"}
        for n in range(CANARIES)
    ]
    rows += [{"customer_id": f"h{n}", "city": "Utrecht", "consent:marketing.offers": "true"} for n in range(CANARIES)]
    file = directory / f"{uuid.uuid4()}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return json.loads(nba("import", "customers", file, "--state", state))


def an_event(who, kind="click", **fields):
    return interaction_pb2.Interaction(key=f"{who} {uuid.uuid4()}", customer_id=who, kind=kind, channel="web", **fields)


def decide(server, who, **facts):
    request = a_request(customer=decision_pb2.Customer(id=who, **facts), channels=CHANNELS)
    return server.decisions.Decide(request, timeout=10)


def live(server, everybody):
    for who in everybody:
        decide(server, who, attributes={"city": common_pb2.Value(string_value=f"{who} street")})
    for at in range(0, len(everybody), 100):
        batch = [an_event(who, placement="home") for who in everybody[at : at + 100]]
        bad = [interaction_pb2.Interaction(key="", customer_id=who, kind="click") for who in everybody[at : at + 100]]
        server.interactions.Record(interaction_pb2.RecordRequest(interactions=[*batch, *bad]))
    for who in everybody[::10]:
        consent = common_pb2.Consent(purpose="service", granted=True, source=f"{who} form")
        server.customers.SetConsent(customer_pb2.SetConsentRequest(customer_id=who, consent=consent))


def collect(collector, everybody):
    for who in everybody:
        event = {"specversion": "1.0", "id": str(uuid.uuid4()), "source": "/shop", "type": "com.example.click",
                 "subject": who, "time": datetime.now(UTC).isoformat(), "data": {"channel": "web"}}  # fmt: skip
        bad = {**event, "id": str(uuid.uuid4()), "data": {"channel": f"{who} nowhere"}}
        headers = {"content-type": "application/cloudevents-batch+json"}
        collector.http.post("/v1/events", content=json.dumps([event, bad]), headers=headers)


def traces(state, marker=MARKER):
    """Every file of a state that holds a marker, as it lies and as it reads."""
    found = []
    for path in sorted(each for each in state.rglob("*") if each.is_file()):
        data = path.read_bytes()
        if path.suffix == ".parquet":
            data += repr(parquet.read_table(path, partitioning=None).to_pylist()).encode()
        if path.suffix == ".seg":
            data += b"".join(packed for _, packed in entries(data, str(path)))
        if marker.encode() in data:
            found.append(str(path.relative_to(state)))
    return found


def fronts(marker=MARKER):
    """What waits for a disk and holds a marker."""
    return [path for path in SHARED.glob("nba-*") if marker.encode() in path.read_bytes()]


def test_a_thousand_people_leave_no_trace_in_any_file_while_servers_work_on(bundle, tmp_path):
    state = tmp_path / "state"
    imported(state, tmp_path)
    canaries, others = [canary(n) for n in range(CANARIES)], [f"h{n}" for n in range(100)]
    with serving(bundle, state) as server:
        live(server, [*canaries, *others])
    roll(state)
    with serving(bundle, state, workers=2) as server, collecting(bundle, state, []) as collector:
        live(server, [*canaries[::4], *others])
        collect(collector, [*canaries[::20], *others[:10]])
        held = traces(state)
        assert any("parquet" in each for each in held)
        assert any("dead_letters" in each for each in held)
        assert any(".seg" in each for each in held)
        assert "store/data.mdb" in held
        stop, failed = threading.Event(), []
        working = threading.Thread(target=work_on, args=(server, others, stop, failed))
        working.start()
        erased = json.loads(nba("customer", "erase", *canaries, "--state", state))
        stop.set()
        working.join()

        assert len(erased["erased"]) == CANARIES
        assert failed == []
        assert traces(state) == []
        assert fronts() == []
        come_back(server, collector, canaries[:50])
        counts = imported(state, tmp_path)
        assert counts["imported"] == CANARIES
        live(server, others)
        time.sleep(0.7)
        assert traces(state) == []
        assert fronts() == []
    assert traces(state) == []
    roll(state)
    assert traces(state) == []
    replayed = json.loads(nba("replay", "--state", state, "--json"))
    assert (replayed["different"], replayed["not_replayable"]) == (0, {})
    assert replayed["same"] >= 300


def work_on(server, others, stop, failed):
    at = 0
    while not stop.is_set():
        try:
            decide(server, others[at % len(others)])
            server.interactions.Record(
                interaction_pb2.RecordRequest(interactions=[an_event_of(others[at % len(others)])])
            )
        except Exception as error:  # noqa: BLE001  whatever it is, the test is to see it
            failed.append(error)
        at += 1


def an_event_of(who):
    return interaction_pb2.Interaction(key=str(uuid.uuid4()), customer_id=who, kind="click", channel="web")


def come_back(server, collector, canaries):
    for who in canaries:
        consent = common_pb2.Consent(purpose="marketing.offers", granted=True)
        reply = decide(server, who, attributes={"age": common_pb2.Value(int_value=40)}, consents=[consent])
        assert not any(action.action_key in ("card", "loan") for each in reply.channels for action in each.actions)
        (result,) = server.interactions.Record(interaction_pb2.RecordRequest(interactions=[an_event(who)])).results
        assert "erased on request" in result.reason
    collect(collector, canaries)
