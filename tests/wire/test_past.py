"""The past: decided again by real servers' journals, rolled, asked, explained, and tried under another bundle."""

import json
import shutil
import signal
import subprocess
import sys
import time
from itertools import islice

import msgspec
import pytest
from nba.v1 import common_pb2, customer_pb2, decision_pb2, interaction_pb2

from engine.customer.record import Consent, Interaction, Record
from engine.decide.values import DAY_MS
from engine.journal.parts import parts, unrolled
from engine.journal.reading import Tail, read
from engine.journal.writer import SegmentJournal
from engine.serve.past.replay import Share, compare, shares
from engine.serve.past.retain import retain
from engine.serve.past.roll import roll
from engine.serve.past.sql import ask, export_history
from engine.serve.past.trial import Changed, Trial
from engine.serve.past.whatif import Differences
from engine.serve.reserving import CONTENDED
from engine.store.lmdb import LmdbStore
from tests.wire.conftest import a_request, serving

RESERVING = decision_pb2.ChannelRequest(channel="web", limit=2, reserve=decision_pb2.RESERVE_MODE_YES)
CHANNELS = [decision_pb2.ChannelRequest(channel="email", limit=3), decision_pb2.ChannelRequest(channel="web")]
CALLS = 60


def nba(*args, code=0):
    command = [sys.executable, "-m", "engine.cli", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def use(server, first):
    """Customers who change, ask in every way, and answer."""
    for number in range(first, first + CALLS):
        who = f"c{number % 7}"
        customer = decision_pb2.Customer(id=who, attributes={"age": common_pb2.Value(int_value=20)})
        consent = common_pb2.Consent(purpose="marketing.offers", granted=number % 5 != 0)
        server.customers.SetConsent(customer_pb2.SetConsentRequest(customer_id=who, consent=consent))
        request = a_request(
            customer=customer,
            channels=[RESERVING] if number % 3 == 0 else CHANNELS,
            explain=number % 5,
            budget_ms=number % 2,
            context={"device": common_pb2.Value(string_value="phone")},
        )
        reply = server.decisions.Decide(request, timeout=10)
        for answer in reply.channels:
            for action in answer.actions[:1]:
                event = interaction_pb2.Interaction(
                    key=f"{reply.decision_id}{answer.channel}",
                    customer_id=who,
                    kind="exposure",
                    channel=answer.channel,
                    action_key=action.action_key,
                    decision_id=reply.decision_id,
                )
                server.interactions.Record(interaction_pb2.RecordRequest(interactions=[event]))
    stranger = decision_pb2.Customer(consents=[common_pb2.Consent(purpose="marketing.offers", granted=True)])
    server.decisions.Decide(a_request(customer=stranger), timeout=10)


@pytest.fixture(scope="module")
def lived(bundle, tmp_path_factory):
    """The state of a server that was used, started again with other workers, and used again."""
    state = tmp_path_factory.mktemp("lived")
    for workers in (1, 2):
        with serving(bundle, state, workers=workers) as server:
            use(server, workers * 1_000)
    return state


@pytest.fixture
def state(lived, tmp_path):
    return shutil.copytree(lived, tmp_path / "state")


def compared(state):
    found = [compare(share) for share in shares(state)]
    return sum(one.same for one in found), sum(one.different for one in found), [*(one.not_replayable for one in found)]


def test_every_decision_is_made_again_to_the_byte_across_a_restart_and_another_worker_count(state):
    same, different, not_replayable = compared(state)
    done = [one.reserving for share in shares(state) for one in share.recorded()]

    assert any(each.until_ms for each in done)
    assert any(each.others for each in done)
    assert (same, different) == (2 * CALLS + 2, 0)
    assert not any(not_replayable)


def test_the_command_says_so(state):
    assert f"{2 * CALLS + 2} of {2 * CALLS + 2} decisions are the same, to the byte" in nba("replay", "--state", state)


def test_a_snapshot_that_comes_out_as_another_is_not_replayed(state):
    spoiled = next(state.glob("snapshots/*/bundle/actions.csv"))
    version = spoiled.parent.parent.name
    spoiled.write_text(spoiled.read_text().replace("marketing.offers,40", "marketing.offers,4"))

    same, different, reasons = compared(state)

    assert (same, different) == (0, 0)
    assert all(f"snapshot {version} comes out as" in reason for counts in reasons for reason in counts)


def test_a_snapshot_that_is_gone_makes_decisions_not_replayable_and_never_the_same(state):
    shutil.rmtree(state / "snapshots")

    same, different, reasons = compared(state)

    assert (same, different) == (0, 0)
    assert sum(counts.total() for counts in reasons) == 2 * CALLS + 2
    assert "cannot be made again" in nba("replay", "--state", state, code=1)


def decisions_of(state):
    return [entry["reply"] for entry in read(state / "journal") if entry["kind"] == "decision"]


def test_rolled_decisions_are_made_again_and_every_entry_is_there_once(state):
    before = decisions_of(state)

    counts = roll(state)

    assert counts["decisions"] == len(before) == 2 * CALLS + 2
    assert unrolled(state / "journal") == []
    assert list((state / "journal").glob("*.seg")) == []
    assert compared(state)[:2] == (len(before), 0)
    found = ask(state / "journal", "select reply from decisions").rows
    assert sorted(reply for (reply,) in found) == sorted(before)
    assert roll(state) == {"interactions": 0, "changes": 0}


def test_a_roll_that_is_killed_anywhere_and_run_again_loses_nothing_and_doubles_nothing(state, tmp_path):
    expected = sorted(decisions_of(state))
    events = ask_count(state)
    kills = 0
    for after_s in (0.31, 0.35, 0.4, 0.47, 0.55):
        script = f"""
import pathlib, threading, os, signal, time
from engine.serve.past.retain import retain
from engine.serve.past.roll import roll
import pyarrow.parquet
threading.Timer({after_s} - 0.29, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
roll(pathlib.Path({str(state)!r}))
"""
        kills += subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    roll(state)

    assert kills
    assert sorted(reply for (reply,) in ask(state / "journal", "select reply from decisions").rows) == expected
    assert ask(state / "journal", "select count(*), count(distinct number) from interactions").rows == [
        (events, events)
    ]


def ask_count(state):
    store = LmdbStore(state / "store")
    events = len(store.tail(0, 10**6))
    store.close()
    return events


def test_a_segment_that_was_rolled_and_not_yet_deleted_counts_once(state):
    segment = max((state / "journal").glob("00*.seg"), key=lambda file: file.stat().st_size)
    kept = segment.read_bytes()
    expected = sorted(decisions_of(state))
    roll(state)

    segment.write_bytes(kept)

    assert unrolled(state / "journal") == []
    assert compared(state)[:2] == (len(expected), 0)
    roll(state)
    assert not segment.exists()
    assert sorted(reply for (reply,) in ask(state / "journal", "select reply from decisions").rows) == expected


def test_a_segment_in_use_is_left_alone_and_the_next_one_has_a_name_of_its_own(tmp_path):
    journal = SegmentJournal(tmp_path / "journal", 0)
    journal.record(b"one")
    assert "records" not in roll(tmp_path)
    journal.close()
    assert roll(tmp_path) == {"records": 1}

    journal = SegmentJournal(tmp_path / "journal", 0)
    journal.record(b"two")
    journal.close()
    assert roll(tmp_path) == {"records": 1}

    assert sorted(ask(tmp_path / "journal", "select packed from records").rows) == [(b"one",), (b"two",)]


def test_what_a_decision_ranked_what_was_shown_and_who_allowed_what_can_be_asked(state):
    roll(state)
    asked = "select count(*) from rankings r join exposures e using (decision_id, action_key, channel)"

    (shown,) = ask(state / "journal", asked).rows
    (consents,) = ask(state / "journal", "select count(*), count_if(granted) from consents").rows
    odd = "select count(*) from rankings where not selection_probability between 0 and 1"

    assert shown[0] > 0
    assert consents == (2 * CALLS, 2 * CALLS * 4 // 5)
    assert ask(state / "journal", odd).rows == [(0,)]


@pytest.mark.parametrize(
    "question",
    [
        "drop view decisions",
        "copy (select 1) to 'never.csv'",
        "select 1; select 2",
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "attach 'never.db'",
        "set enable_external_access = true",
        "select nonsense",
    ],
)
def test_a_question_can_neither_change_anything_nor_look_elsewhere(state, question):
    roll(state)

    with pytest.raises(ValueError, match=r"(?i)select|disabled|permission|nonsense"):
        ask(state / "journal", question)


def test_an_empty_journal_can_be_asked(tmp_path):
    assert ask(tmp_path / "journal", "select count(*) from outcomes").rows == [(0,)]


def test_any_decision_of_the_past_is_explained_also_when_it_is_rolled(state):
    (recorded,) = [r for r in map(decision_pb2.DecideResponse.FromString, decisions_of(state)) if not r.trace][:1]

    words = nba("explain", recorded.decision_id, "--state", state)
    nba("journal", "roll", "--state", state)

    assert "held back" in words
    assert nba("explain", recorded.decision_id, "--state", state) == words


def test_a_decision_that_never_was_is_said_to_be_none(state):
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", "explain", "0" * 16, "--state", str(state)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert f"no decision '{'0' * 16}'" in done.stderr


def test_a_changed_bundle_says_what_it_would_have_changed(bundle, state, tmp_path):
    changed = shutil.copytree(bundle, tmp_path / "changed")
    policies = (changed / "policies.yaml").read_text()
    (changed / "policies.yaml").write_text(policies.replace("customer.age >= 18", "customer.age >= 30"))

    same = json.loads(nba("replay", "--state", state, "--bundle", bundle, "--json"))
    other = json.loads(nba("replay", "--state", state, "--bundle", changed, "--json"))

    assert (same["decisions"], same["changed"]) == (2 * CALLS + 2, 0)
    assert all(count["before"] == count["after"] for counts in same["by"].values() for count in counts.values())
    assert other["by"]["action"]["loan"]["before"] > 0 == other["by"]["action"]["loan"]["after"]
    assert other["by"]["gate"]["eligibility 'adults'"]["after"] > other["by"]["gate"]["eligibility 'adults'"]["before"]
    assert other["samples"][0]["before"] != other["samples"][0]["after"]


def test_a_decision_that_others_were_too_quick_for_ranks_as_little_by_an_unchanged_bundle(bundle, state):
    every = shares(state)
    ranked = next(one for share in every for one in share.recorded() if one.reserving.until_ms)
    refused = msgspec.structs.replace(ranked.reserving, until_ms=0, refused=CONTENDED)
    contended = ranked._replace(entry=msgspec.structs.replace(ranked.entry, reserving=refused))
    _, reply = contended.again(every[0].past.decider(contended))
    found = Differences()

    outcome = Trial(state, every[0].past, Changed(bundle, state / "models")).outcome(contended)
    found.take(contended._replace(reply=reply), outcome)

    assert len(reply.channels[0].actions) == 0 < len(ranked.reply.channels[0].actions)
    assert (found.decisions, found.changed) == (1, 0)


def test_old_days_are_deleted_kind_by_kind(state):
    roll(state)
    journal, now_ms = state / "journal", time.time_ns() // 1_000_000
    events, decisions = "select count(*) from interactions", "select count(*) from decisions"
    before = ask(journal, events).rows

    assert retain(journal, ["decisions=400d"], now_ms) == {"decisions": 0}
    assert ask(journal, decisions).rows == [(2 * CALLS + 2,)]
    assert retain(journal, ["decisions=400d"], now_ms + 402 * DAY_MS)["decisions"] > 0

    assert ask(journal, decisions).rows == [(0,)]
    assert ask(journal, events).rows == before
    assert not list(journal.rglob("decisions/*/*.parquet"))


def test_a_kind_that_is_none_is_refused_and_nothing_is_deleted(state):
    with pytest.raises(ValueError, match="did you mean 'decisions'"):
        retain(state / "journal", ["decision=400d"], 0)


def test_interaction_history_is_what_pdstools_reads(state, tmp_path):
    pdstools = pytest.importorskip("pdstools")
    polars = pytest.importorskip("polars")
    roll(state)
    rows = export_history(state / "journal", tmp_path / "history.parquet")

    history = pdstools.IH(polars.scan_parquet(tmp_path / "history.parquet"))

    assert history.data.collect().height == rows > 0
    summary = history.aggregates.summary_outcomes(by="Channel").collect()
    assert summary["Count"].sum() == rows
    assert set(summary["Channel"]) <= {"email", "web"}


def test_parts_are_the_whole_journal(state):
    whole = len(decisions_of(state))

    found = [Share(state, tuple(parts(state / "journal")), part, 0) for part in parts(state / "journal")]

    assert sum(compare(share).same for share in found) == whole


def test_consents_of_an_import_are_changes_and_are_told_once(tmp_path):
    store = LmdbStore(tmp_path / "store", 1 << 24)
    said = Record("anna", {}, [Consent("marketing", "email", granted=True, source="form", at_ms=1_000)])
    store.put([said])
    store.put([said])
    store.apply([Interaction("k", "anna", "click", 1_000)])
    store.close()

    assert roll(tmp_path) == {"interactions": 1, "changes": 1}
    assert roll(tmp_path) == {"interactions": 0, "changes": 0}


def test_a_tail_gives_each_decision_once_though_segments_are_rolled_meanwhile(state):
    whole, tail, late = sorted(decisions_of(state)), Tail(state / "journal"), Tail(state / "journal")
    some = [entry["reply"] for entry in islice(tail.new(), 30) if entry["kind"] == "decision"]
    roll(state)

    rest = [entry["reply"] for entry in tail.new() if entry["kind"] == "decision"]

    assert sorted(some + rest) == whole
    assert sorted(entry["reply"] for entry in late.new()) == whole
    assert list(tail.new()) == list(late.new()) == []
