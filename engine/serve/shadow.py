"""Shadow models: scored for the journal off the caller's path, in lumps, and never used."""

import threading
from collections import deque

import structlog

from engine.decide.pipeline import Evaluation
from engine.journal.entries import ShadowScores, pack
from engine.journal.protocol import Journal

EVERY_S = 0.1  # a thread woken for every decision would cost each of them 0.2 ms
WAITING = 1_000  # decisions; beyond it the oldest go unscored, and are counted
log = structlog.get_logger()


class Shadows:
    """Scores decisions again after they are answered.

    Args:
        journal: where the scores go.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: deque[tuple[str, Evaluation]] = deque(maxlen=WAITING)
        self._skipped = self._told = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def offer(self, decision_id: str, evaluation: Evaluation) -> None:
        """Take one decision; does nothing where no shadow follows."""
        if evaluation.snapshot.scoring.lineup.shadows:
            self._skipped += len(self._waiting) == WAITING
            self._waiting.append((decision_id, evaluation))

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self._drain()

    def _drain(self) -> None:
        if self._skipped > self._told:
            self._told = self._skipped
            log.warning("shadow models cannot keep up", skipped_in_all=self._skipped)
        while self._waiting:
            decision_id, evaluation = self._waiting.popleft()
            try:
                self._score(decision_id, evaluation)
            except Exception as error:  # noqa: BLE001  whatever one decision meets, the next ones are scored
                log.error("shadow models did not score", decision_id=decision_id, fault=repr(error))

    def _score(self, decision_id: str, evaluation: Evaluation) -> None:
        snapshot = evaluation.snapshot
        keys, channels = (snapshot.catalogue.names(scope) for scope in ("action", "channel"))
        for model, rows, propensity in snapshot.scoring.shadows(
            evaluation.moment, evaluation.candidates, evaluation.scored
        ):
            places = keys[rows].tolist(), channels[rows].tolist()
            self._journal.offer(pack(ShadowScores(decision_id, model.title, *places, propensity.tolist())))

    def close(self) -> None:
        """Score what waits, and stop."""
        self._stop.set()
        self._thread.join()
        self._drain()
