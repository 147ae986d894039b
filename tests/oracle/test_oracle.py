"""The engine's answer equals the plain loops' one, reasons included."""

import csv
import io

import numpy as np
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decide import explain
from engine.decide.bundle import read_bundle
from engine.decide.pipeline import Effort, decide
from engine.decide.request import Ask, Contact, CustomerView, Inline, Request
from engine.decide.scoring import first_day
from engine.decide.snapshot import build_snapshot
from engine.decide.values import UNITS_MS
from models import RESPONSE
from tests.oracle import oracle
from tests.oracle.conditions import CONDITIONS, WORDS
from tests.oracle.formulas import MEASURES, formulas

CHANNELS = ("email", "web")
GROUPS, OBJECTIVES, PURPOSES = ("g1", "g2"), ("grow", "serve"), ("marketing", "service")
SCHEMA = {"customer": {"age": "int", "spent": "double", "city": "string"}, "request": {"device": "string"},
          "action": {"margin": "double"}}  # fmt: skip
NOW_MS = 1_700_000_000_000
HOUR_MS = UNITS_MS["h"]
TIERS = ("eligibility", "applicability", "suitability")
KINDS = ("exposure", "click")
FOREVER_MS = 2**62
INFINITY = float("inf")
COLUMNS = ("action_key", "objective", "group", "purposes", "value", "lever", "channels", "margin", "start", "end")

names = st.sampled_from
moments = st.integers(-3, 3).map(lambda hours: NOW_MS + hours * HOUR_MS)
heavy = st.sampled_from([0.0, 0.5, 1.0, 2.0])
worth = st.sampled_from([0.0, 1.0, 2.5, -1.0])


@st.composite
def actions(draw):
    made = []
    for index in range(draw(st.integers(0, 6))):
        start_ms, end_ms = draw(
            st.sampled_from([(-FOREVER_MS, FOREVER_MS), (NOW_MS, FOREVER_MS), (-FOREVER_MS, NOW_MS)])
        )
        margin = draw(st.sampled_from([None, -1.0, 1.0, 2.0]))
        made.append({
            "key": f"a{index}", "objective": draw(names(OBJECTIVES)), "group": draw(names(GROUPS)),
            "purposes": draw(st.lists(names(PURPOSES), min_size=1, max_size=2, unique=True)),
            "value": draw(worth), "lever": draw(st.sampled_from([1.0, 2.0])), "start_ms": start_ms, "end_ms": end_ms,
            "channels": draw(st.lists(names(CHANNELS), min_size=1, max_size=2, unique=True)),
            "attributes": {} if margin is None else {"margin": margin},
        })  # fmt: skip
    return made


def scopes(made):
    choices = {"objective": {a["objective"] for a in made}, "group": {a["group"] for a in made},
               "action": {a["key"] for a in made}, "channel": set(CHANNELS)}  # fmt: skip
    kinds = [kind for kind, found in choices.items() if found]
    some = st.lists(names(kinds), max_size=2, unique=True)
    return some.flatmap(lambda chosen: st.fixed_dictionaries({kind: names(sorted(choices[kind])) for kind in chosen}))


@st.composite
def valuations(draw, made):
    """Components, context weights and a formula, each in some worlds only."""
    components = [
        {"name": f"c{i}", "text": text, "number": number, "at_least": draw(names([-INFINITY, -1.5, -0.25])),
         "at_most": draw(names([INFINITY, 1.5, 0.25])), "on_missing": draw(names([0.0, 0.125]))}
        for i, (text, number) in enumerate(draw(st.lists(MEASURES, max_size=3)))
    ]  # fmt: skip
    weights = [
        {"name": f"w{i}", "scope": draw(scopes(made)), "text": text, "test": test, "weight": draw(heavy)}
        for i, (text, test) in enumerate(draw(st.lists(CONDITIONS, max_size=3)))
    ]
    formula = draw(st.one_of(st.just(()), formulas([component["name"] for component in components])))
    return components, weights, formula


