"""The learner: outcomes joined with decisions, each once, and nothing lost or counted again over a restart."""

import msgspec
import pytest
from nba.v1 import decision_pb2

from engine.customer.record import Interaction
from engine.decide.adaptive import Adaptivity
from engine.journal.reading import Tail
from engine.journal.writer import SegmentJournal
from engine.serve.joiner import Joiner
from engine.serve.learn import Learner
from engine.serve.publication import KEPT, Publication
from engine.serve.teaching import MODELS
from engine.store.memory import MemoryStore
from engine.store.protocol import StoreError
from models import NOTHING, Cell, Event, Learned, ModelError, State, unpack, update

DAY_MS = 86_400_000
POSITIVES = ("click", "accept")
CARD = Cell("card", "web", "cards")
USUAL = Adaptivity(30 * DAY_MS, POSITIVES)


ASKED = decision_pb2.DecideRequest()


def a_reply(decision_id="d1", degraded=(), model="response/prior", channels=("web", "app")):
    ranked = [decision_pb2.RankedAction(action_key=key, model_propensity=0.25, propensity=0.9, model=model)
              for key in ("card", "loan")]  # fmt: skip
    answers = [decision_pb2.ChannelAnswer(channel=channel, actions=ranked) for channel in channels]
    return decision_pb2.DecideResponse(decision_id=decision_id, channels=answers, degraded=degraded)


def happened(kind="exposure", key="k", at_ms=1_000, channel="web", action="card", decision="d1"):
    return Interaction(key, "anna", kind, at_ms, channel, action, "cards", decision_id=decision)


def joined(*interactions, **reply):
    joiner = Joiner()
    joiner.decided(ASKED, a_reply(**reply))
    return [event for interaction in interactions for _, event in joiner.happened(interaction, POSITIVES)]


TRIAL = Event(CARD, 1_000, 0.25)
POSITIVE = Event(CARD, 1_000, positive=True)


def test_an_exposure_is_a_trial_at_the_chance_the_model_gave_and_not_the_corrected_one():
    assert joined(happened()) == [TRIAL]


def test_a_response_is_a_positive_as_of_its_trial():
    assert joined(happened(), happened("click", at_ms=9_000)) == [TRIAL, POSITIVE]


def test_an_action_of_a_decision_is_one_trial_and_one_positive_whatever_is_reported():
    reports = [happened(), happened(), happened("click"), happened("accept"), happened("click"), happened()]

    assert joined(*reports) == [TRIAL, POSITIVE]


def test_a_response_stands_for_the_exposure_that_nobody_reported():
    assert joined(happened("click"), happened()) == [TRIAL, POSITIVE]


def test_channels_and_actions_of_one_decision_are_trials_of_their_own():
    events = joined(happened(), happened(channel="app"), happened(action="loan"))

    assert [event.cell[:2] for event in events] == [("card", "web"), ("card", "app"), ("loan", "web")]


def test_an_inline_candidate_is_pooled_with_the_group_it_was_sent_with():
    candidate = decision_pb2.InlineCandidate(action_key="card", group="fresh")
    joiner = Joiner()
    joiner.decided(decision_pb2.DecideRequest(inline_candidates=[candidate]), a_reply())
    unknown_to_the_catalogue = msgspec.structs.replace(happened(), group="")

    ((_, event),) = joiner.happened(unknown_to_the_catalogue, POSITIVES)

    assert event.cell == Cell("card", "web", "fresh")


def test_without_a_channel_the_first_in_which_it_was_offered_is_meant():
    assert joined(happened(channel="")) == [TRIAL]


@pytest.mark.parametrize(
    "interaction",
    [happened("dismiss"), happened(decision=""), happened(decision="other"), happened(action="unknown")],
    ids=["no response", "no decision", "unknown decision", "not offered"],
)
def test_what_answers_no_offer_teaches_nothing(interaction):
    assert joined(interaction) == []


def test_what_was_decided_in_a_hurry_teaches_nothing():
    assert joined(happened(), happened("click"), degraded=["model: the prior scored, time was short"]) == []


def test_an_action_scored_with_what_is_no_number_teaches_nothing():
    reply = a_reply()
    reply.channels[0].actions[0].model_propensity = float("nan")
    joiner = Joiner()
    joiner.decided(ASKED, reply)

    taught = [joiner.happened(happened(action=action), POSITIVES) for action in ("card", "loan")]

    assert [len([*events]) for events in taught] == [0, 1]


class World:
    """A store and a journal that a learner follows."""

    def __init__(self, place):
        self.place, self.store, self.count = place, MemoryStore(), 0
        self.journal = SegmentJournal(place, 0)

    def decide(self, decision_id, model="response/prior"):
        reply = a_reply(decision_id, model=model).SerializeToString()
        self.journal.offer(msgspec.msgpack.encode({"kind": "decision", "request": b"", "reply": reply}))

    def report(self, kind="exposure", decision="d1"):
        self.count += 1
        self.store.apply([happened(kind, str(self.count), decision=decision)])

    def learner(self, learned=NOTHING):
        return Learner(self.store, Tail(self.place), learned)


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.journal.close()


def figures(learner):
    return {state.model: (state.trials.sum(), state.positives.sum()) for state in learner.learned.states}


