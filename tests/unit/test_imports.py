"""Files into the store: the good lines go in, the bad ones are kept aside with number and reason."""

import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from pyarrow import parquet

from engine.decide.bundle import read_bundle
from engine.serve.imports import import_customers, import_interactions
from engine.serve.limits import Limits
from engine.store.lmdb import LmdbStore

BUNDLE = read_bundle(
    {
        "schema.yaml": "customer: {age: int, city: string, member: bool, tags: list(string), since: timestamp}\n",
        "channels.yaml": "email: {direction: outbound}\nweb: {direction: inbound}\n",
        "purposes.yaml": "marketing: {}\n",
        "policies.yaml": "{}\n",
        "actions.csv": "action_key,objective,group,purposes,value\ncard,grow,cards,marketing.offers,1\n",
    }
)


def aside(file):
    path = file.with_name(f"{file.name}.rejected.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def loaded(state, customer_id):
    store = LmdbStore(state / "store")
    record = store.load(customer_id)
    store.close()
    return record


INTERACTIONS = b"""key,customer_id,kind,at_ms,amount
a,anna,purchase,1700000000000,2.5
b,,purchase,1700000000000,1
c,anna,purchase,soon,1
d,anna,purchase,1700000000000,NaN
e,anna,purchase,1700000000000
f,an\xffna,purchase,1700000000000,1
"g,anna,purchase,1700000000000,1
h,anna,click,2023-11-14T22:13:20Z,
i,anna,purchase,-62135596800000,1
"""


def test_bad_csv_lines_are_kept_aside_with_their_line_number(tmp_path):
    file = tmp_path / "interactions.csv"
    file.write_bytes(INTERACTIONS)

    assert import_interactions(file, tmp_path) == {"imported": 2, "duplicates": 0, "rejected": 7}

    assert [line["line"] for line in aside(file)] == [3, 4, 5, 6, 7, 8, 10]
    reasons = [
        "customer_id: must not be empty",
        "'soon' is no date",
        "no finite number",
        "4 cells",
        "UTF-8",
        "CSV",
        "1970",
    ]
    assert [reason for reason, line in zip(reasons, aside(file), strict=True) if reason not in line["reason"]] == []
    assert [purchase.amount for purchase in loaded(tmp_path, "anna").purchases] == [2.5]
    assert loaded(tmp_path, "anna").contacts[0].at_ms == 1_700_000_000_000


def test_what_was_imported_before_counts_as_a_duplicate(tmp_path):
    file = tmp_path / "interactions.csv"
    file.write_bytes(INTERACTIONS)
    import_interactions(file, tmp_path)

    assert import_interactions(file, tmp_path) == {"imported": 0, "duplicates": 2, "rejected": 7}
    assert len(loaded(tmp_path, "anna").purchases) == 1


def test_bad_json_lines_are_kept_aside_with_their_line_number(tmp_path):
    file = tmp_path / "people.jsonl"
    lines = ['{"customer_id": "anna", "age": 30, "consent:marketing:email": true}', "{broken", "[1]", ""]
    lines += ['{"customer_id": "bob", "age": "old"}', '{"customer_id": "eve", "consent:marketing:email": "perhaps"}']
    lines += ['{"customer_id": "zoe", "shoe": 39}', '{"customer_id": "max", "member": 1}', '{"age": 3}', "[" * 99_999]
    file.write_text("\n".join(lines))

    assert import_customers(file, tmp_path, BUNDLE)["rejected"] == 8
    assert [line["line"] for line in aside(file)] == [2, 3, 5, 6, 7, 8, 9, 10]
    assert loaded(tmp_path, "anna").attributes == {"age": 30}
    assert loaded(tmp_path, "anna").consents[0].granted


def test_texts_become_the_types_of_the_schema(tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("customer_id,age,member,tags,since\nanna,30,true,a;b,2026-01-01\n")

    import_customers(file, tmp_path, BUNDLE)

    expected = {"age": 30, "member": True, "tags": ["a", "b"], "since": 1_767_225_600_000}
    assert loaded(tmp_path, "anna").attributes == expected


def test_parquet_rows_are_read_and_bad_ones_kept_aside(tmp_path):
    file = tmp_path / "people.parquet"
    parquet.write_table(pa.table({"customer_id": ["anna", None, "bob"], "age": [30, 31, None]}), file)

    assert import_customers(file, tmp_path, BUNDLE) == {"imported": 2, "duplicates": 0, "rejected": 1}
    assert [line["line"] for line in aside(file)] == [2]


def test_a_file_without_bad_lines_leaves_nothing_aside(tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("customer_id\nanna,1\n")
    import_customers(file, tmp_path)
    file.write_text("customer_id\nanna\n")
    import_customers(file, tmp_path)

    assert list(tmp_path.glob("*.rejected.jsonl")) == []


@pytest.mark.parametrize(("name", "words"), [("people.xls", "is not read"), ("people.parquet", "no Parquet")])
def test_a_file_of_another_kind_is_refused_with_a_sentence(tmp_path, name, words):
    file = tmp_path / name
    file.write_text("hello")

    with pytest.raises(ValueError, match=words):
        import_customers(file, tmp_path)


def test_values_that_no_attribute_can_have_are_kept_aside(tmp_path):
    file = tmp_path / "people.jsonl"
    values = [10**30, "NaN", "1e999", '{"a": {"b": 1}}', '[1, "a"]', "[[1]]", r'"\ud800"', '{"a": 1, "a": 2}']
    file.write_text("\n".join(f'{{"customer_id": "anna", "age": {value}}}' for value in [*values, 30]))

    assert import_customers(file, tmp_path) == {"imported": 1, "duplicates": 0, "rejected": len(values)}
    assert loaded(tmp_path, "anna").attributes == {"age": 30}


@pytest.mark.parametrize("customer_id", ['["a"]', "true", "1.5", '{"a": 1}', r'"\ud800"', "null"])
def test_an_id_that_is_no_text_is_kept_aside(tmp_path, customer_id):
    file = tmp_path / "people.jsonl"
    file.write_text(f'{{"customer_id": {customer_id}}}\n')

    assert import_customers(file, tmp_path)["rejected"] == 1


@pytest.mark.parametrize("line", ["anna,true,,", "anna,,true,", "anna,,,Mars/Olympus"])
def test_a_consent_for_nothing_and_a_zone_of_nowhere_are_kept_aside(tmp_path, line):
    file = tmp_path / "people.csv"
    file.write_text(f"customer_id,consent:,consent::email,time_zone\n{line}\n")

    assert import_customers(file, tmp_path)["rejected"] == 1


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"customer_id,consent:marketing,consent:marketing", "column 'consent:marketing' stands twice"),
        ("customer_id,größe".encode("latin-1"), "no UTF-8"),
        ("customer_id,age".encode("utf-16"), "no UTF-8"),
        (b"", "it is empty"),
    ],
)
def test_a_header_that_cannot_be_trusted_refuses_the_file(tmp_path, header, words):
    file = tmp_path / "people.csv"
    file.write_bytes(header + b"\nanna,false,true\n" if header else b"")

    with pytest.raises(ValueError, match=words):
        import_customers(file, tmp_path)


