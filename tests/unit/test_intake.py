"""What a good interaction is, and how a CloudEvent becomes one."""

import json
import math

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from engine.customer.as_of import AsOf
from engine.customer.change import apply_interaction
from engine.customer.checks import Bounds, FieldError
from engine.customer.cloudevents import EventError, fields_of
from engine.customer.intake import FIELDS, Intake
from engine.customer.jsontext import read_json
from engine.customer.record import Interaction, Record
from engine.customer.values import values
from engine.decide.actions import Action
from engine.decide.derived import USUALLY
from engine.journal.deadletters import RAW_CHARS, DeadLetters
from engine.serve.files import LINE_BYTES

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
GOOD = {"key": "k", "customer_id": "anna", "kind": "click"}
INTAKE = Intake(Bounds(), ("tv", "web"), {"card": Action("card", "grow", "cards", (), 1.0)})


def test_what_is_absent_is_empty_and_now():
    assert INTAKE.interaction("", GOOD, NOW_MS) == Interaction("k", "anna", "click", NOW_MS)


def test_a_known_action_brings_its_group_and_objective_and_an_unknown_one_what_was_said():
    said = {"group": "garden", "objective": "serve"}

    known = INTAKE.interaction("", {**GOOD, **said, "action_key": "card"}, NOW_MS)
    other = INTAKE.interaction("", {**GOOD, **said, "action_key": "else"}, NOW_MS)

    assert (known.group, known.objective) == ("cards", "grow")
    assert (other.group, other.objective) == ("garden", "serve")


@pytest.mark.parametrize(
    "at_ms", [1_700_000_000_000, "1700000000000", "2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00"]
)
def test_a_moment_is_milliseconds_or_iso_8601(at_ms):
    assert INTAKE.interaction("", {**GOOD, "at_ms": at_ms}, NOW_MS).at_ms == 1_700_000_000_000


def test_a_clock_may_run_a_day_fast_and_no_more():
    assert INTAKE.interaction("", {**GOOD, "at_ms": NOW_MS + DAY_MS}, NOW_MS).at_ms == NOW_MS + DAY_MS
    with pytest.raises(FieldError, match=r"at_ms: .* lies ahead"):
        INTAKE.interaction("", {**GOOD, "at_ms": NOW_MS + DAY_MS + 1}, NOW_MS)


@pytest.mark.parametrize("said", [{"customer_id": "email:a@b.example"}, {"also_known_as": "email:a@b.example"}])
def test_an_address_is_no_id_whichever_field_says_it(said):
    with pytest.raises(FieldError, match=f"{next(iter(said))}: holds an address"):
        INTAKE.interaction("", GOOD | said, NOW_MS)
    with pytest.raises(FieldError, match="holds an address"):
        INTAKE.links("email:a@b.example", ["anna"], 0, "", NOW_MS)


def test_any_channel_is_taken_where_no_bundle_says_otherwise():
    anywhere = Intake(Bounds(), None, {})

    assert anywhere.interaction("", {**GOOD, "channel": "fridge"}, NOW_MS).channel == "fridge"


def test_the_path_of_a_bad_field_is_that_of_the_interaction_and_its_own():
    with pytest.raises(FieldError, match=r"interactions\[3\]\.channel: unknown channel 'wob'; did you mean 'web'"):
        INTAKE.interaction("interactions[3]", {**GOOD, "channel": "wob"}, NOW_MS)


def test_a_field_misspelt_is_refused_and_not_lost():
    with pytest.raises(FieldError, match=r"chanel: unknown field 'chanel'; did you mean 'channel'"):
        INTAKE.interaction("", {**GOOD, "chanel": "web"}, NOW_MS)


def test_a_moment_of_zero_is_1970_and_not_now():
    with pytest.raises(FieldError, match="between 1970 and 2100"):
        INTAKE.interaction("", {**GOOD, "at_ms": 0}, NOW_MS)


TREE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TREE, st.booleans())
def test_whatever_json_can_write_is_read_as_it_was(tree, escaped):
    assert read_json(json.dumps(tree, ensure_ascii=escaped), 16) == tree


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no JSON"),
        ("{} {}", "no JSON"),
        ("[NaN]", "NaN is no number"),
        ("[-Infinity]", "-Infinity is no number"),
        ("[1e999]", "no finite number"),
        ("[" + "9" * 5_000 + "]", "no JSON"),
        ('[{"a": 1, "b": 2, "a": 1}]', "'a' stands twice"),
        (r'["\ud83d"]', "half a surrogate"),
        (r'{"\udc00": 1}', "half a surrogate"),
        ("[" * 17 + "]" * 17, "more than 16 deep"),
        ("[" * 100_000, "more than 16 deep"),
    ],
)
def test_json_that_two_readers_could_understand_differently_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        read_json(text, 16)


