"""The record: bounded, the same in whatever order events arrive, and no cap can leak from what it lets go."""

from collections import Counter
from contextlib import contextmanager
from functools import partial, reduce

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.customer import history, trail
from engine.customer.as_of import AsOf
from engine.customer.change import apply_interaction, apply_interactions
from engine.customer.described import described
from engine.customer.formats import decode, encode
from engine.customer.record import Consent, Interaction, Membership, Purchase, Record, RecordError, Wish
from engine.customer.said import upsert
from engine.customer.values import values
from engine.decide.derived import Derived, Rfm
from engine.decide.keeping import Keeping
from engine.decide.request import Contact, Preferences
from engine.decide.values import DAY_MS

NOW_MS = 1_700_000_000_000
DERIVED = Derived(
    rfm=Rfm(("7d", "30d"), ("14d",), ("channel", "group")), channels=("email", "web"), groups=("g0", "g1")
)
KEEPING = Keeping(
    newest=3, window_ms=30 * DAY_MS, counted=frozenset({"exposure"}),
    channels=frozenset(DERIVED.channels), groups=frozenset(DERIVED.groups),
)  # fmt: skip
# As version 0.1 wrote it: attributes, a consent, preferences, two purchases, an exposure and a click.
FIRST_FORMAT = bytes.fromhex(
    "0198a4616e6e6182a36167651ea47461677391a1619197a96d61726b6574696e67a5656d61696cc3a3776562cf0000018bcfe56800a7636f6e"
    "73656e7400ac4575726f70652f50617269739293cf0000018bcfe56800cb4028ae147ae147aecb3fe000000000000093cf0000018bdf587c00"
    "cb4008cccccccccccdcb00000000000000009297cf0000018bd50bc400a86578706f73757265a26131a26731a467726f77a5656d61696ca097"
    "cf0000018bda322000a5636c69636ba26131a26731a467726f77a5656d61696ca0029691a56361726473800003a0c0"
)

# As the version before ids were linked wrote it: attributes, a consent, preferences, a segment, a purchase and a click.
SECOND_FORMAT = bytes.fromhex(
    "029ba4616e6e6182a36167651ea47461677391a1619197a96d61726b6574696e67a5656d61696cc3a3776562cf0000018bcfe56800a7636f"
    "6e73656e7400ac4575726f70652f5061726973029691a56361726473800003a0c081a376697092a36f6e65cf0000018bcfe568009a92a870"
    "75726368617365a091a600010101010191cf0000018bcfe56800910091cd303491cd01f4cf0000018bcfe568000097909090909090009790"
    "9090909090009a95a87075726368617365a0a5636c69636ba26131a377656292a6000101010101a602030101040192cf0000018bcfe56800"
    "0192000192cd30340092cd01f400cf0000018bcfe5680100979090909090900097909090909090009282a870757263686173659601cd3034"
    "cd01f401cf0000018bcfe56800cf0000018bcfe56800a5636c69636b9601000000cf0000018bcfe56801cf0000018bcfe56801809291cd4c"
    "db91ce00400000"
)

events = st.builds(
    Interaction,
    key=st.just(""),
    customer_id=st.just("anna"),
    kind=st.sampled_from(["purchase", "exposure", "click", "page_view", "basket", "waved"]),
    at_ms=st.one_of(
        st.integers(NOW_MS - 100 * DAY_MS, NOW_MS), st.integers(0, 40).map(lambda hours: NOW_MS - hours * DAY_MS // 3)
    ),
    action_key=st.sampled_from(["", "a0", "a1"]),
    group=st.sampled_from(["g0", "g1"]),
    channel=st.sampled_from(["", "email", "web"]),
    amount=st.sampled_from([0.0, 0.1, 0.2, 12.34]),
    discount=st.sampled_from([0.0, 0.3]),
)


def lived(happened):
    """One after the other: what is counted at once is put in order first."""
    return reduce(partial(apply_interaction, keeping=KEEPING), happened, Record("anna"))


def kept(record):
    """Everything a record holds, free of the numbers that names happen to have."""
    as_of = AsOf(record, NOW_MS + 1, DERIVED)
    older = [
        sorted((start_ms, end_ms, past.words[sums.code], *sums[1:]) for start_ms, end_ms, sums in past.trail.folded())
        for past in (as_of.bought, as_of.met)
    ]
    return described(as_of), older, as_of.activity


@settings(max_examples=150, deadline=None)
@given(st.data(), st.lists(events, max_size=24))
def test_any_order_of_arrival_gives_the_same_record(data, happened):
    other = data.draw(st.permutations(happened))

    assert kept(lived(happened)) == kept(lived(other))


@settings(max_examples=150, deadline=None)
@given(st.data(), st.lists(events, max_size=24))
def test_any_order_of_arrival_gives_the_same_record_beyond_every_bound(data, happened):
    other = data.draw(st.permutations(happened))
    with tight():
        assert kept(lived(happened)) == kept(lived(other))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(events, max_size=12), max_size=3))
def test_what_is_counted_at_once_counts_as_one_by_one(lumps):
    with tight():
        record = reduce(partial(apply_interactions, keeping=KEEPING), lumps, Record("anna"))

        assert kept(record) == kept(lived([event for lump in lumps for event in lump]))