def test_an_interaction_with_an_unknown_column_or_from_the_future_is_kept_aside(tmp_path):
    file = tmp_path / "interactions.jsonl"
    good = {"key": "a", "customer_id": "anna", "kind": "click", "at_ms": 1_700_000_000_000}
    lines = [{**good, "chanel": "email"}, {**good, "at_ms": 4_000_000_000_000}, good]
    file.write_text("\n".join(map(json.dumps, lines)))

    assert import_interactions(file, tmp_path)["imported"] == 1
    assert [line["reason"].rstrip("0123456789 ") for line in aside(file)] == [
        "chanel: unknown field 'chanel'; did you mean 'channel'?",
        "at_ms: 4000000000000 lies ahead; now is",
    ]


def test_moments_of_parquet_become_milliseconds(tmp_path):
    file = tmp_path / "people.parquet"
    since = [datetime(2026, 1, 1, tzinfo=UTC)]
    parquet.write_table(pa.table({"customer_id": ["anna"], "since": since}), file)

    import_customers(file, tmp_path, BUNDLE)

    assert loaded(tmp_path, "anna").attributes == {"since": 1_767_225_600_000}


def test_numbers_may_be_names_in_a_table_and_texts_numbers(tmp_path):
    file = tmp_path / "interactions.parquet"
    rows = {"key": ["a"], "customer_id": [17], "kind": ["purchase"], "at_ms": [1_700_000_000_000], "amount": ["2.5"]}
    parquet.write_table(pa.table(rows), file)

    assert import_interactions(file, tmp_path)["imported"] == 1
    assert loaded(tmp_path, "17").purchases[0].amount == 2.5


