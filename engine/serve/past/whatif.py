"""`nba replay --bundle NEW`: what a changed bundle or model would have made of the past."""

import multiprocessing
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from nba.v1 import decision_pb2

from engine.decide.pipeline import Evaluation
from engine.serve.past.redecide import NotReplayableError, Past, Recorded
from engine.serve.past.replay import Share, cores, shares
from engine.serve.past.trial import Changed, Outcome, Trial

SAMPLES = 10
BY = ("action", "channel", "segment", "gate")
Ranked = tuple[str, ...]


@dataclass
class Count:
    """How often something was there, before and after, and in how many answers it was another."""

    before: int = 0
    after: int = 0
    changed: int = 0

    def add(self, before: int, after: int, *, changed: bool) -> None:
        """Count one more."""
        self.before += before
        self.after += after
        self.changed += changed


@dataclass
class Differences:
    """What would have changed.

    Args:
        decisions: how many were decided again.
        changed: of these, how many have another ranking in some channel.
        by: "action", "channel", "segment", "gate" -> name -> count. Of an action, how often it was ranked; of a
            channel, how many answers had something; of a segment, how many decisions; of a gate, the rows it held back.
        samples: some that changed.
        not_replayable: reason -> how many.
    """

    decisions: int = 0
    changed: int = 0
    by: dict[str, dict[str, Count]] = field(default_factory=lambda: {name: {} for name in BY})
    samples: list[dict[str, Any]] = field(default_factory=list)
    not_replayable: Counter[str] = field(default_factory=Counter)

    def take(self, recorded: Recorded, outcome: Outcome) -> None:
        """Compare one decision."""
        changed = False
        for at, answer in enumerate(recorded.reply.channels):
            before, after = tuple(a.action_key for a in answer.actions), _ranked(outcome.evaluation, at)
            self._answer(answer.channel, before, after)
            if before != after:
                changed = True
                self._sample(recorded, answer, after)
        self.decisions += 1
        self.changed += changed
        for name, value in outcome.evaluation.moment.customer.derived.items():
            if name.startswith("segment.") and value:
                self._count("segment", name.removeprefix("segment.")).add(1, 1, changed=changed)
        self._gates(outcome)

    def _count(self, what: str, name: str) -> Count:
        return self.by[what].setdefault(name, Count())

    def _answer(self, channel: str, before: Ranked, after: Ranked) -> None:
        self._count("channel", channel).add(bool(before), bool(after), changed=before != after)
        for action in {*before, *after}:
            there = action in before, action in after
            self._count("action", action).add(*there, changed=there[0] != there[1])

    def _gates(self, outcome: Outcome) -> None:
        held: dict[str, list[int]] = {}
        both = (outcome.before, outcome.held_before), (outcome.evaluation.snapshot, outcome.held_after)
        for side, (snapshot, counts) in enumerate(both):
            for index in counts.nonzero()[0].tolist():
                gate = snapshot.gates.gates[index]
                held.setdefault(f"{gate.stage} '{gate.name}'", [0, 0])[side] += int(counts[index])
        for name, (before, after) in held.items():
            self._count("gate", name).add(before, after, changed=before != after)

    def _sample(self, recorded: Recorded, answer: decision_pb2.ChannelAnswer, after: Ranked) -> None:
        if len(self.samples) < SAMPLES:
            before = [action.action_key for action in answer.actions]
            who = {"decision_id": recorded.reply.decision_id, "customer": recorded.message.customer.id}
            self.samples.append({**who, "channel": answer.channel, "before": before, "after": list(after)})

    def add(self, other: "Differences") -> None:
        """Add what another process found."""
        self.decisions += other.decisions
        self.changed += other.changed
        self.samples = [*self.samples, *other.samples][:SAMPLES]
        self.not_replayable += other.not_replayable
        for what, counts in other.by.items():
            for name, count in counts.items():
                own = self._count(what, name)
                own.add(count.before, count.after, changed=False)
                own.changed += count.changed


def _ranked(evaluation: Evaluation, ask: int) -> Ranked:
    rows = evaluation.candidates[evaluation.rankings[ask]]
    return tuple(evaluation.snapshot.catalogue.names("action")[rows].tolist())


class _Task(NamedTuple):
    share: Share
    changed: Changed


def _differences(task: _Task) -> Differences:
    found, trial = Differences(), _trial(task.share.state, task.share.past, task.changed)
    for recorded in task.share.recorded():
        try:
            if isinstance(recorded, NotReplayableError):
                raise recorded
            found.take(recorded, trial.outcome(recorded))
        except NotReplayableError as error:
            found.not_replayable[str(error)] += 1
    return found


@cache
def _trial(state: Path, past: Past, changed: Changed) -> Trial:
    return Trial(state, past, changed)


def what_if(state: Path, since_ms: int, changed: Changed) -> dict[str, Any]:
    """Decide the past again by something else, and say what would have changed.

    Raises:
        BundleError, ModelError: when that cannot be compiled.
    """
    start, found = time.perf_counter(), Differences()
    tasks = [_Task(share, changed) for share in shares(state, since_ms)]
    with multiprocessing.get_context("spawn").Pool(cores()) as pool:
        for one in pool.imap_unordered(_differences, tasks):
            found.add(one)
    by = {what: {name: vars(count) for name, count in sorted(counts.items())} for what, counts in found.by.items()}
    return {
        "decisions": found.decisions,
        "changed": found.changed,
        "by": by,
        "samples": found.samples,
        "not_replayable": dict(found.not_replayable.most_common(SAMPLES)),
        "decisions_per_s": round(found.decisions / (time.perf_counter() - start)),
    }