@contextmanager
def tight():
    """Every bound so low that a short history is beyond it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, bound in {"PURCHASES": 4, "CONTACTS": 4, "PURCHASE_DAYS": 3, "CONTACT_DAYS": 3}.items():
            patch.setattr(history, name, bound)
        patch.setattr(trail, "MONTHS", 2)
        patch.setattr(trail, "SLACK", 2)
        yield


@settings(max_examples=200, deadline=None)
@given(st.lists(events, max_size=40), st.integers(1, 30), st.integers(0, 2), st.sampled_from(range(1, 7)))
def test_no_cap_leaks_from_what_a_record_lets_go(happened, days, at_most, place):
    since_ms = NOW_MS - days * DAY_MS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "CONTACTS", 2)
        contacts = lived(happened).contacts

    def counted(history):
        found = (c for c in history if c.kind == "exposure" and c.at_ms > since_ms)
        return Counter(contact[place] for contact in found)

    fields = [field for field in Contact._fields if field != "kind"]
    whole = counted(Contact(event.at_ms, event.kind, *(getattr(event, f) for f in fields[1:])) for event in happened)
    ours = counted(contacts)
    assert {name: min(count, at_most) for name, count in whole.items()} == {
        name: min(ours[name], at_most) for name in whole
    }


def test_what_is_let_go_stays_in_the_totals_and_its_day():
    happened = [
        Interaction("", "anna", "purchase", NOW_MS - at * DAY_MS, channel="web", amount=0.1, discount=0.1 * (at % 2))
        for at in range(400)
    ]
    record = lived(happened)

    made = values(AsOf(record, NOW_MS + 1, DERIVED))
    assert (made["rfm.frequency_total"], made["rfm.monetary_total"], made["rfm.couponed_total"]) == (400.0, 40.0, 200.0)
    assert made["rfm.channel.web.frequency_total"] == 400.0
    assert len(record.purchases) == history.PURCHASES
    assert len(AsOf(record, NOW_MS, DERIVED).bought.trail.days) == history.PURCHASE_DAYS


def test_a_flood_of_topics_is_bounded():
    flood = [
        Interaction("", "anna", "page_view", NOW_MS + at, action_key=f"a{at}", group=f"topic {at}", channel="web")
        for at in range(3_000)
    ]

    assert len(encode(lived(flood))) < 6_000


def test_more_contacts_than_are_kept_are_said_to_be_lost(monkeypatch):
    monkeypatch.setattr(history, "CONTACTS_MOST", 100)
    shown = [Interaction("", "anna", "exposure", NOW_MS + at, action_key=f"a{at}") for at in range(200)]

    assert AsOf(lived(shown), NOW_MS, DERIVED).met.trail.lost_ms == NOW_MS + 99


def test_a_record_of_the_first_format_is_read_as_if_written_today():
    record = decode(FIRST_FORMAT)

    assert record.attributes == {"age": 30, "tags": ["a"]}
    assert record.consents == [Consent("marketing", "email", True, "web", NOW_MS)]
    assert record.preferences == Preferences(off=("cards",), at_most_a_week=3)
    assert (record.time_zone, record.revision) == ("Europe/Paris", 2)
    assert record.purchases == [Purchase(NOW_MS, 12.34, 0.5), Purchase(NOW_MS + 3 * DAY_MS, 3.1)]
    assert [contact.kind for contact in record.contacts] == ["exposure", "click"]
    assert decode(encode(record)) == record


def test_a_record_of_the_second_format_is_read_as_if_written_today():
    record = decode(SECOND_FORMAT)

    assert (record.customer_id, record.ids, record.links, record.origins) == ("anna", ["anna"], [], [])
    assert record.attributes == {"age": 30, "tags": ["a"]}
    assert record.consents == [Consent("marketing", "email", True, "web", NOW_MS)]
    assert record.preferences == Preferences(off=("cards",), at_most_a_week=3)
    assert record.segments == {"vip": Membership("one", NOW_MS)}
    assert record.purchases == [Purchase(NOW_MS, 12.34, 0.5)]
    assert [contact.kind for contact in record.contacts] == ["click"]
    assert decode(encode(record)) == record


def test_rules_of_an_earlier_format_give_way_to_any_that_are_said_since():
    said = Record("anna", wishes=[Wish(1, Preferences(off=("loans",)))])

    assert [upsert(decode(old), said).preferences.off for old in (FIRST_FORMAT, SECOND_FORMAT)] == [("loans",)] * 2


def test_an_unknown_format_and_damage_are_refused():
    with pytest.raises(RecordError, match="unknown"):
        decode(b"\x09")
    with pytest.raises(RecordError, match="damaged"):
        decode(encode(Record("anna"))[:-3])
    with pytest.raises(RecordError, match="damaged"):
        decode(encode(Record("anna")).replace(b"anna", b"ann\xff"))


@settings(max_examples=50, deadline=None)
@given(st.lists(events, max_size=12))
def test_a_record_comes_back_as_it_was_stored(happened):
    record = lived(happened)

    assert kept(decode(encode(record))) == kept(record)


def test_names_that_nothing_refers_to_any_more_are_cleared_away():
    record = Record("anna")
    for at in range(1_000):
        event = Interaction("", "anna", "click", NOW_MS + at * DAY_MS, action_key=f"a{at}", group=f"g{at}")
        record = apply_interaction(record, event, msgspec.structs.replace(KEEPING, counted=frozenset()))

    assert len(AsOf(record, NOW_MS, DERIVED).met.words) < 2 * history.CONTACTS + 2 * trail.SLACK