def test_outcomes_reach_the_state_of_the_model_that_scored_them(world):
    world.decide("d1")
    world.decide("d2", "other/1")
    for decision, kind in (("d1", "exposure"), ("d2", "exposure"), ("d2", "click")):
        world.report(kind, decision)
    learner = world.learner()

    assert learner.step(USUAL, 1_000)
    assert figures(learner) == {"response/prior": (1, 0), "other/1": (1, 1)}


def test_a_decision_that_cannot_be_read_costs_no_other(world):
    for request, reply in ((b"", b"\xff\xff"), (b"\xff\xff", b""), (b"", 7), (None, b"")):
        world.journal.offer(msgspec.msgpack.encode({"kind": "decision", "request": request, "reply": reply}))
    world.journal.offer(msgspec.msgpack.encode({"kind": "decision"}))
    world.decide("d1")
    world.report()
    learner = world.learner()

    assert learner.step(USUAL, 1_000)


def test_a_step_without_news_changes_nothing(world):
    world.decide("d1")
    world.report()
    learner = world.learner()
    learner.step(USUAL, 1_000)
    version = learner.learned.version

    assert not learner.step(USUAL, 2_000)
    assert learner.learned.version == version


class Lost(MemoryStore):
    """For a while nobody answers."""

    there = False

    def tail(self, after, limit):
        if not self.there:
            raise StoreError("no primary")
        return super().tail(after, limit)


def test_what_a_store_that_cannot_answer_holds_is_learned_when_it_can(world):
    world.store = Lost()
    world.decide("d1")
    world.report()
    learner = world.learner()

    assert not learner.step(USUAL, 1_000)
    world.store.there = True
    assert learner.step(USUAL, 1_000)
    assert figures(learner) == {"response/prior": (1, 0)}


def test_a_restart_counts_nothing_twice_and_knows_what_it_had_joined(world):
    world.decide("d1")
    world.report()
    world.report("click")
    first = world.learner()
    first.step(USUAL, 1_000)
    second = world.learner(unpack(first.learned.packed))
    world.report("click")
    world.decide("d2")
    world.report("click", "d2")

    second.step(USUAL, 1_000)

    assert figures(second) == {"response/prior": (2, 2)}


def test_from_nothing_everything_is_counted_again_from_the_journal(world):
    for number in range(1_500):
        world.decide(str(number))
        world.report("exposure" if number % 3 else "click", str(number))
    learner = world.learner()

    learner.step(USUAL, 1_000)

    assert figures(learner) == {"response/prior": (pytest.approx(1_500), pytest.approx(500))}


def test_models_long_replaced_are_forgotten(world):
    learner = world.learner()
    for number in range(MODELS + 2):
        world.decide(str(number), f"response/{number}")
        world.report(decision=str(number))
        learner.step(USUAL, 1_000 + number)

    assert sorted(figures(learner)) == [f"response/{number}" for number in range(2, MODELS + 2)]


def test_more_models_than_are_kept_of_one_name_all_go_on_learning(world):
    learner = world.learner()
    for number in range(3 * (MODELS + 1)):
        world.decide(str(number), f"model{number % (MODELS + 1)}/1")
        world.report(decision=str(number))
        learner.step(USUAL, 1_000 + number)

    assert [round(state.trials.sum()) for state in learner.learned.states] == [3] * (MODELS + 1)


def a_version(number):
    return Learned((update(State("m"), [Event(CARD, 0, 0.1)] * (number + 1), 0, DAY_MS),), number)


def test_a_worker_takes_each_version_once(tmp_path):
    put, look = Publication(tmp_path), Publication(tmp_path)

    assert not look.look()
    put.put(a_version(0))
    assert look.look()
    assert look.learned.version == a_version(0).version
    assert not look.look()


def test_only_the_last_versions_are_kept(tmp_path):
    publication = Publication(tmp_path)
    for number in range(KEPT + 5):
        publication.put(a_version(number))

    assert len(list(tmp_path.iterdir())) == KEPT + 1
    assert Publication(tmp_path).look()


def a_bit(directory, version):
    data = bytearray(version.read_bytes())
    data[-1] ^= 1
    version.write_bytes(data)


def a_directory(directory, version):
    (directory / "latest").unlink()
    (directory / "latest").mkdir()


@pytest.mark.parametrize(
    "spoil",
    [
        a_bit,
        a_directory,
        lambda directory, version: version.write_bytes(b"\x01rubbish"),
        lambda directory, version: version.unlink(),
        lambda directory, version: (directory / "latest").write_bytes(b"\xff\xfe"),
        lambda directory, version: (directory / "latest").write_text("../../x\0"),
        lambda directory, version: (directory / "latest").write_text(""),
    ],
    ids=["one bit", "a directory", "rubbish", "gone", "no text", "a path", "empty"],
)
def test_a_damaged_version_is_named_and_the_one_before_stays(tmp_path, spoil):
    publication = Publication(tmp_path)
    publication.put(a_version(0))
    publication.look()
    publication.put(a_version(1))
    spoil(tmp_path, tmp_path / a_version(1).version)

    with pytest.raises(ModelError, match=str(tmp_path)):
        publication.look()
    assert publication.learned.version == a_version(0).version
    assert not publication.look()


def test_what_could_not_be_reserved_leaves_what_was_ranked_elsewhere_to_teach():
    assert joined(happened(), degraded=["reserving: the customer changed meanwhile"]) == joined(happened()) != []
