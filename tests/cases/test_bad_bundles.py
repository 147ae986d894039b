"""Wrong and hostile bundles: each is refused, every fault named at once with its place and its cure."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from engine.decide.bundle import FILES, read_bundle
from engine.decide.faults import BundleError

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