def test_a_json_line_may_be_a_cloud_event_or_a_dead_letter_of_one(tmp_path):
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "a.click", "subject": "anna"}
    timed = {**event, "time": "2023-11-14T22:13:20Z"}
    letter = {"at_ms": 1_700_000_000_001, "source": "x", "reason": "y", "raw": json.dumps({**event, "id": "2"})}
    bad = [event, {**letter, "raw": "{"}, {**letter, "raw": "[]"}]
    file = tmp_path / "letters.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in [timed, letter, *bad]))

    assert import_interactions(file, tmp_path) == {"imported": 2, "duplicates": 0, "rejected": 3}
    assert [contact.at_ms for contact in loaded(tmp_path, "anna").contacts] == [1_700_000_000_000, 1_700_000_000_001]
    assert "at_ms" in aside(file)[0]["reason"]


def test_what_was_kept_aside_can_be_mended_and_imported_from_there(tmp_path):
    file = tmp_path / "interactions.csv"
    file.write_text("key,customer_id,kind,at_ms\na,anna,click,soon\n")
    import_interactions(file, tmp_path)
    rejected = tmp_path / "interactions.csv.rejected.jsonl"

    assert import_interactions(rejected, tmp_path)["rejected"] == 1
    again = tmp_path / f"{rejected.name}.rejected.jsonl"
    again.write_text(again.read_text().replace("soon", "2023-11-14"))
    assert import_interactions(again, tmp_path)["imported"] == 1
    assert loaded(tmp_path, "anna").contacts[0].kind == "click"


def test_a_line_with_a_name_too_many_is_kept_aside_with_its_number(tmp_path, monkeypatch):
    monkeypatch.setattr(Limits, "names", 2)
    file = tmp_path / "topics.jsonl"
    lines = [{"key": str(at), "customer_id": "anna", "kind": "view", "at_ms": 1, "group": f"g{at}"} for at in range(3)]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))

    assert import_interactions(file, tmp_path) == {"imported": 1, "duplicates": 0, "rejected": 2}

    assert [line["line"] for line in aside(file)] == [2, 3]
    assert "its fill of names" in aside(file)[0]["reason"]
    monkeypatch.undo()
    again = import_interactions(file.with_name("topics.jsonl.rejected.jsonl"), tmp_path)
    assert again == {"imported": 2, "duplicates": 0, "rejected": 0}


def test_a_row_is_held_to_the_bounds_of_a_call_for_every_decision_reads_the_whole_record(tmp_path):
    file = tmp_path / "people.jsonl"
    over = [
        {"city": "x" * 4_097}, {"tags": ["x"] * 257}, {"tags": ["x" * 4_097]}, {"of": {"x" * 4_097: 1}}, {"n" * 129: 1},
        {f"a{number}": 1 for number in range(257)}, {f"consent:p{number}": True for number in range(257)},
        {"consent:" + "p" * 129: True}, {"consent:mark\teting": False}, {"consent:marketing:" + "c" * 129: False},
    ]  # fmt: skip
    rows = [{"customer_id": "anna", **cells} for cells in [*over, {"city": "x" * 4_096}]]
    file.write_text("\n".join(map(json.dumps, rows)))

    assert import_customers(file, tmp_path) == {"imported": 1, "duplicates": 0, "rejected": len(over)}
    assert loaded(tmp_path, "anna").consents == []


