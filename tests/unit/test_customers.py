"""One record in words, who is in which segment, records made again: the commands about customers."""

import json
import shutil
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.customer.as_of import AsOf
from engine.customer.change import apply_interactions
from engine.customer.record import Consent, Interaction, Membership, Record
from engine.customer.touchpoints import line
from engine.customer.values import values
from engine.decide.bundle import read_bundle
from engine.decide.derived import Derived
from engine.decide.keeping import USUAL, Keeping
from engine.decide.request import Preferences
from engine.decide.values import DAY_MS
from engine.serve.build import read_texts
from engine.serve.segments import import_segments, segment_counts
from engine.store.lmdb import LmdbStore
from engine.store.memory import MemoryStore
from engine.store.protocol import StoreError
from engine.store.settle import settle

CLUB = Path(__file__).parent.parent / "cases" / "club"
BUNDLE = read_bundle(read_texts(CLUB))
NOW_MS = 1_700_000_000_000


def bought(key, days_ago, amount=10.0, channel="web"):
    return Interaction(key, "anna", "purchase", NOW_MS - days_ago * DAY_MS, channel, amount=amount)


HISTORY = [
    Interaction("a", "anna", "click", NOW_MS - 400 * DAY_MS, "web", "hello"),
    bought("b", 396),
    bought("c", 30, 600.0),
    Interaction("d", "anna", "exposure", NOW_MS - 5 * DAY_MS, "email", "offer"),
    Interaction("e", "anna", "basket", NOW_MS - 2 * DAY_MS, "web"),
]


@pytest.fixture
def state(tmp_path):
    store = LmdbStore(tmp_path / "store", 1 << 24)
    store.put([Record("anna", {"age": 30}, [Consent("service", "email", granted=True, source="form", at_ms=NOW_MS)])])
    store.apply(HISTORY)
    store.close()
    return tmp_path


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_a_record_is_shown_in_words(state):
    shown = run("customer", "show", "anna", "--state", state, "--bundle", CLUB, "--now-ms", NOW_MS).stdout

    words = [
        "age: 30", "yes: service in email", "2 purchases for 610.00", "email: dormant", "web: dormant",
        "lead since", "first_time since", "lost since", "repeat since", "1 messages not answered, the newest 'offer'",
        "a basket left 2.0 days ago", "welcome: next is 'hello'", "spenders: customer.rfm.monetary_90d > 500.0",
    ]  # fmt: skip
    assert [word for word in words if word not in shown] == []


def test_words_of_others_are_shown_as_they_stand_and_are_no_markup(tmp_path):
    store, name = LmdbStore(tmp_path / "store", 1 << 24), "[/bold] [red]:smile:"
    store.apply([Interaction("a", name, "[/b]", NOW_MS - 1, "[web]", "[/i]")])
    store.close()

    shown = run("customer", "show", name, "--state", tmp_path, "--now-ms", NOW_MS)

    assert shown.exit_code == 0
    assert [word for word in (name, "[/b]", "[web]", "[/i]") if word not in shown.stdout] == []


@pytest.mark.parametrize("now_ms", [-5, 10**17])
def test_a_moment_that_no_call_could_name_is_refused(state, now_ms):
    refused = run("customer", "show", "anna", "--state", state, "--now-ms", now_ms)

    assert refused.exit_code == 2


def test_what_a_customer_asked_for_and_why_an_imported_segment_are_shown_in_words(tmp_path):
    store, record = LmdbStore(tmp_path / "store", 1 << 24), Record("anna", time_zone="Europe/Paris")
    store.put([msgspec.structs.replace(record, segments={"vip": Membership("v7", 0, NOW_MS)})])
    store.set_preferences("anna", Preferences(("shoes",), {"hats": 1}, NOW_MS, 2, "web", (480, 1_230)), NOW_MS)
    store.close()
    bundle = tmp_path / "bundle"
    shutil.copytree(CLUB, bundle)
    with (bundle / "customer.yaml").open("a") as more:
        more.write("imported_segments: [vip]\n")

    shown = run("customer", "show", "anna", "--state", tmp_path, "--bundle", bundle, "--now-ms", NOW_MS).stdout

    words = [
        "time_zone: Europe/Paris", "nothing about shoes; less of hats; nothing until 14 Nov 2023 22:13; at most 2",
        "from 08:00 to 20:30", "vip: imported 14 Nov 2023 22:13, version v7",
    ]  # fmt: skip
    assert [word for word in words if word not in " ".join(shown.split())] == []


