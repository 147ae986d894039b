"""Who may send events, and what senders that never finish can do to those that do."""

import asyncio
import json
import resource
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from engine.customer.checks import Bounds
from engine.customer.intake import Intake
from engine.journal.deadletters import DeadLetters
from engine.store.memory import MemoryStore
from engine.web.access import admission
from engine.web.capture import Capture
from engine.web.collector import make_app
from engine.web.connections import CONNECTIONS, REQUEST_S
from tests.wire.conftest import Collecting, collecting

TOKEN = "c2VjcmV0IG9mIHRoZSBzaG9w="  # noqa: S105  the tests' own
EVENT = json.dumps({"specversion": "1.0", "id": "1", "source": "/s", "type": "click", "subject": "anna"})
HEAD = {"content-type": "application/cloudevents+json"}
VISIT = json.dumps({"id": "00000000-0000-4000-a000-000000000000", "events": []})


def ask(tmp_path, token=None, peer="127.0.0.1", **headers):
    """What the collector answers a peer."""
    capture = Capture(MemoryStore(), DeadLetters(tmp_path / "letters"), Intake(Bounds(), None, {}))
    transport = httpx.ASGITransport(make_app(capture, [], admission(token)), client=(peer, 50_000))

    async def answer():
        async with httpx.AsyncClient(transport=transport, base_url="http://collector") as client:
            return await client.post("/v1/events", content=EVENT, headers={**HEAD, **headers})

    return asyncio.run(answer())


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_without_a_token_programs_on_this_machine_may_send(tmp_path, peer):
    assert ask(tmp_path, peer=peer).status_code == 202


@pytest.mark.parametrize("peer", ["10.1.2.3", "192.168.0.1", "::ffff:10.1.2.3", "2001:db8::1", "", "local"])
def test_without_a_token_nobody_else_may(tmp_path, peer):
    reply = ask(tmp_path, peer=peer)

    assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")
    assert "programs on this machine alone" in reply.json()["detail"]
    assert not (tmp_path / "letters").exists()


@pytest.mark.parametrize("name", ["origin", "forwarded", "x-forwarded-for", "via"])
def test_without_a_token_neither_a_page_nor_who_stands_behind_a_proxy_may(tmp_path, name):
    assert ask(tmp_path, **{name: "somebody"}).status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
def test_with_the_token_anybody_may(tmp_path, scheme):
    assert ask(tmp_path, TOKEN, peer="10.1.2.3", authorization=scheme + TOKEN).status_code == 202


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (None, "is missing"),
        ("", "is missing"),
        ("Bearer", "is missing"),
        ("Bearer ", "is missing"),
        (f"Bearer {TOKEN[:-1]}", "is not the one"),
        (f"Bearer {TOKEN}x", "is not the one"),
        (f"Bearer {TOKEN} {TOKEN}", "is not the one"),
        (f"Basic {TOKEN}", "is not the one"),
        (b"Bearer \xff\xfe", "is not the one"),
        (TOKEN, "is missing"),
    ],
)
def test_with_a_token_whoever_does_not_bring_it_is_refused_even_on_this_machine(tmp_path, said, reason):
    reply = ask(tmp_path, TOKEN, **({} if said is None else {"authorization": said}))

    assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")
    assert reason in reply.json()["detail"]
    assert not (tmp_path / "letters").exists()


@pytest.mark.parametrize("token", ["", "short", "x" * 15, "sixteen or more words", "ümlaut" * 5, TOKEN + "\n"])
def test_a_token_that_cannot_be_sent_or_is_guessed_is_refused(token):
    with pytest.raises(ValueError, match="openssl rand"):
        admission(token)


def test_the_token_of_a_file_is_asked_of_events_and_not_of_visits(bundle, tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    with collecting(bundle, tmp_path / "state", token_file=tmp_path / "token") as collector:
        refused = collector.http.post("/v1/events", content=EVENT, headers=HEAD)
        taken = collector.http.post("/v1/events", content=EVENT, headers={**HEAD, "authorization": f"Bearer {TOKEN}"})
        visit = collector.http.post("/v1/beacon", content=VISIT, headers={"content-type": "text/plain"})

    assert [refused.status_code, taken.status_code, visit.status_code] == [401, 202, 202]


def test_the_token_of_the_environment_is_asked_and_an_empty_one_starts_nothing(bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("NBA_CAPTURE_TOKEN", TOKEN)
    with collecting(bundle, tmp_path) as collector:
        assert collector.http.post("/v1/events", content=EVENT, headers=HEAD).status_code == 401
    monkeypatch.setenv("NBA_CAPTURE_TOKEN", "")
    empty = Collecting(bundle, tmp_path, out=subprocess.PIPE)
    words, _ = empty.process.communicate(timeout=60)

    assert (empty.process.returncode, "openssl rand" in words) == (1, True)


# --- floods


@pytest.fixture(scope="module")
def collector(bundle, tmp_path_factory):
    with collecting(bundle, tmp_path_factory.mktemp("flooded")) as running:
        yield running


def status(collector, number):
    event = json.dumps({**json.loads(EVENT), "id": str(number)})
    with socket.create_connection(("127.0.0.1", collector.port), timeout=20) as connection:
        head = f"POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-type: {HEAD['content-type']}\r\n"
        connection.sendall(f"{head}content-length: {len(event)}\r\n\r\n{event}".encode())
        return connection.recv(12).decode()


def descriptors(collector):
    return len(list(Path(f"/proc/{collector.process.pid}/fd").iterdir()))


BODY = b"POST /v1/beacon HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\n{"


@pytest.mark.parametrize("begun", [b"", b"POST /v1/ev", BODY], ids=["nothing", "half a head", "half a body"])
def test_a_flood_of_senders_that_never_finish_stops_no_good_request(collector, begun):
    flood = 3 * CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < flood + 200:
        pytest.skip(f"this machine allows {hard} descriptors; {flood + 200} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, flood + 200), hard))
    answers = []
    with ExitStack() as held:
        for number in range(flood):
            idle = held.enter_context(socket.create_connection(("127.0.0.1", collector.port), timeout=20))
            idle.sendall(begun)
            if number % 100 == 0:
                answers.append(status(collector, number))
        answers.append(status(collector, flood))
        assert descriptors(collector) < CONNECTIONS + 100

    assert set(answers) == {"HTTP/1.1 202"}


def test_headers_that_trickle_have_an_end(collector):
    with socket.create_connection(("127.0.0.1", collector.port), timeout=5) as connection:
        until = time.monotonic() + 6 * REQUEST_S
        closed = False
        while not closed and time.monotonic() < until:
            closed = trickled(connection)

    assert closed


def trickled(connection):
    """Whether the connection was closed when one more byte was sent."""
    time.sleep(0.5)
    try:
        connection.sendall(b"G")
        connection.setblocking(False)
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_headers_over_16_kib_are_refused(collector):
    with socket.create_connection(("127.0.0.1", collector.port), timeout=10) as connection:
        connection.sendall(b"POST /v1/events HTTP/1.1\r\nhost: a\r\na: " + b"b" * 17_000)
        assert connection.recv(12) == b"HTTP/1.1 400"
