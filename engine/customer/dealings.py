"""What one customer's history says of each group, objective, channel and action: features between the two."""

from bisect import bisect_left
from collections.abc import Collection, Sequence

from engine.customer.record import Record
from engine.decide.behaviour import RESPONSES
from engine.decide.request import Contact, Dealings
from engine.decide.values import DAY_MS

WINDOW_MS = 30 * DAY_MS
FIELD = {"group": "group", "objective": "objective", "channel": "channel", "action": "action_key"}


def dealings(record: Record, now_ms: int, kinds: Collection[str]) -> Dealings:
    """Exposures and responses by name, strictly before `now_ms`.

    Args:
        record: the record, of which the kept contacts are counted; later events are not looked at.
        now_ms: the moment, epoch milliseconds.
        kinds: of "group", "objective", "channel", "action": those somebody reads.

    Returns:
        kind -> name -> fact, of `engine.decide.behaviour.DEALINGS`; who was never met has no entry.
    """
    if not kinds:
        return {}
    contacts = record.contacts
    past = contacts[: bisect_left(contacts, (now_ms,))]
    return {kind: _by(past, Contact._fields.index(FIELD[kind]), now_ms) for kind in kinds}


def _by(past: Sequence[Contact], place: int, now_ms: int) -> dict[str, dict[str, float]]:
    sorted_out: dict[str, tuple[list[int], list[int]]] = {}
    for contact in past:
        answered = contact.kind in RESPONSES
        if contact[place] and (answered or contact.kind == "exposure"):
            sorted_out.setdefault(str(contact[place]), ([], []))[answered].append(contact.at_ms)
    return {name: _facts(*times, now_ms) for name, times in sorted_out.items()}


def _facts(met: list[int], answered: list[int], now_ms: int) -> dict[str, float]:
    made = {
        "exposures_total": float(len(met)),
        "exposures_30d": float(len(met) - bisect_left(met, now_ms - WINDOW_MS)),
        "responses_total": float(len(answered)),
        "responses_30d": float(len(answered) - bisect_left(answered, now_ms - WINDOW_MS)),
        "response_rate": (len(answered) + 0.1) / (len(met) + 1),  # a tenth, so that who never answered is not at zero
    }
    if met:
        made["exposure_recency_days"] = (now_ms - met[-1]) / DAY_MS
    if answered:
        made["response_recency_days"] = (now_ms - answered[-1]) / DAY_MS
    return made
