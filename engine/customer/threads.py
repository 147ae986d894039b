"""Open threads between a person and us: a message not answered, a basket left, a sequence with its next step."""

from engine.customer.as_of import AsOf
from engine.decide.behaviour import BASKET, MEASURES, RESPONSES
from engine.decide.derived import Sequence
from engine.decide.request import Plain, Turn
from engine.decide.values import DAY_MS

OPEN_MS = 14 * DAY_MS  # after two weeks a message that was not answered is no open thread any more
KIND = 0  # place of a trail's words
ENDED = Turn("", 0)


def continuity(as_of: AsOf) -> dict[str, Plain]:
    """Messages seen and not answered, the newest of them, and whether a basket was left."""
    open_ms: dict[str, int] = {}
    for at_ms, (kind, action, *_) in as_of.met.entries():
        if kind in MEASURES["exposures"] and action and at_ms >= as_of.now_ms - OPEN_MS:
            open_ms[action] = at_ms
        elif kind in RESPONSES or kind == "dismiss":
            open_ms.pop(action, None)
    made: dict[str, Plain] = {"continuity.unanswered": float(len(open_ms))}
    if open_ms:
        made["continuity.open_action"] = max(open_ms, key=lambda action: (open_ms[action], action))
    return made | _basket(as_of)


def _basket(as_of: AsOf) -> dict[str, Plain]:
    """Left means: filled, and nothing bought since."""
    filled = [at_ms for at_ms, words in as_of.met.entries() if words[KIND] == BASKET]
    past = as_of.bought
    bought_ms = past.at[past.until - 1] if past.until else 0
    if not filled or filled[-1] < bought_ms:
        return {"continuity.basket_left": False}
    return {"continuity.basket_left": True, "continuity.basket_days": (as_of.now_ms - filled[-1]) / DAY_MS}


def turns(as_of: AsOf) -> dict[str, Turn]:
    """Whose turn it is in each sequence, and from when; a message shown in any channel is shown.

    A step's turn comes when every step before it was shown, in order, and the waits are over; an exit after the
    first step, or the last step, ends the sequence for good.
    """
    if not as_of.derived.sequences:
        return {}
    shown: dict[str, list[int]] = {}
    for at_ms, (kind, action, *_) in as_of.met.entries():
        if kind in MEASURES["exposures"]:
            shown.setdefault(action, []).append(at_ms)
    last_ms = {kind: sums[5] for kind, sums in as_of.totals.kinds.items() if sums[5] < as_of.now_ms}
    return {sequence.name: _turn(sequence, shown, last_ms) for sequence in as_of.derived.sequences}


def _turn(sequence: Sequence, shown: dict[str, list[int]], last_ms: dict[str, int]) -> Turn:
    due_ms, began_ms = 0, None
    for step in sequence.steps:
        found = next((at_ms for at_ms in shown.get(step.action, ()) if at_ms >= due_ms), None)
        if began_ms is not None and any(last_ms.get(kind, -1) >= began_ms for kind in sequence.exits):
            return ENDED
        if found is None:
            return Turn(step.action, due_ms)
        began_ms = found if began_ms is None else began_ms
        due_ms = found + step.wait_ms
    return ENDED