def test_the_same_names_are_shown_as_rules_and_features_read(state):
    shown = run("customer", "show", "anna", "--state", state, "--bundle", CLUB, "--now-ms", NOW_MS, "--json").stdout

    derived = json.loads(shown)["derived"]
    assert derived["rfm.monetary_90d"] == 600.0
    assert derived["journey.stage"] == "repeat"
    assert derived["segment.spenders"] is True
    assert {f"customer.{name}" for name in derived} <= set(BUNDLE.schema.qualified())


def test_the_journey_says_when_each_stage_began_and_what_led_there():
    record = apply_interactions(Record("anna"), HISTORY)

    way = line(AsOf(record, NOW_MS, BUNDLE.derived))

    assert [each.stage for each in way] == ["lead", "first_time", "lapsing", "lost", "repeat"]
    entered = {each.stage: each for each in way}
    assert entered["first_time"].since_ms == NOW_MS - 396 * DAY_MS
    assert [touch.kind for touch in entered["first_time"].touchpoints] == ["click", "purchase"]
    late_ms = entered["lapsing"].since_ms - (NOW_MS - 276 * DAY_MS)
    assert 0 <= late_ms < DAY_MS  # 120 days after the purchase, to the day


def test_a_late_event_moves_the_journey_as_if_it_had_come_in_time():
    late = apply_interactions(Record("anna"), [*HISTORY, bought("f", 200)])
    timely = apply_interactions(Record("anna"), sorted([*HISTORY, bought("f", 200)], key=lambda event: event.at_ms))

    assert line(AsOf(late, NOW_MS, BUNDLE.derived)) == line(AsOf(timely, NOW_MS, BUNDLE.derived))
    assert "lost" not in {each.stage for each in line(AsOf(late, NOW_MS, BUNDLE.derived))}


def test_a_response_rate_is_of_exposures_and_never_above_one():
    clicks = [Interaction(f"c{at}", "anna", "click", NOW_MS - 5, "web", f"a{at}") for at in range(3)]
    shown = Interaction("e", "anna", "exposure", NOW_MS - 9, "web", "a0")

    rates = [
        values(AsOf(apply_interactions(Record("anna"), history), NOW_MS, BUNDLE.derived))["behaviour.response_rate"]
        for history in (clicks, [shown, *clicks])
    ]

    assert rates == [pytest.approx(0.1), pytest.approx(0.55)]


def test_segments_are_counted_as_they_are_now():
    store = MemoryStore()
    store.apply([Interaction("a", "anna", "purchase", 1, amount=600.0), Interaction("b", "bob", "click", 1)])

    assert segment_counts(store, BUNDLE.derived) == {"customers": 2, "spenders": 0, "web_buyers": 0}


def test_a_table_of_segments_is_written_back_with_version_and_expiry(tmp_path):
    file, derived = tmp_path / "members.csv", Derived(imported=("vip",))
    file.write_text("customer_id,segment,expires\nanna,vip,2023-11-20\nbob,vip,\n,vip,\n")

    assert import_segments(file, tmp_path, "one") == {"imported": 2, "duplicates": 0, "rejected": 1, "left": 0}

    store = LmdbStore(tmp_path / "store")
    record = store.load("anna")
    store.close()
    assert record.segments == {"vip": Membership("one", 1_700_438_400_000, record.segments["vip"].at_ms)}
    in_time, too_late = (values(AsOf(record, at_ms, derived))["segment.vip"] for at_ms in (NOW_MS, 1_700_438_400_000))
    assert (in_time, too_late) == (True, False)


@pytest.mark.parametrize("expires", ["0001-01-01", "9999-12-31", "soon"])
def test_a_membership_of_no_expiry_that_can_be_is_kept_aside(tmp_path, expires):
    file = tmp_path / "members.csv"
    file.write_text(f"customer_id,segment,expires\nanna,vip,{expires}\nbob,vip,1970-01-01\n")

    assert import_segments(file, tmp_path)["rejected"] == 1

    store, derived = LmdbStore(tmp_path / "store"), Derived(imported=("vip",))
    assert values(AsOf(store.load("bob"), NOW_MS, derived))["segment.vip"] is False
    store.close()


def test_who_is_not_in_the_next_version_of_a_table_leaves_the_segment(tmp_path):
    file = tmp_path / "members.csv"
    file.write_text("customer_id,segment\nanna,vip\nbob,vip\nbob,new\n")
    import_segments(file, tmp_path)
    file.write_text("customer_id,segment\nbob,vip\n")

    assert import_segments(file, tmp_path)["left"] == 1
    assert import_segments(file, tmp_path)["left"] == 0

    store, derived = LmdbStore(tmp_path / "store"), Derived(imported=("vip", "new"))
    anna, bob = (values(AsOf(store.load(name), NOW_MS, derived)) for name in ("anna", "bob"))
    store.close()
    assert (anna["segment.vip"], bob["segment.vip"], bob["segment.new"]) == (False, True, True)


