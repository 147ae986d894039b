"""Scoring the candidates of one customer: factorised trees beside other runtimes of the same trees, in one run."""

import time
from collections.abc import Callable, Iterator, Mapping

import lightgbm
import numpy as np

from benchmarks.report import Figure
from benchmarks.runtimes import runtimes
from models import Feature, FeatureSpec, RowScorer, RowTable
from models.choose import plan_of
from models.export import export_lightgbm
from models.factorised import FactorisedRows
from models.fast import FAST
from models.kernels import NUMPY, Float64Array

Way = Callable[[], object]
TREES, LEAVES = 200, 63
GROUPS = tuple(f"group_{i:02d}" for i in range(20))
CHANNELS = ("app", "email", "paid", "web")
DEALT = GROUPS[::4]  # the groups that the customer has history with
# candidates -> numpy, compiled: with everything, the request's own mask (25 us) included
TARGETS_US = {100: (61.0 + 25, 12.0 + 25), 1_000: (560.0 + 25, 121.0 + 25), 10_000: (7_600.0 + 25, 1_800.0 + 25)}
NAMES = ("factorised, numpy", "factorised, compiled")
ROUNDS = 7
TOLERANCE = 1e-6
# More than half the features are the customer's and the request's; a quarter are the row's, and continuous but for two.
SPEC = FeatureSpec((
    *(Feature(f"customer.c{i:02d}") for i in range(18)),
    *(Feature(f"request.r{i}") for i in range(2)),
    *(Feature(f"action.a{i}") for i in range(8)),
    Feature("action.group", "categorical", GROUPS),
    Feature("action.channel", "categorical", CHANNELS),
    *(Feature(f"with_group.g{i}") for i in range(6)),
))  # fmt: skip


def measure(scale: int) -> Iterator[Figure]:
    """Microseconds to score all candidates, of each way.

    Args:
        scale: 10 for the record; 1 leaves out the runtimes that take a minute to compile.
    """
    booster = _trained()
    model = export_lightgbm(booster)
    others = list(runtimes(booster, model, compiled=scale > 1))
    for candidates, targets in TARGETS_US.items():
        table = _table(candidates)
        start = time.perf_counter()
        plain = FactorisedRows(plan_of(model, table, NUMPY), table, NUMPY)
        yield Figure("score", f"{candidates} candidates, binding the table", "time_s", time.perf_counter() - start, "s")
        compiled = FactorisedRows(plan_of(model, table, FAST), table, FAST)
        inputs, every = table.inputs(*_customer(), 0), np.arange(candidates)
        ways = {NAMES[0]: _whole(plain, table), NAMES[1]: _whole(compiled, table)}
        matrix = table.matrix(inputs, every)
        ways |= {name: prepare(matrix) for name, prepare in others}
        _agree(ways, booster.predict(matrix))
        promised = dict(zip(NAMES, targets, strict=True))
        for name, latency_us in _in_turns(ways, max(3, 10_000 * scale // candidates)).items():
            yield Figure(
                "score", f"{candidates} candidates, {name}", "latency_us_p50", latency_us, "us", promised.get(name)
            )


def _whole(scorer: RowScorer, table: RowTable) -> Way:
    """Features and scores of every row."""
    customer, every = _customer(), np.arange(table.size)
    return lambda: scorer.score(table.inputs(*customer, 0), every)


def _agree(ways: Mapping[str, Way], expected: Float64Array) -> None:
    for name, way in ways.items():
        gap = float(np.abs(np.asarray(way()).reshape(-1) - expected).max())
        if not gap <= TOLERANCE:
            raise ValueError(f"{name} differs from LightGBM by {gap:.3g}; the comparison would mean nothing")


def _in_turns(ways: Mapping[str, Way], calls: int) -> dict[str, float]:
    """Median over rounds of each round's median; they take turns, so that the machine's noise meets all."""
    medians: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            medians[name].append(_median_us(way, calls))
    return {name: float(np.median(found)) for name, found in medians.items()}


def _median_us(way: Way, calls: int) -> float:
    for _ in range(calls // 5 + 1):
        way()
    found = []
    for _ in range(calls):
        start = time.perf_counter_ns()
        way()
        found.append((time.perf_counter_ns() - start) / 1_000)
    return float(np.median(found))


def _trained() -> lightgbm.Booster:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(20_000, SPEC.width)).astype(np.float32)
    for name, categories in (("action.group", GROUPS), ("action.channel", CHANNELS)):
        features[:, SPEC.place[name]] = rng.integers(0, len(categories), (len(features), 1))
    features[rng.random(features.shape) < 0.05] = np.nan
    stranger = rng.random(len(features)) < 0.5  # to the row's group
    features[np.ix_(stranger, SPEC.columns(f"with_group.g{i}" for i in range(6)))] = np.nan
    features[0] = np.nan
    known = np.nan_to_num(features)
    margin = known @ rng.normal(size=SPEC.width) / 4 + np.sin(known[:, 0] * known[:, 20])
    labels = (margin + rng.normal(size=len(features)) > 0).astype(int)
    options = {"objective": "binary", "num_leaves": LEAVES, "learning_rate": 0.05, "verbosity": -1, "seed": 0,
               "deterministic": True, "num_threads": 1}  # fmt: skip
    return lightgbm.train(options, lightgbm.Dataset(features, labels), TREES)


def _table(rows: int) -> RowTable:
    rng = np.random.default_rng(rows)
    group, channel = (rng.choice(names, rows).astype(object) for names in (GROUPS, CHANNELS))
    columns = {f"action.a{i}": rng.normal(size=rows) for i in range(8)}
    columns |= {"action.group": group, "action.channel": channel}
    return RowTable(SPEC, columns, {"group": group}, rows)


def _customer() -> tuple[dict[str, object], dict[str, dict[str, dict[str, object]]]]:
    rng = np.random.default_rng(1)
    facts: dict[str, object] = {name: float(rng.normal()) for name in SPEC.of("customer", "request").place}
    dealt: dict[str, dict[str, object]] = {name: {f"g{i}": float(rng.normal()) for i in range(6)} for name in DEALT}
    return facts, {"group": dealt}
