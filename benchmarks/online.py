"""What an online model costs: a decision beside the prior's, and the learner's and the worker's steps."""

import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.bandits import ALLOWED, ASKED, CHANNEL, Data, snapshot_of
from benchmarks.report import Figure, percentiles
from engine.decide.lineup import ALONE
from engine.decide.parts import Parts
from engine.decide.pipeline import decide
from engine.decide.request import CustomerView
from engine.decide.scoring import Scoring, build_models, first_day
from engine.serve.teaching import taught
from models import HALF_LIFE_MS, NOTHING, RESPONSE, Cell, Event, Learned, unpack

ROWS, WIDTH, TRIALS = (10, 80), 10, 1_000  # 80 rows of ten inputs are 0.9 MB: nearly as much as a bundle may have


def measure(scale: int) -> Iterator[Figure]:
    """Each at a few sizes.

    Args:
        scale: 10, or 1 for a look.
    """
    for rows in ROWS:
        for name, step in _steps(rows).items():
            found = percentiles("online", f"{name}, {rows} rows", _timed(step, 20 * scale))
            yield from (figure for figure in found if figure.metric in ("latency_us_p50", "latency_us_p99"))


def _steps(rows: int) -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(0)
    cold = snapshot_of(Data(np.zeros((0, WIDTH)), np.zeros(0, np.intp), rows), "quick")
    quick = cold.scoring.models["quick"]
    trials = [
        Event(Cell(f"class{rng.integers(rows):02d}", CHANNEL, "classes"), 0, inputs=inputs.astype("<f4").tobytes())
        for inputs in rng.normal(size=(TRIALS, WIDTH))
    ]
    lump = [(quick.title, trial) for trial in trials]
    packed = taught(NOTHING, lump, 0, HALF_LIFE_MS).packed
    learned = unpack(packed)
    warm = cold.taught(learned)
    customer = CustomerView({f"x{at}": float(at) for at in range(WIDTH)}, {}, ALLOWED)
    evaluation = decide(warm, customer, ASKED)
    moment, model, candidates = evaluation.moment, warm.scoring.models["quick"], evaluation.candidates
    plain = build_models([first_day(RESPONSE, 0.01)], warm.catalogue, {}, Parts())
    prior = Scoring(ALONE, plain, warm.catalogue)
    return {
        "score": lambda: warm.scoring.propensity(moment, candidates),
        "score by the prior": lambda: prior.propensity(moment, candidates),
        "inputs for the journal": lambda: model.read(moment),
        "decide": lambda: decide(warm, customer, ASKED),
        "learn a trial": lambda: taught(learned, lump[:1], 1, HALF_LIFE_MS),
        "learn 1000 trials": lambda: taught(learned, lump, 1, HALF_LIFE_MS),
        "write a version": lambda: Learned((), 0, learned.online).packed,
        "take a version": lambda: cold.taught(unpack(packed)),
    }


def _timed(step: Callable[[], object], calls: int) -> Iterator[float]:
    for _ in range(calls // 10 + 1):
        step()
    for _ in range(calls):
        start = time.perf_counter_ns()
        step()
        yield (time.perf_counter_ns() - start) / 1_000