def test_a_value_that_is_added_is_filled_by_a_rebuild(state):
    before = run("customer", "show", "anna", "--state", state, "--bundle", CLUB, "--now-ms", NOW_MS, "--json")
    assert json.loads(before.stdout)["derived"]["rfm.channel.web.frequency_total"] == 0.0  # nobody kept it apart

    assert json.loads(run("rebuild", CLUB, "--state", state).stdout) == {"rebuilt": 1}

    after = run("customer", "show", "anna", "--state", state, "--bundle", CLUB, "--now-ms", NOW_MS, "--json")
    always = apply_interactions(Record("anna", {"age": 30}), HISTORY, BUNDLE.keeping)
    assert json.loads(after.stdout)["derived"] == values(AsOf(always, NOW_MS, BUNDLE.derived))


def test_a_bundle_that_needs_more_than_records_keep_is_not_served(state):
    store = LmdbStore(state / "store")
    with pytest.raises(StoreError, match=r"channels email, web.*nba rebuild"):
        settle(store, BUNDLE.keeping)
    for _ in store.rebuild(BUNDLE.keeping):
        pass

    settle(store, BUNDLE.keeping)
    store.close()


def test_where_nothing_has_happened_yet_records_keep_what_the_bundle_needs():
    store = MemoryStore()
    settle(store, BUNDLE.keeping)

    assert store.kept() == (BUNDLE.keeping, True)


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        (Keeping(newest=65), "65 contacts of a message"),
        (Keeping(window_ms=400 * DAY_MS), "contacts of 400 days"),
        (Keeping(steps=frozenset({"hello"})), "steps hello"),
        (Keeping(exits=frozenset({"waved"})), "exits waved"),
    ],
)
def test_what_is_lacking_is_said(needed, words):
    assert USUAL.lacks(needed) == words
    assert needed.lacks(USUAL) == ""


def test_ids_are_linked_shown_and_erased(state):
    store = LmdbStore(state / "store")
    store.put([Record("cookie:x", {}, [Consent("service", "email", False, "page", NOW_MS + 1)])])
    store.close()

    linked = run("customer", "link", "anna", "cookie:x", "--state", state, "--at", "2024-01-01", "--source", "desk")
    assert json.loads(linked.stdout)["ids"] == ["anna", "cookie:x"]

    shown = " ".join(run("customer", "show", "cookie:x", "--state", state).stdout.split())
    words = [
        "anna (account), cookie:x (cookie)",
        "anna is cookie:x, known since 01 Jan 2024 00:00 (desk)",
        "yes: service in email, said 14 Nov 2023 22:13 as anna (form); the stricter holds",
        "no: service in email, said 14 Nov 2023 22:13 as cookie:x (page)",
    ]
    assert [word for word in words if word not in shown] == []
    told = json.loads(run("customer", "show", "cookie:x", "--state", state, "--json").stdout)
    assert [each["source"] for each in told["links"]] == ["desk"]

    exported = json.loads(run("customer", "export", "cookie:x", "--state", state).stdout)
    assert exported["ids"] == ["anna", "cookie:x"]
    assert exported["from"].keys() < exported.keys()
    assert {(each["kind"], each["source"]) for each in exported["said"] if each["kind"] == "consent"} == {
        ("consent", "form"),
        ("consent", "page"),
    }
    erased = json.loads(run("customer", "erase", "cookie:x", "--state", state).stdout)
    assert erased["erased"] == ["anna", "cookie:x"]
    assert run("customer", "show", "anna", "--state", state).exit_code == 1
    assert run("customer", "export", "anna", "--state", state).exit_code == 1
    assert "no record of ['anna']" in run("customer", "erase", "anna", "--state", state).stderr
    assert run("customer", "readmit", "anna", "--state", state).exit_code == 0
    assert run("customer", "readmit", "anna", "--state", state).exit_code == 1


@pytest.mark.parametrize("others", [["anna"], ["email:anna@example.com"], [f"cookie:{at}" for at in range(32)]])
def test_what_cannot_be_linked_is_said_and_nothing_changes(state, others):
    refused = run("customer", "link", "anna", *others, "--state", state)

    assert (refused.exit_code, refused.stderr.startswith("also_known_as")) == (1, True)
    assert "Known as" not in run("customer", "show", "anna", "--state", state).stdout
