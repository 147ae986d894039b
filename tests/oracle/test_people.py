"""Events, links, logins, consents, imports and erasures in any order: stores say what plain lists say."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from engine.customer.consents import Statements
from engine.customer.history import CONTACTS
from engine.customer.identity import link
from engine.customer.record import Consent, Interaction, Record
from engine.customer.said import stated
from engine.decide.keeping import Keeping
from engine.decide.values import DAY_MS
from engine.store.lmdb import LmdbStore
from engine.store.memory import MemoryStore
from engine.store.valkey.address import read_address
from engine.store.valkey.store import ValkeyStore
from tests.contracts.conftest import cluster, valkey  # noqa: F401  fixtures
from tests.oracle.people import People

NOW_MS = 1_700_000_000_000
IDS = ("anna", "bob", "email:e", "device:d", "cookie:c", "cookie:k")
PAIRS = [(purpose, channel) for purpose in ("marketing.offers", "marketing", "service") for channel in ("email", "web")]
OTHER = Keeping(newest=8, window_ms=40 * DAY_MS, counted=frozenset({"exposure", "purchase"}))

ids = st.sampled_from(IDS)
pairs = st.permutations(IDS).map(lambda names: (names[0], names[1]))
moments = st.integers(1, 6).map(lambda hours: NOW_MS + hours * 3_600_000)
consents = st.builds(
    Consent,
    purpose=st.sampled_from(["marketing", "marketing.offers", "service", "*"]),
    channel=st.sampled_from(["", "email", "web"]),
    granted=st.booleans(),
    source=st.just("form"),
    at_ms=moments,
    expires_ms=st.sampled_from([0, NOW_MS + 5 * 3_600_000]),
)
fields = st.dictionaries(st.sampled_from(["age", "city"]), st.sampled_from([1, 2, "x"]))


class Lives(RuleBasedStateMachine):
    """A store beside the model."""

    def made(self):
        raise NotImplementedError

    @initialize()
    def start(self):
        self.model, self.store, self.count = People(), self.made(), 0

    @rule(name=ids, key=st.sampled_from("abc"), kind=st.sampled_from(["purchase", "exposure", "view"]), at_ms=moments)
    def happens(self, name, key, kind, at_ms):
        event = Interaction(key, name, kind, at_ms, action_key="card" if kind == "exposure" else "")
        assert self.store.apply([event]) == [self.model.happen(event)]

    @rule(events=st.lists(st.tuples(pairs, moments, st.booleans()), min_size=2, max_size=5))
    def happen_together(self, events):
        batch = [
            Interaction(f"{at_ms} {other}", name, "login", at_ms, also_known_as=other if tells else "")
            for (name, other), at_ms, tells in events
        ]
        assert self.store.apply(batch) == [self.model.happen(event) for event in batch]

    @rule(names=pairs, at_ms=moments)
    def are_linked(self, names, at_ms):
        self.model.link(*names, at_ms)
        assert self.store.link([link(names, at_ms, "")]).ids == self.model.ids(names[0])

    @rule(name=ids, consent=consents)
    def consent(self, name, consent):
        self.model.consent(name, consent)
        self.store.set_consent(name, consent)

    @rule(
        name=ids, attributes=fields, said=st.lists(consents, max_size=2), source=st.sampled_from("ab"), at_ms=moments,
    )  # fmt: skip
    def are_imported(self, name, attributes, said, source, at_ms):
        record = stated(Record(name, attributes, said), source, at_ms)
        self.model.put(record)
        self.store.put([record])

    @rule(name=ids)
    def are_erased(self, name):
        gone = self.model.erase(name)
        assert self.store.erase(name) == gone
        assert all(self.store.readmit(each) for each in gone or [name])

    @rule(keeping=st.sampled_from([Keeping(), OTHER]))
    def are_rebuilt(self, keeping):
        assert sum(self.store.rebuild(keeping)) == self.store.count()

    @invariant()
    def everybody_is_as_the_model_says(self):
        model, store = self.model, self.store
        assert [record.customer_id for record in store.scan()] == sorted({model.canonical(name) for name in model.seen})
        for name in IDS:
            record = store.load(name)
            assert (record is not None) == (name in model.seen)
            if record is not None:
                self.one(name, record)

    def one(self, name, record):
        model, statements, now_ms = self.model, Statements(record), NOW_MS + 7 * 3_600_000
        assert (record.customer_id, record.ids) == (model.canonical(name), model.ids(name))
        assert record.attributes == model.attributes(name)
        assert statements.suppressed() == model.suppressed(name)
        allowed = {pair: statements.allows(*pair, now_ms) for pair in PAIRS}
        assert allowed == {pair: model.allows(name, *pair, now_ms) for pair in PAIRS}
        bought = [(each.at_ms, "purchase", "") for each in record.purchases]
        if len(model.story(name)) <= CONTACTS:  # what a record keeps as it was
            assert sorted([*bought, *(each[:3] for each in record.contacts)]) == model.story(name)
        assert len(self.store.interactions(name)) == len(model.story(name))

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()


class InMemory(Lives):
    def made(self):
        return MemoryStore()


class OnDisk(Lives):
    def made(self):
        self.place = tempfile.TemporaryDirectory()
        return LmdbStore(Path(self.place.name), 1 << 24)

    @rule()
    def another_process_opens_the_store(self):
        self.store.close()
        self.store = LmdbStore(Path(self.place.name), 1 << 24)

    def teardown(self):
        super().teardown()
        if hasattr(self, "place"):
            self.place.cleanup()


@pytest.mark.parametrize("server", ["valkey", "cluster"])
def test_a_store_on_a_server_says_what_plain_lists_say(server, request):
    server = request.getfixturevalue(server)

    class OnServer(Lives):
        def made(self):
            server.clear()
            return ValkeyStore(read_address(server.address))

        @rule()
        def another_process_opens_the_store(self):
            self.store.close()
            self.store = ValkeyStore(read_address(server.address))

    few = settings(max_examples=5, stateful_step_count=25, deadline=None, phases=[Phase.generate])  # not minutes
    run_state_machine_as_test(OnServer, settings=few)


@pytest.mark.parametrize(("machine", "examples"), [(InMemory, 60), (OnDisk, 15)])
def test_a_store_says_what_plain_lists_say(machine, examples):
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=25, deadline=None))
