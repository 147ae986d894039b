"""Training and serving see the same features, and a decision alone is the decision in a batch."""

import dataclasses

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.customer.as_of import AsOf
from engine.customer.change import apply_interaction
from engine.customer.record import Interaction, Record
from engine.customer.values import values
from engine.customer.view import Sent, view
from engine.decide.behaviour import DEALINGS
from engine.decide.bundle import read_bundle
from engine.decide.needs import Needs
from engine.decide.pipeline import decide
from engine.decide.request import Ask, Request
from engine.decide.scoring import Contender
from engine.decide.snapshot import build_snapshot
from engine.store.lmdb import LmdbStore
from models import RESPONSE, Feature, FeatureSpec
from training.run import features_of

NOW_MS = 1_700_000_000_000
TEXTS = {
    "schema.yaml": "customer: {city: string}",
    "channels.yaml": "web: {direction: inbound}",
    "actions.csv": "action_key,objective,group,purposes,value\na0,grow,g0,service,1\na1,grow,g1,service,2\n",
    "policies.yaml": "{}",
    "customer.yaml": """
rfm: {windows: [7d, 30d, 90d], half_lives: [14d], by: [channel, group]}
segments: [{name: spenders, when: customer.rfm.monetary_90d > 500.0 && customer.journey.stage == 'repeat'}]
""",
}
BUNDLE = read_bundle(TEXTS)
DERIVED = {name: kind for name, kind in BUNDLE.schema.customer.items() if "." in name}
FEATURES = {"double": "numeric", "bool": "boolean", "string": "categorical"}
SPEC = FeatureSpec((
    *(Feature(f"customer.{name}", FEATURES[kind]) for name, kind in DERIVED.items()),
    Feature("customer.city", "categorical", ("Oslo", "Rome")),
    Feature("action.group", "categorical", ("g0", "g1")),
    *(Feature(f"with_group.{name}") for name in DEALINGS),
    *(Feature(f"with_action.{name}") for name in DEALINGS),
))  # fmt: skip


class Remembering:
    """A scorer that keeps what it was given."""

    def score(self, features):
        self.features = features
        return (np.nan_to_num(features).sum(axis=1) % 1).astype(np.float32)


def snapshot_with(scorer):
    return build_snapshot(BUNDLE, TEXTS, [Contender(RESPONSE, "test", SPEC, scorer, 0.1)])


events = st.builds(
    Interaction,
    key=st.uuids().map(str),
    customer_id=st.just("anna"),
    kind=st.sampled_from(["purchase", "exposure", "redemption", "page_view", "basket"]),
    at_ms=st.integers(NOW_MS - 200 * 86_400_000, NOW_MS + 86_400_000),
    action_key=st.sampled_from(["a0", "a1"]),
    group=st.sampled_from(["g0", "g1"]),
    channel=st.sampled_from(["", "web"]),
    amount=st.floats(0, 1000),
    discount=st.sampled_from([0.0, 1.5]),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(events, max_size=12), st.sampled_from([{}, {"city": "Rome"}, {"city": "Paris"}]))
def test_training_builds_the_features_that_serving_scores(tmp_path_factory, history, attributes):
    store = LmdbStore(tmp_path_factory.mktemp("store"), 1 << 22)
    store.put([Record("anna", attributes)])
    for _ in store.rebuild(BUNDLE.keeping):
        pass
    store.apply(history)
    contacts = pd.DataFrame(
        {"customer_id": "anna", "start_ms": NOW_MS, "action_key": ["a0", "a1"], "group": ["g0", "g1"]}
    )
    trained = features_of(SPEC, contacts, store, BUNDLE.derived)
    scorer = Remembering()
    snapshot = snapshot_with(scorer)

    request = Request((Ask("web"),), NOW_MS)
    customer = view(store.load("anna"), Sent("anna"), snapshot.needs(request), NOW_MS)
    allowed = dataclasses.replace(customer, allowed=dict.fromkeys(snapshot.consents, True), contacts=())
    served = decide(snapshot, allowed, request)
    store.close()

    assert len(served.candidates) == 2
    np.testing.assert_array_equal(trained, scorer.features)


@settings(max_examples=50, deadline=None)
@given(st.lists(events, max_size=12))
def test_what_comes_later_never_changes_what_stood(history):
    record = earlier = Record("anna")
    for event in history:
        record = apply_interaction(record, event, BUNDLE.keeping)
        earlier = apply_interaction(earlier, event, BUNDLE.keeping) if event.at_ms < NOW_MS else earlier

    stood = values(AsOf(record, NOW_MS, BUNDLE.derived))
    assert stood == values(AsOf(earlier, NOW_MS, BUNDLE.derived))
    assert set(stood) <= set(DERIVED)


def test_a_row_scores_alone_as_it_does_among_others():
    snapshot = snapshot_with(Remembering())
    customer = view(None, Sent("", {"city": "Rome"}), Needs(()), NOW_MS)
    allowed = dict.fromkeys(snapshot.consents, True)
    customer = type(customer)(customer.attributes, customer.derived, allowed)

    together = decide(snapshot, customer, Request((Ask("web", limit=2),), NOW_MS))
    alone = [decide(snapshot, customer, Request((Ask("web"),), NOW_MS, action_keys=(key,))) for key in ("a0", "a1")]

    assert together.scored.propensity.tolist() == [one.scored.propensity[0] for one in alone]
