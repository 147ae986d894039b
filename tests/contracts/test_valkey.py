"""What is the Valkey store's own: its servers, its joining in two steps, and its journal."""

import multiprocessing
import shutil
import ssl
import subprocess
import threading
import time

import pytest

from engine.customer.identity import link
from engine.customer.record import Consent, Interaction
from engine.decide.keeping import Keeping
from engine.decide.request import Contact
from engine.decide.values import DAY_MS
from engine.store.memory import MemoryStore
from engine.store.protocol import StoreError, StoreFullError
from engine.store.reservation import Promise
from engine.store.valkey.address import Place, read_address
from engine.store.valkey.joining import Joining
from engine.store.valkey.servers import LEASE_S
from engine.store.valkey.store import ValkeyStore
from tests.contracts.test_store import break_a_rebuild_off
from tests.contracts.valkeys import Valkey, following
from tests.faults.proxy import Proxy

COUNTED = 200
SMALL = Keeping(newest=1, window_ms=DAY_MS, counted=frozenset({"exposure"}))


@pytest.fixture
def shared(valkey):
    """A store, and its server."""
    valkey.clear()
    made = ValkeyStore(read_address(valkey.address))
    yield made, valkey
    made.close()


def click(customer, key, at_ms=1_000):
    return Interaction(key, customer, "click", at_ms)


class BrokenOffError(Exception):
    """The process died here."""


def crash(monkeypatch, method):
    def die(*_):
        raise BrokenOffError

    monkeypatch.setattr(Joining, method, die)


@pytest.mark.parametrize("step", ["_point", "_brought", "_emptied"])
@pytest.mark.parametrize("asked", ["anna", "cookie:x"])
def test_a_joining_that_was_broken_off_anywhere_is_ended_by_sending_it_again(shared, monkeypatch, step, asked):
    store, _ = shared
    store.apply([click("cookie:x", "a"), click("anna", "b")])
    login = Interaction("l", "anna", "login", 3_000, also_known_as="cookie:x")
    with monkeypatch.context() as broken:
        crash(broken, step)
        with pytest.raises(BrokenOffError):
            store.apply([login])
    before = store.load(asked)
    store.set_consent("cookie:x", Consent("marketing", "", granted=False, source="", at_ms=9_000))
    store.apply([click("cookie:x", "c", 4_000)])

    assert store.apply([login]) == ["recorded"]

    assert before is not None
    record = store.load(asked)
    assert record == store.load("cookie:x") == store.load("anna")
    assert [contact.at_ms for contact in record.contacts] == [1_000, 1_000, 3_000, 4_000]
    assert [consent.granted for consent in record.consents] == [False]
    assert store.apply([click("cookie:x", "a"), click("cookie:x", "c"), click("anna", "b")]) == ["duplicate"] * 3
    assert store.count() == 1
    assert len(store.tail(0, 10)) == 4


def test_somebody_forgotten_while_another_was_being_joined_to_them_does_not_come_back(shared, monkeypatch):
    store, _ = shared
    store.apply([click("cookie:x", "a"), click("anna", "b")])
    with monkeypatch.context() as broken:
        crash(broken, "_brought")
        with pytest.raises(BrokenOffError):
            store.link([link(("anna", "cookie:x"), 5_000, "")])

    assert store.erase("anna") == ["anna"]

    assert store.load("anna") is None
    assert store.load("cookie:x").ids == ["cookie:x"]
    assert [each.key for each in store.interactions("cookie:x")] == ["a"]


@pytest.mark.parametrize("other", ["cookie:x", "cookie:c"], ids=["of another shard", "of the same shard"])
def test_somebody_whose_joining_was_broken_off_at_its_end_is_forgotten_whole(shared, monkeypatch, other):
    store, _ = shared
    store.apply([click(other, "a"), click("anna", "b")])
    store.set_consent(other, Consent("marketing", "", granted=True, source="", at_ms=1))
    with monkeypatch.context() as broken:
        crash(broken, "_emptied")
        with pytest.raises(BrokenOffError):
            store.link([link(("anna", other), 5_000, "")])

    assert store.erase("anna") == ["anna", other]
    assert store.load("anna") is store.load(other) is None
    assert store.interactions(other) == store.tail(0, 10) == store.changes(0, 10) == []