@st.composite
def worlds(draw):
    made = draw(actions())
    policies = [
        {"name": f"p{i}", "tier": draw(names(TIERS)), "text": text, "test": test,
         "scope": draw(scopes(made)), "lenient": draw(st.booleans())}
        for i, (text, test) in enumerate(draw(st.lists(CONDITIONS, max_size=4)))
    ]  # fmt: skip
    contacts = [
        {"name": f"c{i}", "scope": draw(scopes(made)), "kind": draw(names(KINDS)), "at_most": draw(st.integers(0, 2)),
         "within_ms": draw(st.integers(1, 3)) * HOUR_MS,
         "per": draw(names(["everything", "action", "group", "objective", "channel"]))}
        for i in range(draw(st.integers(0, 3)))
    ]  # fmt: skip
    levers = (
        draw(st.dictionaries(names(sorted({a["group"] for a in made}) or ["g1"]), heavy, max_size=1)) if made else {}
    )
    components, weights, formula = draw(valuations(made))
    return oracle.World(made, policies, contacts, levers, components, weights, formula)


@st.composite
def people(draw):
    facts = {"age": draw(st.integers(-1, 2)), "spent": draw(worth), "city": draw(names(WORDS))}
    known = {name: value for name, value in facts.items() if draw(st.booleans())}
    history = [
        {"at_ms": draw(moments), "kind": draw(names(KINDS)), "action": f"a{draw(st.integers(0, 3))}",
         "group": draw(names(GROUPS)), "objective": draw(names(OBJECTIVES)), "channel": draw(names(CHANNELS))}
        for _ in range(draw(st.integers(0, 5)))
    ]  # fmt: skip
    allowed = draw(st.sets(st.tuples(names(PURPOSES), names(CHANNELS))))
    return oracle.Person(known, allowed, sorted(history, key=lambda event: event["at_ms"]))


asks = st.lists(names(CHANNELS), min_size=1, max_size=2, unique=True).flatmap(
    lambda chosen: st.tuples(
        *(st.builds(lambda c, n: {"channel": c, "limit": n}, st.just(c), st.integers(1, 4)) for c in chosen)
    )
)
contexts = st.one_of(st.just({}), names(WORDS).map(lambda word: {"device": word}))


def iso(at_ms):
    return "" if abs(at_ms) == FOREVER_MS else np.datetime64(at_ms, "ms").item().isoformat()


def texts_of(world, order=lambda items: items, explore=None):
    lines = io.StringIO()
    out = csv.writer(lines)
    out.writerow(COLUMNS)
    for a in order(world.actions):
        own = [a["key"], a["objective"], a["group"], ";".join(a["purposes"]), a["value"], a["lever"]]
        out.writerow(
            [*own, ";".join(a["channels"]), a["attributes"].get("margin", ""), iso(a["start_ms"]), iso(a["end_ms"])]
        )
    policies: dict = {"eligibility": [], "applicability": [], "suitability": [], "contact": []}
    for p in order(world.policies):
        missing = "pass" if p["lenient"] else "block"
        policies[p["tier"]].append({"name": p["name"], "scope": p["scope"], "when": p["text"], "on_missing": missing})
    for c in order(world.contacts):
        within = f"{c['within_ms'] // HOUR_MS}h"
        entry = {"name": c["name"], "scope": c["scope"], "kind": c["kind"], "at_most": c["at_most"], "within": within}
        policies["contact"].append({**entry, "per": c["per"]})
    return {
        "schema.yaml": yaml.safe_dump(SCHEMA),
        "channels.yaml": yaml.safe_dump({channel: {"direction": "inbound"} for channel in CHANNELS}),
        "actions.csv": lines.getvalue(),
        "policies.yaml": yaml.safe_dump(policies),
        "arbitration.yaml": yaml.safe_dump(arbitration_of(world, order, explore or {}), sort_keys=False),
    }


def arbitration_of(world, order, explore):
    # Weights are powers of two or none, so that their order cannot matter; a sum is added up in the order written.
    value = {c["name"]: {"of": c["text"], "on_missing": c["on_missing"], **caps_of(c)} for c in world.components}
    keys = ("name", "scope", "weight")
    weights = [{**{key: w[key] for key in keys}, "when": w["text"]} for w in order(world.weights)]
    formula = {"formula": world.formula[0]} if world.formula else {}
    return {"levers": world.levers, "explore": explore, "value": value, "weights": weights, **formula}


