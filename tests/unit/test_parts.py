"""What a snapshot takes over from the one before changes nothing: it is the one that would be made of nothing."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.decide import explain
from engine.decide.bundle import read_bundle
from engine.decide.faults import BundleError
from engine.decide.parts import NOTHING, Parts
from engine.decide.pipeline import decide
from engine.decide.request import Ask, CustomerView, Request
from engine.decide.scoring import first_day
from engine.decide.snapshot import build_snapshot
from rules import Library

HEADER = "action_key,objective,group,purposes,value,lever,start,margin\n"
# Of each file some good texts, and some whose faults depend on another file.
TEXTS = {
    "schema.yaml": [
        "{customer: {age: int}, action: {margin: double}}",
        "{customer: {age: int, income: double}, action: {margin: double}}",
    ],
    "channels.yaml": ["{web: {direction: inbound}}", "{web: {direction: inbound}, email: {direction: outbound}}"],
    "actions.csv": [
        HEADER + "card,grow,cards,offers,1,1,,0.5\nnote,serve,notes,service,2,1,,\n",
        HEADER + "card,grow,cards,offers,9,2,2030-01-01,0.5\nnote,serve,notes,service,2,1,,0.1\n",
        HEADER + "cash,grow,cards,offers,5,1,,0.5\n",
    ],
    "policies.yaml": [
        "{}",
        "eligibility: [{name: adults, scope: {group: cards}, when: customer.age >= 18}]",
        "suitability: [{name: margin, scope: {action: card}, when: action.margin > 0.2}]",
        "eligibility: [{name: adults, when: customer.agee >= 18}]",
    ],
    "arbitration.yaml": [
        "{}",
        "{levers: {cards: 3.0}, fallback: {web: note}}",
        "{levers: {notes: 2.0}, weights: [{name: old, when: customer.age > 50, weight: 4}]}",
        "{explore: {grow: {kind: epsilon, epsilon: 0.1, price: 0.5}}}",
    ],
    "purposes.yaml": ["{offers: {}, service: {exempt: true, basis: contract}}", "{offers: {}, service: {}}"],
    "customer.yaml": ["{}", "segments: [{name: old, when: customer.age > 50}]"],
    "models.yaml": ["{}", "use: [{model: response}, {model: sale, scope: {group: cards}}]"],
    "tables/worth.csv": [
        "# hit: first\ncustomer.age,=weight\n>= 40,2\n",
        "# hit: first\ncustomer.age,=weight\n>= 40,3\n",
    ],
}
LIBRARY = Library()
CUSTOMERS = [CustomerView({"age": age}, {}, {("offers", "web"): True}) for age in (17, 45, 60)]
REQUEST = Request((Ask("web", limit=9),), 1_700_000_000_000)
CONTENDERS = {name: first_day(name, rate) for name, rate in (("response", 0.1), ("sale", 0.2))}


def made(texts, parts):
    """The snapshot, or the faults in words."""
    try:
        bundle = read_bundle(texts, LIBRARY, parts)
        return build_snapshot(bundle, texts, [CONTENDERS[name] for name in bundle.lineup.names], parts=parts)
    except BundleError as error:
        return str(error)


def words(snapshot):
    """All that it says of some customers."""
    if isinstance(snapshot, str):
        return snapshot
    found = [decide(snapshot, customer, REQUEST) for customer in CUSTOMERS]
    ranked = [(e.priority.tolist(), [r.tolist() for r in e.rankings], [c.tolist() for c in e.chances]) for e in found]
    return snapshot.version, ranked, [explain.full(evaluation) for evaluation in found]


@given(st.lists(st.tuples(*(st.integers(0, len(texts) - 1) for texts in TEXTS.values())), min_size=2, max_size=5))
@example([(0, 0, 0, 2, 0, 0, 0, 0, 0), (0, 0, 2, 2, 0, 0, 0, 0, 0), (0, 0, 0, 2, 0, 0, 0, 0, 0)])
@settings(max_examples=60, deadline=None)
def test_a_snapshot_that_takes_over_is_the_one_made_of_nothing(bundles):
    held = NOTHING
    for chosen in bundles:
        texts = {name: TEXTS[name][at] for name, at in zip(TEXTS, chosen, strict=True)}
        following = made(texts, Parts(held))

        assert words(following) == words(made(texts, Parts()))
        held = held if isinstance(following, str) else following.made


def test_only_what_changed_is_made():
    texts = {name: each[0] for name, each in TEXTS.items()}
    rests = []
    before = made(texts, Parts())

    after = made(
        {**texts, "arbitration.yaml": TEXTS["arbitration.yaml"][1]}, Parts(before.made, lambda: rests.append(1))
    )

    assert (after.catalogue, after.gates) == (before.catalogue, before.gates)
    assert after.scoring.models == before.scoring.models
    assert 0 < len(rests) == len(after.made.keys() - before.made.keys()) < len(before.made) / 4


def test_a_snapshot_holds_nothing_of_the_one_before_that_it_does_not_use():
    texts = {name: each[0] for name, each in TEXTS.items()}
    before = made(texts, Parts())

    after = made({**texts, "actions.csv": TEXTS["actions.csv"][1]}, Parts(before.made))

    assert len(after.made) == len(before.made)
    assert id(before.catalogue) not in {id(part) for _, part in after.made.values()}