def test_an_id_that_was_left_pointing_at_somebody_forgotten_is_somebody_new(shared, monkeypatch):
    store, _ = shared
    store.link([link(("anna", "cookie:x"), 5_000, "")])
    with monkeypatch.context() as broken:
        broken.setattr(store._people, "unpoint", lambda _: None)
        assert all(store.readmit(name) for name in store.erase("anna"))
    store.apply([click("anna", "n")])

    assert store.load("cookie:x") is None
    assert store.apply([click("cookie:x", "a")]) == ["recorded"]
    assert (store.load("cookie:x").ids, store.load("anna").ids) == (["cookie:x"], ["anna"])


def test_what_was_reserved_under_one_id_counts_under_the_other_once_they_are_one(shared):
    store, _ = shared
    contact = Contact(0, "", "card", "cards", "grow", "email", "")
    store.reserve(store.hold("cookie:x"), Promise("d1", [contact], 60.0))
    store.link([link(("anna", "cookie:x"), 5_000, "")])

    assert {each.kind for each in store.hold("anna").reserved} == {"decided", "delivered", "exposure", "sent"}
    assert store.release("anna", "d1") == 1


def test_a_long_history_is_joined_whole(shared):
    store, _ = shared
    store.apply([click("cookie:x", str(at), at) for at in range(5_000)])
    store.link([link(("anna", "cookie:x"), 5_000, "")])

    assert len(store.interactions("anna")) == 5_000
    assert [number for number, _ in store.tail(0, 10_000)] == list(range(1, 5_001))


def counting(address, number):
    store = ValkeyStore(read_address(address))
    for at in range(COUNTED):
        store.apply([click(f"customer {(at + number) % 7}", f"{number} {at}")])
        store.apply([click("everybody", str(at))])
    store.close()


def test_machines_count_and_gather_at_once_and_each_interaction_has_one_number(shared):
    store, server = shared
    spawn = multiprocessing.get_context("spawn")
    machines = [spawn.Process(target=counting, args=(server.address, number)) for number in range(2)]
    for machine in machines:
        machine.start()
    readers = [threading.Thread(target=reading, args=(store, machines, [])) for _ in range(2)]
    for reader in readers:
        reader.start()
    for each in (*machines, *readers):
        each.join()

    numbers, interactions = zip(*store.tail(0, 10_000), strict=True)
    assert list(numbers) == list(range(1, 3 * COUNTED + 1))
    assert len({(each.customer_id, each.key) for each in interactions}) == 3 * COUNTED
    assert len(store.load("everybody").contacts) == 64
    assert len(store.interactions("everybody")) == COUNTED


def reading(store, machines, seen):
    while any(machine.is_alive() for machine in machines):
        seen += store.tail(seen[-1][0] if seen else 0, 50)
    assert [number for number, _ in seen] == list(range(1, len(seen) + 1))


def test_who_gathers_and_dies_leaves_nothing_out(shared, monkeypatch):
    store, server = shared
    store.apply([click("anna", "a"), click("bob", "b")])
    with monkeypatch.context() as broken:
        broken.setattr(store._happened, "_appended", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.tail(0, 10)

    assert [each.key for _, each in ValkeyStore(read_address(server.address)).tail(0, 10)] == ["a", "b"]


def test_a_rebuild_that_was_broken_off_goes_on_and_says_so_meanwhile(shared, monkeypatch):
    monkeypatch.setattr("engine.store.valkey.store.REBUILT", 2)
    store, _ = shared
    break_a_rebuild_off(store)


def test_who_read_before_a_rebuild_writes_as_much_as_it_keeps(shared, monkeypatch):
    store, server = shared
    other = ValkeyStore(read_address(server.address))
    keep, begun = store._people.keeping, []

    def rebuilt_meanwhile(person):
        kept = keep(person)
        if not begun:
            begun.append(list(other.rebuild(SMALL)))
        return kept

    monkeypatch.setattr(store._people, "keeping", rebuilt_meanwhile)
    views = [Interaction(str(at), "anna", "view", at) for at in range(1, 9)]
    store.apply(views)

    always = MemoryStore()
    list(always.rebuild(SMALL))
    always.apply(views)
    assert begun
    assert store.load("anna").contacts == always.load("anna").contacts


@pytest.mark.parametrize(
    ("setting", "value", "cure"),
    [
        ("appendonly", "no", "appendonly yes"),
        ("appendfsync", "everysec", "appendfsync always"),
        ("maxmemory-policy", "allkeys-lru", "maxmemory-policy noeviction"),
    ],
)
def test_a_server_that_would_lose_what_it_acknowledges_is_refused(valkey, setting, value, cure):
    before = valkey.client.config_get(setting)
    valkey.client.config_set(setting, value)
    try:
        with pytest.raises(StoreError, match=cure):
            ValkeyStore(read_address(valkey.address))
    finally:
        valkey.client.config_set(setting, before[setting])


def test_a_full_server_says_so_reads_on_and_lets_people_go(shared):
    store, server = shared
    store.apply([click("anna", "a")])
    server.client.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreFullError, match="raise its maxmemory"):
            store.apply([click("anna", "b")])
        assert len(store.load("anna").contacts) == 1
        assert store.erase("anna") == ["anna"]
    finally:
        server.client.config_set("maxmemory", "0")


