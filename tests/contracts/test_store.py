"""What every store does."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.customer.as_of import AsOf
from engine.customer.checks import ErasedError, FieldError
from engine.customer.consents import Statements
from engine.customer.formats import decode
from engine.customer.identity import MOST_IDS, Link, link
from engine.customer.record import Consent, Interaction, Record
from engine.customer.said import stated
from engine.customer.values import values
from engine.customer.view import Sent, view
from engine.decide.derived import USUALLY
from engine.decide.keeping import USUAL, Keeping
from engine.decide.needs import Needs
from engine.decide.request import Preferences
from engine.decide.values import DAY_MS
from engine.store.lmdb import LmdbStore
from engine.store.memory import MemoryStore


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


@pytest.mark.parametrize("granted", [True, False])
def test_what_is_said_now_holds_against_what_a_clock_ahead_of_ours_has_stamped(store, granted):
    store.set_consent("anna", Consent("marketing", "email", granted=not granted, source="", at_ms=9_000))
    store.set_consent("anna", Consent("marketing", "", granted=granted, source="", at_ms=1_000), now=True)

    assert Statements(store.load("anna")).allows("marketing", "email", 2_000) is granted


def test_preferences_are_kept_and_raise_the_revision(store):
    first = store.set_preferences("anna", Preferences(off=("cards",)), 1)
    second = store.set_preferences("anna", Preferences(at_most_a_week=2), 2)

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
    break_a_rebuild_off(store)
    store.close()


def break_a_rebuild_off(store):
    """It goes on where it was: two records at a time."""
    store.put([Record(f"c{at}") for at in range(7)])

    steps = store.rebuild(SMALL)
    assert next(steps) == 2
    steps.close()

    assert store.kept() == (SMALL, False)
    assert list(store.rebuild(SMALL)) == [2, 2, 1]
    assert store.kept() == (SMALL, True)


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

    assert decode(store.hold("anna").packed) == store.load("anna")
    assert store.hold("nobody").packed == b""


def test_consents_and_preferences_are_told_once_in_the_order_they_were_taken(store):
    given = Consent("marketing", "email", granted=True, source="form", at_ms=2_000)
    taken = Consent("marketing", "", granted=False, source="call", at_ms=1_000)
    store.put([Record("anna", {"age": 30}, [given])])
    store.put([Record("anna", {"age": 31}, [given])])
    store.set_consent("anna", taken)
    store.set_preferences("bob", Preferences(off=("cards",)), 3_000)

    numbers, changes = zip(*store.changes(0, 10), strict=True)

    assert [(c.customer_id, c.kind, c.consent) for c in changes] == [
        ("anna", "consent", given),
        ("anna", "consent", taken),
        ("bob", "preferences", None),
    ]
    assert changes[2].preferences == Preferences(off=("cards",))
    assert store.changes(numbers[0], 1) == [(numbers[1], changes[1])]


def said(one, other, at_ms=5_000):
    return link((one, other), at_ms, "login")


def test_linked_ids_are_one_person_under_every_id(store):
    store.apply([purchase("a"), Interaction("a", "cookie:x", "click", 2_000)])
    store.put([stated(Record("anna", {"age": 30}), "crm", 1)])

    record = store.link([said("cookie:x", "anna")])

    assert record.customer_id == "anna"
    assert store.load("anna") == store.load("cookie:x") == record
    assert record.ids == ["anna", "cookie:x"]
    assert (len(record.purchases), len(record.contacts), record.attributes) == (1, 1, {"age": 30})
    assert (store.count(), [each.customer_id for each in store.scan()]) == (1, ["anna"])
    assert len(store.interactions("cookie:x")) == len(store.interactions("anna")) == 2


def test_linking_again_changes_nothing(store):
    first = store.link([said("anna", "cookie:x")])

    assert store.link([said("cookie:x", "anna"), said("anna", "cookie:x", 9_000)]) == first


def test_two_people_who_become_known_are_one_with_everybody_they_were(store):
    store.link([said("cookie:x", "device:y")])
    store.link([said("anna", "email:z")])

    assert store.load("device:y").customer_id == "device:y"
    assert store.link([said("cookie:x", "email:z")]).ids == ["anna", "cookie:x", "device:y", "email:z"]
    assert {store.load(name).customer_id for name in ("anna", "cookie:x", "device:y", "email:z")} == {"anna"}


def test_a_login_links_within_its_batch_and_counts_what_came_before_and_after(store):
    login = Interaction("l", "anna", "login", 3_000, also_known_as="cookie:x")
    batch = [Interaction("a", "cookie:x", "click", 2_000), login, Interaction("b", "cookie:x", "click", 4_000)]

    assert store.apply(batch) == ["recorded"] * 3
    assert store.apply(batch) == ["duplicate"] * 3

    record = store.load("cookie:x")
    assert (record.customer_id, [contact.at_ms for contact in record.contacts]) == ("anna", [2_000, 3_000, 4_000])
    assert record.links == [Link(3_000, "anna", "cookie:x", "login")]


def test_the_same_key_under_two_ids_of_a_person_is_two_interactions(store):
    store.link([said("anna", "cookie:x")])

    assert store.apply([purchase("a"), Interaction("a", "cookie:x", "purchase", 2_000)]) == ["recorded"] * 2
    assert len(store.load("anna").purchases) == 2


def test_a_person_of_too_many_ids_is_refused_whole(store):
    store.link([said("anna", f"cookie:{at}") for at in range(MOST_IDS - 1)])
    before, told = store.load("anna"), store.changes(0, 100)

    with pytest.raises(FieldError, match="at most 32"):
        store.link([said("bob", "cookie:bob"), said("anna", "cookie:more")])
    (refused,) = store.apply([Interaction("l", "anna", "login", 3_000, also_known_as="cookie:more")])

    assert "shared device" in str(refused)
    assert store.load("anna") == msgspec.structs.replace(before, missed_ms=3_000)  # caps count as full behind it
    assert store.load("bob") is store.load("cookie:more") is None
    assert store.changes(0, 100) == told


def test_a_withdrawal_under_one_id_holds_under_the_other(store):
    store.set_consent("anna", Consent("marketing", "email", granted=True, source="form", at_ms=1_000))
    store.link([said("anna", "cookie:x", 2_000)])
    store.set_consent("cookie:x", Consent("marketing", "email", granted=False, source="page", at_ms=3_000))

    record = store.load("anna")
    assert not Statements(record).allows("marketing", "email", 4_000)
    assert [(each.said_as, each.granted) for each in record.consents] == [("anna", True), ("cookie:x", False)]


def test_an_erased_person_is_gone_under_every_id_and_comes_back_as_somebody_new(store):
    store.apply([purchase("a"), Interaction("a", "cookie:x", "click", 2_000), Interaction("a", "bob", "click", 2_000)])
    store.link([said("anna", "cookie:x")])
    ((last, _),) = store.tail(0, 10)[-1:]

    assert store.erase("cookie:x") == ["anna", "cookie:x"]
    assert store.erase("anna") == []

    assert store.load("anna") is store.load("cookie:x") is None
    assert store.interactions("anna") == store.interactions("cookie:x") == []
    assert [interaction.customer_id for _, interaction in store.tail(0, 10)] == ["bob"]
    assert store.count() == 1
    assert store.readmit("anna")
    assert store.apply([purchase("a")]) == ["recorded"]
    assert store.tail(last, 10) == [(last + 1, purchase("a"))]
    assert store.load("anna").ids == ["anna"]


def test_a_number_is_never_given_twice_even_where_the_last_one_was_erased(store):
    store.apply([Interaction("a", "bob", "click", 2_000), purchase("a")])
    store.erase("anna")
    assert [number for number, _ in store.tail(0, 10)] == [1]

    store.apply([Interaction("b", "bob", "click", 2_000)])

    assert [number for number, _ in store.tail(2, 10)] == [3]
    assert [number for number, _ in store.tail(0, 2)] == [1, 3]


def test_a_rebuild_keeps_a_person_one(store):
    store.apply([purchase("a"), Interaction("a", "cookie:x", "click", 2_000)])
    store.link([said("anna", "cookie:x")])

    assert sum(store.rebuild(SMALL)) == 1

    record = store.load("cookie:x")
    assert (len(record.purchases), len(record.contacts), record.ids) == (1, 1, ["anna", "cookie:x"])


def test_what_a_person_says_now_is_newer_than_whatever_other_clocks_said(store):
    store.set_consent("anna", Consent("marketing", "", granted=True, source="fast clock", at_ms=9_000))
    store.link([said("anna", "cookie:x", 9_500)])
    store.set_consent("cookie:x", Consent("marketing", "", granted=False, source="page", at_ms=1_000), now=True)
    assert not Statements(store.load("anna")).allows("marketing", "web", 20_000)

    store.set_consent("anna", Consent("marketing", "", granted=True, source="page", at_ms=1_000), now=True)
    assert Statements(store.load("cookie:x")).allows("marketing", "web", 20_000)


def lives(name, count, start):
    kinds = ("exposure", "purchase", "click", "page_view")
    return [
        Interaction(str(at), name, kinds[at % 4], start + at * 30_000_000, "web", f"a{at % 5}", "g", amount=at % 7 / 10)
        for at in range(1, count)
    ]


@pytest.mark.parametrize(("long", "short"), [("anna", "cookie:x"), ("cookie:x", "anna")])
def test_a_linked_history_is_as_if_everything_had_happened_under_one_id(store, long, short):
    other = MemoryStore()
    other.apply([msgspec.structs.replace(each, key=f"{each.customer_id} {each.key}", customer_id="anna")
                 for each in (*lives(long, 400, 5), *lives(short, 30, 400_000_000))])  # fmt: skip
    store.apply(lives(long, 400, 5))
    store.apply([*lives(short, 15, 400_000_000), Interaction("l", short, "login", 9, also_known_as=long)])
    store.apply(lives(short, 30, 400_000_000))
    other.apply([Interaction("l", "anna", "login", 9)])

    ours, theirs = store.load(short), other.load("anna")
    assert (ours.contacts, ours.purchases) == (theirs.contacts, theirs.purchases)
    assert values(AsOf(ours, 10**11, USUALLY)) == values(AsOf(theirs, 10**11, USUALLY))


def test_a_link_during_a_rebuild_keeps_what_the_rebuild_keeps(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.store.lmdb.REBUILT", 1)
    store, other = LmdbStore(tmp_path, 1 << 24), MemoryStore()
    store.apply([*lives("anna", 200, 5), *lives("zoe", 250, 9)])
    steps = store.rebuild(SMALL)
    next(steps)
    steps.close()

    store.link([said("anna", "zoe")])

    list(other.rebuild(SMALL))
    other.apply([*lives("anna", 200, 5), *lives("zoe", 250, 9)])
    other.link([said("anna", "zoe")])
    assert store.load("zoe").contacts == other.load("zoe").contacts
    assert sum(store.rebuild(SMALL)) < 2
    assert store.load("zoe").contacts == other.load("zoe").contacts
    store.close()


def test_links_are_told_and_an_erased_person_leaves_no_change_behind(store):
    store.set_consent("anna", Consent("marketing", "", granted=True, source="form", at_ms=1_000))
    store.set_consent("bob", Consent("marketing", "", granted=True, source="form", at_ms=1_000))
    store.link([said("anna", "cookie:x")])

    told = [(c.kind, c.customer_id, c.other) for _, c in store.changes(0, 10)]
    store.erase("cookie:x")

    assert told == [("consent", "anna", ""), ("consent", "bob", ""), ("link", "anna", "cookie:x")]
    assert [c.customer_id for _, c in store.changes(0, 10)] == ["bob"]
    store.set_consent("bob", Consent("marketing", "", granted=False, source="form", at_ms=2_000))
    assert [number for number, _ in store.changes(0, 10)] == [2, 4]


def test_nothing_brings_an_erased_person_back_under_any_id_until_they_are_readmitted(store):
    store.apply([purchase("a")])
    store.link([said("anna", "cookie:x")])
    consent = Consent("marketing", "", granted=True, source="form", at_ms=9_000)
    store.erase("cookie:x")
    numbers = [number for number, _ in store.tail(0, 10)]

    assert store.erased("anna")
    assert store.erased("cookie:x")
    assert not store.erased("bob")
    assert store.put([Record("anna", {"age": 30}), Record("bob", {"age": 40}), Record("cookie:x")]) == 1
    logins = [
        Interaction("b", "anna", "login", 5_000),
        Interaction("c", "bob", "login", 5_000, also_known_as="cookie:x"),
        Interaction("d", "bob", "login", 5_000),
    ]
    first, second, third = store.apply(logins)
    assert (first.path, second.path, third) == ("customer_id", "also_known_as", "recorded")
    for change in (
        lambda: store.set_consent("anna", consent),
        lambda: store.set_preferences("cookie:x", Preferences(off=("cards",)), 5_000),
        lambda: store.link([said("bob", "anna")]),
    ):
        with pytest.raises(ErasedError, match="erased on request"):
            change()
    assert store.load("anna") is store.load("cookie:x") is None
    assert [each.customer_id for number, each in store.tail(0, 10) if number not in numbers] == ["bob"]

    assert store.readmit("anna")
    assert not store.readmit("anna")
    assert store.put([Record("anna", {"age": 30})]) == 1
    assert store.load("anna").ids == ["anna"]
    assert store.erased("cookie:x")
