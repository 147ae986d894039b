"""A bundle without actions is a bundle."""

from engine.decide.bundle import read_bundle
from engine.decide.scoring import first_day
from engine.decide.snapshot import build_snapshot
from models import RESPONSE

TEXTS = {
    "schema.yaml": "customer: {city: string}\nrequest: {}\naction: {margin: double, tags: list(string)}\n",
    "channels.yaml": "web: {direction: inbound}\n",
    "actions.csv": "action_key,objective,group,purposes,value,margin,tags\n",
    "policies.yaml": "eligibility:\n  - {name: known, when: \"customer.city in ['red'] && has(action.margin)\"}\n"
    "  - {name: own list, when: customer.city in action.tags}\n",
}


def test_rules_over_a_catalogue_without_rows_compile():
    assert build_snapshot(read_bundle(TEXTS), TEXTS, [first_day(RESPONSE, 0.1)]).catalogue.size == 0