def test_a_consent_that_no_decision_would_ask_for_is_kept_aside(tmp_path):
    file = tmp_path / "people.jsonl"
    columns = ["marketing:emial", "marekting:email", "marketing.offers:email", "marketing", "*"]
    lines = [json.dumps({"customer_id": "anna", f"consent:{column}": False}) for column in columns]
    file.write_text("\n".join(lines))

    assert import_customers(file, tmp_path, BUNDLE) == {"imported": 3, "duplicates": 0, "rejected": 2}
    assert [line["reason"] for line in aside(file)] == [
        "consent:marketing:emial: unknown channel 'emial'; did you mean 'email'?",
        "consent:marekting:email: unknown purpose 'marekting'; did you mean 'marketing'?",
    ]


def test_the_newer_row_of_a_field_holds_whichever_file_comes_first(tmp_path):
    crm, shop = tmp_path / "crm.csv", tmp_path / "shop.csv"
    crm.write_text("customer_id,age,city,time_zone,updated_at\nanna,30,Ulm,UTC,2026-01-02\nbob,5,,,2026-01-02\n")
    shop.write_text("customer_id,age,updated_at\nanna,31,2026-01-03T10:00Z\nbob,6,2026-01-01\n")

    for name, order in (("one", [crm, shop]), ("other", [shop, crm])):
        for file in order:
            import_customers(file, tmp_path / name, BUNDLE, source=file.stem)

    for state in (tmp_path / "one", tmp_path / "other"):
        assert (loaded(state, "anna").attributes, loaded(state, "bob").attributes) == (
            {"age": 31, "city": "Ulm"},
            {"age": 5},
        )
        whence = {field: origin.source for origin in loaded(state, "anna").origins for field in origin.fields}
        assert whence == {"age": "shop", "city": "crm", "time_zone": "crm"}


def test_a_row_without_a_moment_is_of_the_import_or_as_it_says(tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("customer_id,age,consent:marketing\nanna,30,true\n")

    import_customers(file, tmp_path, at_ms=1_700_000_000_000)
    (origin,), (consent,) = loaded(tmp_path, "anna").origins, loaded(tmp_path, "anna").consents
    assert (origin.at_ms, origin.source, consent.at_ms, consent.source) == (
        1_700_000_000_000, "people.csv", 1_700_000_000_000, "people.csv"
    )  # fmt: skip

    import_customers(file, tmp_path)
    assert loaded(tmp_path, "anna").origins[0].at_ms > 1_700_000_000_000


@pytest.mark.parametrize("updated_at", ["soon", "2099-01-01", "1969-01-01"])
def test_a_row_of_no_moment_is_kept_aside_and_stops_no_other(tmp_path, updated_at):
    file = tmp_path / "people.csv"
    file.write_text(f"customer_id,age,updated_at\nanna,30,{updated_at}\nbob,31,1700000000000\n")

    assert import_customers(file, tmp_path) == {"imported": 1, "duplicates": 0, "rejected": 1}
    assert aside(file)[0]["reason"].startswith("updated_at: ")


def test_the_same_file_again_changes_nothing_but_its_moment(tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("customer_id,age,consent:marketing,updated_at\nanna,30,true,2026-01-01\n")
    import_customers(file, tmp_path)
    before = loaded(tmp_path, "anna")

    import_customers(file, tmp_path)

    assert loaded(tmp_path, "anna") == before


def test_a_login_that_would_give_a_person_too_many_ids_is_kept_aside(tmp_path):
    file = tmp_path / "logins.jsonl"
    login = {"customer_id": "kiosk", "kind": "login", "at_ms": 1_700_000_000_000}
    lines = [{**login, "key": f"{at:02}", "also_known_as": f"cookie:{at:02}"} for at in range(33)]
    file.write_text("\n".join(map(json.dumps, lines)))

    assert import_interactions(file, tmp_path) == {"imported": 31, "duplicates": 0, "rejected": 2}
    assert [json.loads(line["raw"])["also_known_as"] for line in aside(file)] == ["cookie:31", "cookie:32"]
    assert len(loaded(tmp_path, "cookie:00").ids) == 32
