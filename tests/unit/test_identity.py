"""One person under several ids: the same record in whatever order facts arrive, and no consent is ever widened."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.customer.as_of import AsOf
from engine.customer.checks import Bounds, FieldError
from engine.customer.consents import Statements
from engine.customer.described import described
from engine.customer.identity import Link, canonical, earliest, joined_ms, kind_of_id, link
from engine.customer.intake import Intake
from engine.customer.record import Consent, Interaction, Membership, Record, Wish
from engine.customer.said import join, stated
from engine.decide.derived import USUALLY
from engine.decide.request import Preferences
from engine.decide.values import DAY_MS
from engine.store.memory import MemoryStore

NOW_MS = 1_700_000_000_000
IDS = ("anna", "bob", "email:e", "device:d", "cookie:c")
PAIRS = [("marketing.offers", "email"), ("marketing.offers", "web"), ("marketing", "email"), ("service", "web")]

ids = st.sampled_from(IDS)
moments = st.integers(1, 12).map(lambda hours: NOW_MS + hours * 3_600_000)  # few, so that they meet
links = st.builds(link, st.permutations(IDS).map(lambda names: tuple(names[:2])), moments, st.sampled_from("xy"))
consents = st.builds(
    Consent,
    purpose=st.sampled_from(["marketing", "marketing.offers", "service", "*"]),
    channel=st.sampled_from(["", "email", "web"]),
    granted=st.booleans(),
    source=st.sampled_from(["form", "import"]),
    at_ms=moments,
    expires_ms=st.sampled_from([0, 0, NOW_MS + 20 * 3_600_000, NOW_MS + 90 * 3_600_000]),
)
rules = st.builds(
    Preferences,
    off=st.sampled_from([(), ("cards",), ("loans", "cards")]),
    less=st.dictionaries(st.sampled_from(["cards", "loans"]), moments, max_size=2),
    snoozed_until_ms=st.sampled_from([0, NOW_MS, NOW_MS + 1]),
    at_most_a_week=st.sampled_from([None, 1, 5]),
    channel=st.sampled_from(["", "email"]),
    hours=st.sampled_from([None, (540, 1020)]),
)
fields = st.dictionaries(st.sampled_from(["age", "city"]), st.sampled_from([1, 2, "x"]), min_size=1)
imported = st.builds(
    lambda name, attributes, zone, said, source, at_ms, held: stated(
        Record(name, attributes, said, zone, segments=held), source, at_ms
    ),
    ids, fields, st.sampled_from(["", "Europe/Paris", "UTC"]), st.lists(consents, max_size=2),
    st.sampled_from(["crm", "shop"]), moments,
    st.dictionaries(st.just("vip"), st.builds(Membership, st.sampled_from("ab"), st.sampled_from([0, 1]), moments)),
)  # fmt: skip
happened = st.builds(
    Interaction,
    key=st.sampled_from("abcdefgh"),
    customer_id=ids,
    kind=st.sampled_from(["purchase", "exposure", "click", "login"]),
    at_ms=moments,
    action_key=st.sampled_from(["", "card"]),
    amount=st.sampled_from([0.0, 0.1, 12.34]),
)


@st.composite
def logins(draw):
    event, other = draw(happened), draw(ids)
    return event if other == event.customer_id else Interaction(
        f"{event.key} {other}", event.customer_id, "login", event.at_ms, also_known_as=other
    )  # fmt: skip


facts = st.one_of(logins(), links, imported, st.tuples(ids, consents), st.tuples(ids, st.builds(Wish, moments, rules)))


def take(store, fact):
    """One fact into a store, the way it comes in."""
    match fact:
        case Interaction():
            store.apply([fact])
        case Link():
            store.link([fact])
        case Record():
            store.put([fact])
        case (name, Consent() as consent):
            store.set_consent(name, consent)
        case (name, Wish() as wish):
            store.set_preferences(name, wish.rules, wish.at_ms)


def lived(every):
    store = MemoryStore()
    for fact in every:
        take(store, fact)
    return store


def kept(store):
    """All that a store knows, and of whom; how often a record changed here says nothing of the person."""
    whose = {name: record.customer_id for name in IDS if (record := store.load(name))}
    return whose, [{**described(AsOf(record, NOW_MS + DAY_MS, USUALLY)), "revision": 0} for record in store.scan()]


def different_keys(every):
    """One interaction of each key and id: another one under the same key would be another story."""
    seen = {}
    return [
        fact
        for fact in every
        if not isinstance(fact, Interaction) or seen.setdefault((fact.customer_id, fact.key), fact) is fact
    ]


@settings(max_examples=300, deadline=None)
@given(st.data(), st.lists(facts, max_size=14).map(different_keys))
def test_any_permutation_of_events_imports_statements_and_links_gives_the_same_records(data, every):
    other = data.draw(st.permutations(every))

    assert kept(lived(every)) == kept(lived(other))


@settings(max_examples=100, deadline=None)
@given(st.lists(facts, max_size=10).map(different_keys))
def test_everything_again_changes_nothing(every):
    store = lived(every)
    before = [(record, record.revision) for record in store.scan()]

    for fact in every:
        take(store, fact)

    assert [(record, record.revision) for record in store.scan()] == before


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(ids, consents), max_size=10), st.lists(links, max_size=4))
def test_merging_never_widens_a_consent(said, together):
    apart = lived(said)
    before = {name: Statements(apart.load(name) or Record(name)) for name in IDS}
    late = [Link(NOW_MS * 2, each.one, each.other) for each in together]  # after everything that was said
    now_ms = NOW_MS + 13 * 3_600_000

    merged = lived([*said, *late])

    for name in IDS:
        record = merged.load(name) or Record(name)
        statements = Statements(record)
        assert statements.suppressed() >= before[name].suppressed()
        for purpose, channel in PAIRS:
            refused = any(withdrawn(before[each], purpose, channel) for each in record.ids)
            assert not (refused and statements.allows(purpose, channel, now_ms))


def withdrawn(statements, purpose, channel):
    """Whether the newest word on a purpose, or on one above it, is a withdrawal; in plain loops."""
    above = [purpose, purpose.partition(".")[0]]
    for name in above:
        said = [c for c in statements.consents if c.purpose == name and c.channel in ("", channel)]
        newest = [c for c in said if c.at_ms == max(each.at_ms for each in said)]
        if any(not c.granted for c in newest):
            return True
    return False


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
def test_the_stricter_holds_until_the_person_says_otherwise(order):
    said = [
        ("anna", Consent("marketing", "email", True, "form", NOW_MS + 5)),
        ("cookie:c", Consent("marketing", "email", False, "page", NOW_MS)),
        Link(NOW_MS + 10, "anna", "cookie:c"),
        ("anna", Consent("marketing", "email", True, "form", NOW_MS + 20)),
    ]

    def allowed(facts):
        return Statements(lived(facts).load("anna")).allows("marketing", "email", NOW_MS + 30)

    assert allowed(said[:2])
    assert not allowed(said[:3])
    assert allowed([said[at] for at in order])


def test_the_sooner_expiry_holds():
    said = [
        ("anna", Consent("marketing", "", True, "form", NOW_MS)),
        ("bob", Consent("marketing", "", True, "form", NOW_MS + 1, expires_ms=NOW_MS + 100)),
        Link(NOW_MS + 10, "anna", "bob"),
    ]
    statements = Statements(lived(said).load("anna"))

    assert (
        statements.allows("marketing", "web", NOW_MS + 99),
        statements.allows("marketing", "web", NOW_MS + 100),
    ) == (
        True,
        False,
    )


def test_rules_set_apart_hold_together_until_the_person_sets_them_again():
    said = [
        ("anna", Wish(NOW_MS, Preferences(off=("cards",), at_most_a_week=5, channel="web"))),
        ("bob", Wish(NOW_MS + 1, Preferences(off=("loans",), at_most_a_week=1, hours=(540, 600)))),
        Link(NOW_MS + 10, "anna", "bob"),
    ]
    together = Preferences(("cards", "loans"), at_most_a_week=1, channel="web", hours=(540, 600))
    assert lived(said).load("bob").preferences == together

    again = ("bob", Wish(NOW_MS + 20, Preferences(at_most_a_week=9)))
    assert lived([again, *said]).load("anna").preferences == Preferences(at_most_a_week=9)


def test_a_newer_field_is_never_overwritten_by_an_older_row():
    crm = stated(Record("anna", {"age": 30, "city": "Ulm"}, time_zone="UTC"), "crm", NOW_MS)
    shop = stated(Record("anna", {"age": 31}), "shop", NOW_MS + 1)

    for every in ([crm, shop], [shop, crm]):
        record = lived(every).load("anna")
        assert (record.attributes, record.time_zone) == ({"age": 31, "city": "Ulm"}, "UTC")
        assert [(origin.source, origin.fields) for origin in record.origins] == [
            ("crm", ["city", "time_zone"]), ("shop", ["age"])
        ]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.data(), st.lists(links, max_size=12))
def test_the_links_that_made_a_person_say_since_when_any_two_ids_are_one(data, every):
    made = earliest(every)

    assert made == earliest(data.draw(st.permutations(every))) == earliest([*made, *every])
    since = joined_ms(made)
    for at_ms in {each.at_ms for each in every}:
        known = reached([each for each in every if each.at_ms <= at_ms])
        assert known == {pair for pair, joined in since.items() if joined <= at_ms}


def reached(every):
    """Pairs of different ids with a way of links between them; by going round until nothing is new."""
    pairs = {pair for each in every for pair in ((each.one, each.other), (each.other, each.one))}
    while more := {(a, d) for a, b in pairs for c, d in pairs if b == c and a != d} - pairs:
        pairs |= more
    return pairs


def test_a_known_id_stands_before_an_anonymous_one():
    assert canonical(["0123abcd-0000-4000-8000-0123456789ab", "anna"]) == "anna"
    assert canonical(["cookie:a", "device:a", "email:a"]) == "email:a"
    assert canonical(["cookie:a", "zoe", "device:a", "anna"]) == "anna"
    assert [kind_of_id(name) for name in ("email:9f", "card:4711", "cookie", "cookie:")] == [
        "email", "account", "account", "cookie"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("other", "words"), [("anna", "own id"), ("email:anna@example.com", "SHA-256"), ("x" * 129, "128 bytes")]
)
def test_an_id_that_cannot_be_linked_is_refused_with_its_field(other, words):
    said = {"key": "a", "customer_id": "anna", "kind": "login", "also_known_as": other}

    with pytest.raises(FieldError, match=words) as refused:
        Intake(Bounds(), None, {}).interaction("", said, NOW_MS)
    assert refused.value.path == "also_known_as"


@settings(max_examples=50, deadline=None)
@given(imported, imported, imported)
def test_what_records_say_can_be_joined_in_any_order(one, other, third):
    def said(record):
        return [getattr(record, name) for name in ("attributes", "consents", "time_zone", "segments", "origins")]

    one, other, third = (join(Record(""), each) for each in (one, other, third))
    assert said(join(join(one, other), third)) == said(join(one, join(other, third)))
    assert said(join(one, other)) == said(join(other, one))