def test_without_the_replica_it_asks_for_a_store_does_not_begin(valkey):
    with pytest.raises(StoreError, match="confirmed by 0 replicas"):
        ValkeyStore(read_address(f"{valkey.address}?replicas=1"))


def test_a_restarted_server_is_found_again_by_those_that_read(tmp_path):
    with Valkey(tmp_path) as server:
        store = ValkeyStore(read_address(server.address))
        store.apply([click("anna", "a")])
        server.kill()
        with pytest.raises(StoreError, match="is the server up"):
            store.load("anna")
        server.start()
        time.sleep(0.3)

        assert len(store.load("anna").contacts) == 1
        assert store.apply([click("anna", "a"), click("anna", "b")]) == ["duplicate", "recorded"]


def test_a_primary_without_its_replica_is_read_for_a_second_and_no_longer_and_writes_nothing(tmp_path):
    with Valkey(tmp_path / "one") as one, Valkey(tmp_path / "other") as other:
        following(other, one)
        store = ValkeyStore(read_address(f"{one.address}?replicas=1"))
        store.apply([click("anna", "a")])
        other.kill()

        assert store.load("anna")
        time.sleep(LEASE_S)
        with pytest.raises(StoreError, match="confirmed by 0 replicas"):
            store.load("anna")
        with pytest.raises(StoreError, match="no primary"):
            store.set_consent("anna", Consent("marketing", "", granted=False, source="", at_ms=1))


def test_a_replica_is_never_read_not_even_by_who_took_it_for_the_primary(tmp_path):
    with Valkey(tmp_path / "one") as one, Valkey(tmp_path / "other") as other:
        store = ValkeyStore(read_address(one.address))
        store.apply([click("anna", "a")])
        one.client.execute_command("REPLICAOF", "127.0.0.1", other.port)

        with pytest.raises(StoreError, match="is a replica"):
            store.load("anna")


def test_a_server_that_asks_for_a_password_is_given_that_of_the_environment(tmp_path):
    with Valkey(tmp_path, requirepass="hush") as server:
        with pytest.raises(StoreError, match="uthentication"):
            ValkeyStore(read_address(server.address, {}))

        store = ValkeyStore(read_address(server.address, {"NBA_VALKEY_PASSWORD": "hush"}))
        assert store.apply([click("anna", "a")]) == ["recorded"]


def test_addresses_are_read_with_users_ports_replicas_and_secrets_from_the_environment(tmp_path):
    (tmp_path / "secret").write_text("hush\n")
    read = read_address("valkeys://nba@one:1,two?replicas=2", {"NBA_VALKEY_PASSWORD_FILE": str(tmp_path / "secret")})

    assert read.places == (Place("one", 1), Place("two", 6379))
    assert read.replicas == 2
    assert (read.options["username"], read.options["password"]) == ("nba", "hush")
    assert read.options["ssl_cert_reqs"] == "required"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("redis://one", "no address of a store"),
        ("valkey://", "no address of a store"),
        ("valkey://nba:hush@one", "a password stands in the store's address"),
        ("valkey://one?replicas=many", "not .replicas=N"),
        ("valkey://one?copies=1", "not .replicas=N"),
    ],
)
def test_a_bad_address_is_refused_with_its_cure(text, fault):
    with pytest.raises(StoreError, match=fault):
        read_address(text, {})


@pytest.fixture
def encrypted(valkey, tmp_path):
    """The port of a line to the server that speaks TLS, as its binary here cannot; and the certificate."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    made = ("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", key, "-out", certificate, *subject)
    subprocess.run(made, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Proxy(valkey.port, context) as line:
        yield line.port, certificate


@pytest.mark.skipif(shutil.which("openssl") is None, reason="it makes the certificate")
def test_tls_is_spoken_with_whom_the_authorities_know_and_with_nobody_else(encrypted):
    port, certificate = encrypted
    address = f"valkeys://127.0.0.1:{port}"

    store = ValkeyStore(read_address(address, {"NBA_VALKEY_CA_FILE": str(certificate)}))
    assert store.load("nobody") is None
    store.close()
    with pytest.raises(StoreError, match="certificate verify failed"):
        ValkeyStore(read_address(address, {}))
