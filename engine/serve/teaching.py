"""What joined outcomes make of what was learned before: one lump, model by model."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import structlog

from engine.decide.lineup import NAMES_MOST
from engine.decide.online import features_of
from engine.serve.joiner import Taught
from models import Event, Learned, OnlineState, State, unseen, update
from models.online import INPUTS_MOST, STATE_BYTES, bytes_of_cell, learn

MODELS = 8  # the states that changed last; those of models long replaced go
COLUMN = 4  # bytes
log = structlog.get_logger()


def taught(before: Learned, lump: Iterable[Taught], now_ms: int, half_life_ms: int) -> Learned:
    """With what a lump teaches; the same states, as objects, where that is nothing.

    Args:
        now_ms: of the version to come.
        half_life_ms: after so long, a trial counts half.
    """
    plain: defaultdict[str, list[Event]] = defaultdict(list)
    online: defaultdict[str, list[Event]] = defaultdict(list)
    for model, event in lump:
        (online if event.inputs else plain)[model].append(event)
    states = _corrected(before.states, plain, now_ms, half_life_ms) if plain else before.states
    learning = _learned(before.online, online, now_ms, half_life_ms) if online else before.online
    return Learned(states, before.sequence, learning)


def _corrected(
    states: Sequence[State], of_model: Mapping[str, Sequence[Event]], now_ms: int, half_life_ms: int
) -> tuple[State, ...]:
    known = {state.model: state for state in states}
    for model, events in of_model.items():
        known[model] = update(known.get(model, State(model)), events, now_ms, half_life_ms)
    return _remembered(known.values())


def _remembered(states: Iterable[State]) -> tuple[State, ...]:
    """The newest, and of each name its newest: nine models that learn in turn would drop one another else."""
    newest = sorted(states, key=lambda state: -state.now_ms)
    of_name: dict[str, State] = {}
    for state in newest:
        of_name.setdefault(state.model.rpartition("/")[0], state)
    kept = {state.model: state for state in (*newest[:MODELS], *[*of_name.values()][:NAMES_MOST])}
    return tuple(kept[title] for title in sorted(kept))


def _learned(
    states: Sequence[OnlineState], of_model: Mapping[str, Sequence[Event]], now_ms: int, half_life_ms: int
) -> tuple[OnlineState, ...]:
    known = {state.model: state for state in states}
    for model, events in of_model.items():
        width = len(events[0].inputs) // COLUMN
        state = known.get(model, OnlineState(model, unseen(width)))
        width = len(state.moments.mean)
        fitting = [event for event in events if len(event.inputs) == COLUMN * width]
        if len(fitting) < len(events) or not 1 <= width <= INPUTS_MOST:
            log.error("inputs in the journal are not those of the model, nothing is learned of them", model=model)
            continue
        features = features_of(model.rpartition("/")[0], width)
        known[model] = learn(state, fitting, features, now_ms, half_life_ms)
    return within(known.values(), STATE_BYTES)


def within(states: Iterable[OnlineState], most: int) -> tuple[OnlineState, ...]:
    """The cells that were tried last, while they take at most so many bytes: what left the catalogue goes."""
    every = sorted(states, key=lambda state: state.model)
    size = {state.model: bytes_of_cell(len(state.moments.mean)) for state in every}
    tried = [(sums.last_ms, state.model, cell) for state in every for cell, sums in state.sums.items()]
    if sum(size[model] for _, model, _ in tried) <= most:
        return tuple(every)
    kept = set()
    for _, model, cell in sorted(tried, reverse=True):
        most -= size[model]
        if most < 0:
            break
        kept.add((model, cell))
    left = [replace(one, sums={c: own for c, own in one.sums.items() if (one.model, c) in kept}) for one in every]
    return tuple(state for state in left if state.sums)
