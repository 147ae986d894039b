"""What every store does."""

import pytest

from engine.customer.record import KEPT, Consent, Interaction, Record
from engine.decide.request import Preferences
from engine.store.lmdb import LmdbStore
from engine.store.memory import MemoryStore


@pytest.fixture(params=["lmdb", "memory"])
def store(request, tmp_path):
    made = LmdbStore(tmp_path, 1 << 24) if request.param == "lmdb" else MemoryStore()
    yield made
    made.close()


def purchase(key, at_ms=1_000, amount=2.0):
    return Interaction(key, "anna", "purchase", at_ms, amount=amount)


def test_an_unknown_customer_has_no_record(store):
    assert store.load("nobody") is None


def test_the_same_key_counts_once_within_a_batch_and_across_batches(store):
    assert store.apply([purchase("a"), purchase("a"), purchase("b")]) == ["recorded", "duplicate", "recorded"]
    assert store.apply([purchase("a")]) == ["duplicate"]
    assert len(store.load("anna").purchases) == 2


def test_late_events_stand_in_their_own_time(store):
    store.apply([purchase("a", 2_000), purchase("b", 1_000)])

    assert [purchase.at_ms for purchase in store.load("anna").purchases] == [1_000, 2_000]


def test_thousands_of_views_do_not_wash_a_complaint_away(store):
    store.apply([Interaction("first", "anna", "complaint", 1)])
    store.apply([Interaction(str(at), "anna", "view", at) for at in range(2, KEPT + 4)])

    contacts = store.load("anna").contacts
    assert [contact.at_ms for contact in contacts if contact.kind == "complaint"] == [1]
    assert [contact.at_ms for contact in contacts if contact.kind == "view"] == list(range(4, KEPT + 4))


def test_an_import_keeps_the_history(store):
    store.apply([purchase("a")])
    store.put([Record("anna", {"age": 30})])

    assert store.load("anna").attributes == {"age": 30}
    assert len(store.load("anna").purchases) == 1


def test_an_older_grant_never_undoes_a_withdrawal(store):
    store.set_consent("anna", Consent("marketing", "email", granted=False, source="", at_ms=2_000))
    store.put([Record("anna", {}, [Consent("marketing", "email", granted=True, source="", at_ms=1_000)])])

    assert [consent.granted for consent in store.load("anna").consents] == [False]


def test_preferences_are_kept_and_raise_the_revision(store):
    first = store.set_preferences("anna", Preferences(off=("cards",)))
    second = store.set_preferences("anna", Preferences(at_most_a_week=2))

    assert store.load("anna").preferences == Preferences(at_most_a_week=2)
    assert second > first


def test_a_scan_meets_every_record_by_id(store):
    store.put([Record("zoe"), Record("anna")])

    assert [record.customer_id for record in store.scan()] == ["anna", "zoe"]


def test_the_tail_gives_what_was_counted_in_its_order_and_each_once(store):
    store.apply([purchase("b"), purchase("a"), purchase("b")])
    store.apply([purchase("c")])

    numbers, interactions = zip(*store.tail(0, 10), strict=True)

    assert [interaction.key for interaction in interactions] == ["b", "a", "c"]
    assert list(numbers) == sorted(set(numbers))


def test_the_tail_goes_on_after_a_number_and_stops_at_its_limit(store):
    store.apply([purchase(str(number)) for number in range(300)])
    _, (second, interaction) = store.tail(0, 2)

    rest = store.tail(second, 1_000)

    assert interaction.key == "1"
    assert [found.key for _, found in rest] == [str(number) for number in range(2, 300)]
    assert store.tail(rest[-1][0], 10) == []