def caps_of(component):
    return {key: component[key] for key in ("at_least", "at_most") if abs(component[key]) != INFINITY}


def snapshot_of(world, order=lambda items: items, explore=None):
    texts = texts_of(world, order, explore)
    prior = first_day(RESPONSE, 0.125)  # a power of two: both sides multiply alike
    return build_snapshot(read_bundle(texts), texts, [prior])


def customer_of(person):
    allowed = dict.fromkeys(person.allowed, True)
    history = [
        Contact(e["at_ms"], e["kind"], e["action"], e["group"], e["objective"], e["channel"]) for e in person.history
    ]
    return CustomerView(person.facts, {}, allowed, tuple(contact for contact in history if contact.at_ms <= NOW_MS))


def request_of(asked, context, **fields):
    return Request(tuple(Ask(ask["channel"], "", ask["limit"]) for ask in asked), NOW_MS, context=context, **fields)


def answer_of(evaluation):
    keys, rows = evaluation.snapshot.catalogue.names("action"), evaluation.candidates
    ranked = [[(keys[rows[at]], evaluation.priority[at]) for at in chosen] for chosen in evaluation.rankings]
    reasons = {}
    for reason in explain.full(evaluation):
        reasons.setdefault((reason.action_key, reason.channel), set()).add((reason.kind, reason.gate))
    return oracle.Answer(ranked, reasons)


@settings(max_examples=300, deadline=None)
@given(worlds(), people(), asks, contexts, st.lists(names(["a0", "a1", "a5"]), max_size=2))
def test_the_engine_answers_as_plain_loops_do_reasons_included(world, person, asked, context, keys):
    keys = [key for key in keys if key in {action["key"] for action in world.actions}]
    expected = oracle.decide(world, person, asked, NOW_MS, context, keys, chance=0.125)

    evaluation = decide(snapshot_of(world), customer_of(person), request_of(asked, context, action_keys=tuple(keys)))

    assert answer_of(evaluation) == expected
    rows, *_, standing, _ = (count for _, count in explain.funnel(evaluation))
    assert rows - standing == len(expected.reasons)


@st.composite
def open_worlds(draw):
    """Worlds without gates, in which there is something to rank."""
    made = [{**a, "start_ms": -FOREVER_MS, "end_ms": FOREVER_MS, "channels": ["web"]} for a in draw(actions())]
    components, weights, formula = draw(valuations(made))
    return oracle.World(made, [], [], {}, components, weights, formula)


@settings(max_examples=300, deadline=None)
@given(open_worlds(), people(), contexts)
def test_priorities_equal_those_of_plain_loops(world, person, context):
    anyone = oracle.Person(person.facts, {(purpose, "web") for purpose in PURPOSES}, [])
    asked = [{"channel": "web", "limit": 9}]

    evaluation = decide(snapshot_of(world), customer_of(anyone), request_of(asked, context))

    assert answer_of(evaluation).ranked == oracle.decide(world, anyone, asked, NOW_MS, context, chance=0.125).ranked


@settings(max_examples=100, deadline=None)
@given(worlds(), people(), asks, contexts)
def test_the_order_of_files_never_changes_an_answer(world, person, asked, context):
    request = request_of(asked, context)

    one = decide(snapshot_of(world), customer_of(person), request)
    other = decide(snapshot_of(world, order=lambda items: items[::-1]), customer_of(person), request)

    assert answer_of(one) == answer_of(other)


@settings(max_examples=100, deadline=None)
@given(worlds(), people(), asks, contexts)
def test_a_channel_is_answered_alone_as_among_others(world, person, asked, context):
    snapshot, customer = snapshot_of(world), customer_of(person)

    together = answer_of(decide(snapshot, customer, request_of(asked, context))).ranked
    alone = [answer_of(decide(snapshot, customer, request_of([ask], context))).ranked[0] for ask in asked]

    assert together == alone


@settings(max_examples=100, deadline=None)
@given(worlds(), people(), asks, contexts, CONDITIONS)
def test_one_more_gate_never_adds_a_row(world, person, asked, context, condition):
    customer, request = customer_of(person), request_of(asked, context)
    before = set(decide(snapshot_of(world), customer, request).candidates)
    text, test = condition
    more = {"name": "more", "tier": "eligibility", "text": text, "test": test, "scope": {}, "lenient": True}
    world.policies.append(more)

    assert set(decide(snapshot_of(world), customer, request).candidates) <= before


