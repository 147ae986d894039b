"""What every store does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.customer.as_of import AsOf
from engine.customer.checks import FieldError
from engine.customer.formats import decode
from engine.customer.record import Consent, Interaction, Record
from engine.customer.values import values
from engine.customer.view import Sent, view
from engine.decide.derived import USUALLY
from engine.decide.keeping import USUAL, Keeping
from engine.decide.needs import Needs
from engine.decide.request import Preferences
from engine.decide.values import DAY_MS
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
    store.apply([Interaction(str(at), "anna", "view", at) for at in range(2, 400)])

    contacts = store.load("anna").contacts
    assert [contact.at_ms for contact in contacts if contact.kind == "complaint"] == [1]
    assert [contact.at_ms for contact in contacts if contact.kind == "view"] == list(range(400 - USUAL.newest, 400))


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


SMALL = Keeping(newest=1, window_ms=DAY_MS, counted=frozenset({"exposure"}), groups=frozenset({"g"}))


def test_what_one_customer_did_is_told_whole_and_apart(store):
    store.apply([purchase("a"), purchase("b", 2_000), Interaction("a", "annabel", "click", 3_000)])

    assert sorted(event.key for event in store.interactions("anna")) == ["a", "b"]
    assert store.interactions("nobody") == []


def test_a_rebuilt_record_is_as_if_it_had_always_been_kept_so(store, tmp_path):
    events = [
        Interaction(
            str(at),
            "anna",
            "exposure" if at % 2 else "purchase",
            at * 40_000_000,
            action_key=f"a{at % 7}",
            group="g",
            amount=0.1,
        )
        for at in range(1, 300)
    ]
    other = MemoryStore()
    assert list(other.rebuild(SMALL)) == [0]
    other.apply(events)
    store.put([Record("anna", {"age": 30})])
    store.apply(events)

    assert sum(store.rebuild(SMALL)) == 1

    assert store.kept() == (SMALL, True)
    assert store.load("anna").attributes == {"age": 30}
    ours, theirs = store.load("anna"), other.load("anna")
    assert (ours.contacts, ours.purchases) == (theirs.contacts, theirs.purchases)
    assert values(AsOf(ours, 10**11, USUALLY)) == values(AsOf(theirs, 10**11, USUALLY))


def test_a_rebuild_that_was_broken_off_goes_on_and_says_so_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.store.lmdb.REBUILT", 2)
    store = LmdbStore(tmp_path, 1 << 24)
    store.put([Record(f"c{at}") for at in range(7)])

    steps = store.rebuild(SMALL)
    assert next(steps) == 2
    steps.close()

    assert store.kept() == (SMALL, False)
    assert list(store.rebuild(SMALL)) == [2, 2, 1]
    assert store.kept() == (SMALL, True)
    store.close()


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


def seen(key, at_ms=1_000, kind="page_view", **names):
    return Interaction(key, "anna", kind, at_ms, **names)


def test_a_flood_of_names_is_refused_at_the_bound_and_what_is_known_still_counts(store):
    flood = [seen(str(at), at, group=f"topic {at}") for at in range(1, 20_001)]

    statuses = store.apply(flood, names=500)
    known, new, other = store.apply(
        [seen("known", group="topic 7"), seen("new", group="new"), seen("other", action_key="a")], names=500
    )

    assert statuses[:499] == ["recorded"] * 499  # the kind is a name, too
    assert all(isinstance(status, FieldError) for status in statuses[499:])
    assert known == "recorded"
    assert (new.path, other.path) == ("group", "action_key")
    assert "its fill of names, 500 of at most 500" in str(new)
    assert len(store.interactions("anna")) == 500
    assert store.apply([Interaction("other person", "bob", "page_view", 1, group="new")], names=500) == ["recorded"]


def test_what_was_refused_may_be_sent_again_under_a_wider_bound_and_what_was_counted_may_not(store):
    one, other = seen("a", group="a"), seen("b", group="b")

    assert [isinstance(status, str) for status in store.apply([one, other], names=2)] == [True, False]
    assert store.apply([one, other], names=3) == ["duplicate", "recorded"]


def test_caps_count_as_full_behind_a_contact_that_was_refused_also_after_a_rebuild(store):
    list(store.rebuild(SMALL))
    store.apply(
        [seen("a", group="a"), seen("b", 8_000, group="b"), seen("c", 5_000, "exposure", action_key="c")], names=2
    )

    before = view(store.load("anna"), Sent("anna"), Needs(()), 10_000).known_since_ms
    list(store.rebuild(SMALL))
    after = view(store.load("anna"), Sent("anna"), Needs(()), 10_000).known_since_ms

    assert before == after == 5_000


@settings(max_examples=20, deadline=None)
@given(
    st.permutations([seen(str(at), at, group=f"g{at % 5}", channel="web") for at in range(1, 12)]), st.integers(1, 11)
)
def test_below_the_bound_the_record_is_the_same_in_any_order_and_any_batches(shuffled, cut):
    straight, ours = MemoryStore(), MemoryStore()
    straight.apply(sorted(shuffled, key=lambda each: each.at_ms), names=7)

    statuses = [*ours.apply(shuffled[:cut], names=7), *ours.apply(shuffled[cut:], names=7)]

    assert statuses == ["recorded"] * 11
    now = AsOf(ours.load("anna"), 10**9, USUALLY), AsOf(straight.load("anna"), 10**9, USUALLY)
    assert values(now[0]) == values(now[1])
    assert ours.load("anna").contacts == straight.load("anna").contacts


def test_a_packed_record_is_the_record(store):
    store.put([Record("anna", {"age": 30})])

    assert decode(store.packed("anna")) == store.load("anna")
    assert store.packed("nobody") is None


def test_consents_and_preferences_are_told_once_in_the_order_they_were_taken(store):
    given = Consent("marketing", "email", granted=True, source="form", at_ms=2_000)
    taken = Consent("marketing", "", granted=False, source="call", at_ms=1_000)
    store.put([Record("anna", {"age": 30}, [given])])
    store.put([Record("anna", {"age": 31}, [given])])
    store.set_consent("anna", taken)
    store.set_preferences("bob", Preferences(off=("cards",)))

    numbers, changes = zip(*store.changes(0, 10), strict=True)

    assert [(c.customer_id, c.kind, c.consent) for c in changes] == [
        ("anna", "consent", given),
        ("anna", "consent", taken),
        ("bob", "preferences", None),
    ]
    assert changes[2].preferences == Preferences(off=("cards",))
    assert store.changes(numbers[0], 1) == [(numbers[1], changes[1])]
