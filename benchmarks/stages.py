"""Each stage of one decision alone, in one process."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from nba.v1 import common_pb2, decision_pb2

from benchmarks.report import Figure, percentiles
from benchmarks.workload import CHANNELS, NOW_MS, build
from engine.customer.view import view
from engine.decide import explain
from engine.decide.chance import Stream
from engine.decide.gates import STANDING, Moment
from engine.decide.pipeline import decide
from engine.decide.promises import proposed
from engine.decide.selection import Greedy
from engine.journal.writer import SegmentJournal
from engine.serve.answer import read_question
from engine.serve.build import load_snapshot
from engine.serve.entry import entry_of
from engine.serve.limits import Limits
from engine.serve.reserving import NOBODY, Taken
from engine.serve.wire import Reader, write_response
from engine.store.lmdb import LmdbStore
from engine.store.reservation import Promise
from models import RESPONSE


def message(customer: int = 7) -> decision_pb2.DecideRequest:
    """One request for every channel."""
    return decision_pb2.DecideRequest(
        request_id="bench",
        customer=decision_pb2.Customer(id=f"customer_{customer}"),
        context={"device": common_pb2.Value(string_value="phone"), "page": common_pb2.Value(string_value="home")},
        channels=[decision_pb2.ChannelRequest(channel=channel, limit=3) for channel in CHANNELS],
        now_ms=NOW_MS,
        seed=1,
    )


def measure(rows: int, directory: Path, calls: int) -> list[Figure]:
    """Every stage at one size of catalogue.

    Args:
        rows: of the catalogue; all are asked for.
        directory: for the workload's files.
        calls: timed calls of each stage, after a tenth as many to warm up.
    """
    bundle, state = build(directory, rows)
    figures: list[Figure] = []
    with _stages(bundle, state) as stages:
        for name, stage in stages.items():
            found = percentiles("stages", f"{name}, {rows} rows", _timed(stage, calls))
            figures += [figure for figure in found if figure.metric in ("latency_us_p50", "latency_us_p99")]
    return figures


def _timed(stage: Callable[[], object], calls: int) -> Iterator[float]:
    for _ in range(calls // 10 + 1):
        stage()
    for _ in range(calls):
        start = time.perf_counter_ns()
        stage()
        yield (time.perf_counter_ns() - start) / 1_000


@contextmanager
def _stages(bundle: Path, state: Path) -> Iterator[dict[str, Callable[[], object]]]:
    snapshot = load_snapshot(bundle, state / "models")
    store, journal = LmdbStore(state / "store"), SegmentJournal(state / "journal", 0)
    reader, asked = Reader(snapshot, Limits()), message()
    question = read_question(reader, asked, NOW_MS, 1)
    request, sent = question.request, question.sent
    stored = store.load(sent.customer_id)
    needs = snapshot.needs(request)
    customer = view(stored, sent, needs, NOW_MS)
    moment = Moment(customer, request, customer.facts())
    evaluation = decide(snapshot, customer, request)
    rows = evaluation.candidates
    model = snapshot.scoring.models[RESPONSE]
    inputs = model.inputs(moment)
    promise = Promise("bench", [proposed(snapshot.catalogue, 0, request.asks[0])], 0)  # run out when next looked at
    packed = asked.SerializeToString()
    reply = write_response(evaluation, request, 0, "bench")
    every = np.ones(len(rows), np.bool_)
    objective = snapshot.catalogue.objective[rows]
    yield {
        "parse and read": lambda: reader.request(decision_pb2.DecideRequest.FromString(packed), NOW_MS, 1),
        "load": lambda: store.hold(sent.customer_id),
        "view": lambda: view(stored, sent, needs, NOW_MS),
        "gates": lambda: snapshot.gates.evaluate(moment),
        "rows lost": lambda: snapshot.gates.lost_at(evaluation.passed) == STANDING,
        "features": lambda: model.inputs(moment),
        "score": lambda: model.scorer.score(inputs, rows),
        "arbitration": lambda: snapshot.arbiter.priority(
            snapshot.worth.factors(moment, rows, evaluation.factors.propensity)
        ),
        "selection": lambda: Greedy().select(evaluation.priority, every, 3, objective, Stream(1)),
        "whole core": lambda: decide(snapshot, customer, request),
        "write": lambda: write_response(evaluation, request, 0, "bench").SerializeToString(),
        "words, full": lambda: explain.full(evaluation),
        "reserve": lambda: store.reserve(store.hold(sent.customer_id), promise),
        "journal": lambda: journal.offer(entry_of(question, Taken(evaluation, NOBODY), bytes(16), (asked, reply))),
    }
    journal.close()
    store.close()