@settings(max_examples=100, deadline=None)
@given(worlds(), people(), asks, contexts, st.sampled_from(list(Effort)), st.booleans())
def test_without_consent_there_is_no_row_on_any_path(world, person, asked, context, effort, inline):
    own = (Inline("new", "g1", "grow", ("marketing",), 9.0),) if inline else ()
    nobody = oracle.Person(person.facts, set(), person.history)

    evaluation = decide(snapshot_of(world), customer_of(nobody), request_of(asked, context, inline=own), effort)

    assert len(evaluation.candidates) == 0
    assert all(len(ranking) == 0 for ranking in evaluation.rankings)


@settings(max_examples=100, deadline=None)
@given(worlds(), people(), asks, contexts, worth, st.lists(names(PURPOSES), min_size=1, max_size=2, unique=True))
def test_an_inline_candidate_passes_the_gates_of_a_catalogue_action(world, person, asked, context, value, purposes):
    new = {"key": "new", "objective": "grow", "group": "g1", "purposes": purposes, "value": value, "lever": 1.0,
           "start_ms": -FOREVER_MS, "end_ms": FOREVER_MS, "channels": list(CHANNELS), "attributes": {}}  # fmt: skip
    inline = (Inline("new", "g1", "grow", tuple(purposes), value),)

    evaluation = decide(snapshot_of(world), customer_of(person), request_of(asked, context, inline=inline))

    world.actions.append(new)
    assert answer_of(evaluation) == oracle.decide(world, person, asked, NOW_MS, context, ["new"], chance=0.125)


def explorers_of(world):
    """An entry of `explore` for some of the objectives there are."""
    parameters = {"epsilon": "epsilon", "squarecb": "gamma", "plackett_luce": "temperature"}
    way = st.tuples(names(sorted(parameters)), st.floats(0.01, 1), st.floats(0, 1)).map(
        lambda drawn: {"kind": drawn[0], parameters[drawn[0]]: drawn[1], "price": drawn[2]}
    )
    there = sorted({action["objective"] for action in world.actions})
    return st.dictionaries(names(there), way) if there else st.just({})


def chosen_by(evaluation):
    keys, rows = evaluation.snapshot.catalogue.names("action"), evaluation.candidates
    pairs = zip(evaluation.rankings, evaluation.chances, strict=True)
    return [[(keys[rows[at]], chance) for at, chance in zip(*pair, strict=True)] for pair in pairs]


@settings(max_examples=100, deadline=None)
@given(worlds(), people(), asks, contexts, st.integers(1, 2**64 - 1), st.data())
def test_a_seed_draws_the_same_whatever_the_order_of_files_and_whoever_else_is_asked(
    world, person, asked, context, seed, data
):
    explore, customer = data.draw(explorers_of(world)), customer_of(person)
    one, other = (snapshot_of(world, order, explore) for order in (lambda items: items, lambda items: items[::-1]))

    together = chosen_by(decide(one, customer, request_of(asked, context, seed=seed)))
    reordered = chosen_by(decide(other, customer, request_of(asked, context, seed=seed)))
    alone = [chosen_by(decide(one, customer, request_of([ask], context, seed=seed)))[0] for ask in asked]

    assert together == reordered == alone


@settings(max_examples=100, deadline=None)
@given(worlds(), people(), asks, contexts, st.integers(1, 2**64 - 1), st.data())
def test_exploration_fills_as_many_places_from_the_rows_that_nothing_holds_back(
    world, person, asked, context, seed, data
):
    snapshot = snapshot_of(world, explore=data.draw(explorers_of(world)))
    expected = oracle.decide(world, person, asked, NOW_MS, context, chance=0.125)

    found = chosen_by(decide(snapshot, customer_of(person), request_of(asked, context, seed=seed)))

    for ask, chosen, best in zip(asked, found, expected.ranked, strict=True):
        assert len(chosen) == len(best)
        assert all((key, ask["channel"]) not in expected.reasons and 0 < chance <= 1 for key, chance in chosen)