ANY = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=200)
    | st.lists(st.integers(), max_size=2)
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(FIELDS), ANY))
def test_whatever_is_taken_lies_within_the_bounds(fields):
    try:
        taken = INTAKE.interaction("", {**GOOD, **fields}, NOW_MS)
    except FieldError as error:
        event(error.path)
        return
    assert 0 < taken.at_ms <= NOW_MS + DAY_MS
    assert taken.key
    assert taken.customer_id
    assert taken.kind
    assert taken.channel in ("", "tv", "web")
    assert all(abs(amount) <= Bounds.amount for amount in (taken.amount, taken.discount))
    texts = [value for value in (getattr(taken, name) for name in FIELDS) if isinstance(value, str)]
    assert all(len(text.encode()) <= Bounds.name and text.isprintable() for text in texts)


@pytest.mark.parametrize("kind", ["review", "referral", "share"])
def test_a_contribution_is_neither_an_exposure_nor_a_response_nor_a_purchase(kind):
    empty = Record("anna")

    contributed = apply_interaction(empty, INTAKE.interaction("", {**GOOD, "kind": kind}, NOW_MS - 1))

    made, nothing = (values(AsOf(record, NOW_MS, USUALLY)) for record in (contributed, empty))
    assert {name for name in made if made[name] != nothing.get(name)} >= {"behaviour.contributions_total"}
    assert all(
        made[name] == nothing[name]
        for name in nothing
        if name.startswith(("rfm.", "behaviour.exposures", "behaviour.responses", "behaviour.response_rate"))
    )
    assert [contact.kind for contact in contributed.contacts] == [kind]


EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "com.example.page_view", "subject": "anna"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("click", "click"),
        ("com.example.click", "click"),
        ("com.example.click.v2", "click"),
        ("v2", "v2"),
        ("a.vx", "vx"),
    ],
)
def test_the_kind_is_the_last_part_of_the_type_that_is_no_version(name, kind):
    assert fields_of({**EVENT, "type": name})["kind"] == kind


def test_the_extension_names_the_customer_where_both_are_there():
    assert fields_of({**EVENT, "customerid": "bob"})["customer_id"] == "bob"
    assert fields_of(EVENT)["customer_id"] == "anna"


def test_data_never_names_key_customer_kind_or_time():
    fields = fields_of({**EVENT, "data": {"key": "x", "customer_id": "x", "kind": "x", "at_ms": 1, "channel": "tv"}})

    assert fields == {"key": "/s 1", "customer_id": "anna", "kind": "page_view", "at_ms": None, "channel": "tv"}


URI = st.text("abc/#%:", min_size=1, max_size=200)
NUMBER = st.text("ab# /", min_size=1, max_size=200)


@given(URI, NUMBER, URI, NUMBER)
def test_two_events_share_a_key_only_when_source_and_id_are_the_same(source, number, other_source, other_number):
    one, two = (
        fields_of({**EVENT, "source": s, "id": i})["key"] for s, i in ((source, number), (other_source, other_number))
    )

    assert (one == two) == ((source, number) == (other_source, other_number))
    assert len(str(one).encode()) <= Bounds.name


@pytest.mark.parametrize("other", [None, 1, "a", [EVENT], {}, {**EVENT, "data": math.nan}])
def test_what_is_no_event_is_refused(other):
    with pytest.raises(EventError):
        fields_of(other)


# --- dead letters


def lines(directory):
    return [json.loads(line) for file in sorted(directory.iterdir()) for line in file.open()]


def test_a_letter_stands_in_the_file_of_its_day_with_its_reason(tmp_path):
    letters = DeadLetters(tmp_path / "letters")

    letters.add("here", "no reason", '{"a": "é"}', NOW_MS)
    letters.add("here", "none", "b", NOW_MS + DAY_MS)

    assert sorted(file.name for file in (tmp_path / "letters").iterdir()) == ["2027-01-15.jsonl", "2027-01-16.jsonl"]
    expected = {"at_ms": NOW_MS, "source": "here", "reason": "no reason", "raw": '{"a": "é"}'}
    assert lines(tmp_path / "letters")[0] == expected


def test_a_flood_of_letters_stops_at_the_bound_and_harms_nothing(tmp_path):
    letters = DeadLetters(tmp_path, file_bytes=10_000)

    for _ in range(100):
        letters.add("here", "too much", "x" * 1_000, NOW_MS)

    (file,) = tmp_path.iterdir()
    assert 8_000 < file.stat().st_size <= 10_000
    assert {letter["raw"] for letter in lines(tmp_path)} == {"x" * 1_000}


def test_a_long_letter_is_cut_so_that_it_can_be_read_again(tmp_path):
    DeadLetters(tmp_path).add("here", "too long", "\x01" * (RAW_CHARS * 2), NOW_MS)

    (file,) = tmp_path.iterdir()
    assert LINE_BYTES / 2 < file.stat().st_size < LINE_BYTES


def test_letters_hold_what_customers_sent_and_are_for_the_owner_alone(tmp_path):
    DeadLetters(tmp_path).add("here", "why", "raw", NOW_MS)

    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_a_directory_that_cannot_be_written_never_fails_the_call(tmp_path):
    (tmp_path / "file").write_text("")

    DeadLetters(tmp_path / "file").add("here", "why", "raw", NOW_MS)
