"""Wrong and hostile bundles: each is refused, every fault named at once with its place and its cure."""

import copy
import dataclasses
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decide.bundle import FILES, read_bundle
from engine.decide.faults import BundleError
from engine.decide.review import review
from engine.decide.scoring import first_day
from engine.decide.snapshot import build_snapshot
from engine.serve.build import read_texts

BAD = yaml.safe_load((Path(__file__).parent / "bad_bundles" / "bundles.yaml").read_text())
GOOD = {
    "schema.yaml": "{customer: {age: int, income: double, city: string, tags: list(string)}, action: {margin: double}}",
    "channels.yaml": "{email: {direction: outbound}, web: {direction: inbound}}",
    "actions.csv": "action_key,objective,group,purposes,value\ncard,grow,cards,marketing,1\n",
    "policies.yaml": "{}",
    "arbitration.yaml": "{}",
}


def texts_of(bad):
    changed = {name: text for name, text in bad.items() if name in FILES}
    deep = {name: text.replace("LOTS OF BRACKETS", "[" * 100_000) for name, text in changed.items() if text is not None}
    return {**{name: text for name, text in GOOD.items() if name not in changed}, **deep}


def test_the_bundle_that_is_spoiled_here_is_good():
    assert len(read_bundle(GOOD).actions) == 1


def test_actions_may_stand_in_yaml_and_mean_the_same():
    same = """
actions:
  - {action_key: card, objective: grow, group: cards, purposes: [marketing, service], value: 1.5, margin: 0.5,
     start: 2026-01-01, channels: [web], tags: [new]}
"""
    table = "action_key,objective,group,purposes,value,margin,start,channels,tags\n"
    table += "card,grow,cards,marketing;service,1.5,0.5,2026-01-01,web,new\n"
    texts = {name: text for name, text in GOOD.items() if name != "actions.csv"}

    (ours,), (theirs,) = (read_bundle(texts | own).actions for own in ({"actions.yaml": same}, {"actions.csv": table}))

    assert dataclasses.replace(ours, file="", line=0) == dataclasses.replace(theirs, file="", line=0)


@pytest.mark.parametrize("bad", BAD, ids=[bad["name"] for bad in BAD])
def test_a_bad_bundle_is_refused_with_every_fault(bad):
    with pytest.raises(BundleError) as caught:
        read_bundle(texts_of(bad))

    words = [str(fault) for fault in caught.value.faults]
    assert [fault for fault in bad["faults"] if not any(fault in word for word in words)] == [], words
    assert len(words) <= len(bad["faults"]), words


ROOT = Path(__file__).parent.parent.parent
WORLDS = [read_texts(ROOT / world) for world in ("tests/cases/bank", "tests/cases/shop", "examples/grocer")]
VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.dates(), st.binary()),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=3,
)


def paths(value, above=()):
    """Every place of a value, as keys from the top."""
    yield above
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield from paths(inner, (*above, key))


@st.composite
def spoiled(draw):
    """A good bundle with anything at all in one place of one of its YAML files."""
    texts = draw(st.sampled_from(WORLDS))
    name = draw(st.sampled_from([name for name in texts if name.endswith(".yaml")]))
    whole = [copy.deepcopy(yaml.safe_load(texts[name]))]
    *above, last = (0, *draw(st.sampled_from(list(paths(whole[0])))))
    place = whole
    for key in above:
        place = place[key]
    place[last] = draw(VALUE)
    return {**texts, name: yaml.safe_dump(whole[0], allow_unicode=True)}


@settings(deadline=None, max_examples=300)
@given(spoiled())
def test_whatever_stands_in_one_place_is_taken_or_named(texts):
    with suppress(BundleError):
        bundle = read_bundle(texts)
        review(bundle)
        build_snapshot(bundle, texts, [first_day(name, 0.1) for name in bundle.lineup.names])
