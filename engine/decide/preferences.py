"""The customer's own rules: they are gates and weights like ours, told in the customer's words."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from engine.decide.catalogue import BoolArray, Catalogue, Rows
from engine.decide.gates import Gate, Moment, Words
from engine.decide.keeping import MOST_A_WEEK
from engine.decide.request import NONE, Preferences
from engine.decide.values import DAY_MS

WEEK_MS = 7 * DAY_MS
LESS_FOR_MS = WEEK_MS  # "less like this" silences a topic for a week
LESS_WEIGHT = 0.5  # and halves it from then on
OTHER_CHANNEL_WEIGHT = 0.5  # of every channel but the preferred one


class PreferenceBlock:
    """Snooze and weekly maximum: one verdict each; topics: one for each group.

    Args:
        catalogue: the rows.
        governed: intp[n], the rows that preferences govern: all but exempt ones.
    """

    def __init__(self, catalogue: Catalogue, governed: Rows) -> None:
        groups = [str(name) for name in catalogue.names("group")[governed]]
        self._place = {name: at for at, name in enumerate(sorted(set(groups)))}
        topics = np.array([self._place[name] for name in groups], np.intp)
        count = len(self._place)
        self.size = 2 * count + 2
        last = np.array([self.size - 2]), np.array([self.size - 1])
        self.gates: Sequence[Gate] = (
            self._gate("topic off", "you switched this topic off", (governed, topics), "switch the topic on"),
            self._gate("less like this", "you asked for less like this", (governed, topics + count), "wait out a week"),
            self._gate("snooze", _snooze_words, (governed, last[0]), "end the snooze"),
            self._gate("weekly maximum", _weekly_words, (governed, last[1]), "raise the weekly maximum"),
        )

    @staticmethod
    def _gate(name: str, text: Words, heeded: tuple[Rows, Rows], change: str) -> Gate:
        return Gate(name, "preferences", text, *heeded, change=change)

    def evaluate(self, moment: Moment) -> BoolArray:
        """bool[size]."""
        passed = np.ones(self.size, np.bool_)
        asked, now_ms = moment.customer.preferences, moment.request.now_ms
        if asked == NONE:
            return passed
        for topic in asked.off:
            if topic in self._place:
                passed[self._place[topic]] = False
        for topic, said_ms in asked.less.items():
            if topic in self._place and now_ms < said_ms + LESS_FOR_MS:
                passed[self._place[topic] + len(self._place)] = False
        passed[-2] = now_ms >= asked.snoozed_until_ms
        most = None if asked.at_most_a_week is None else min(asked.at_most_a_week, MOST_A_WEEK)
        complete = moment.customer.known_since_ms <= now_ms - WEEK_MS
        passed[-1] = most is None or (complete and _met_this_week(moment) < most)
        return passed


def _met_this_week(moment: Moment) -> int:
    history = moment.customer.contacts
    since = bisect_right(history, moment.request.now_ms - WEEK_MS, key=lambda contact: contact.at_ms)
    return sum(contact.kind == "exposure" for contact in history[since:])


def _snooze_words(moment: Moment) -> str:
    until = datetime.fromtimestamp(moment.customer.preferences.snoozed_until_ms // 1000, UTC)
    return f"you asked for nothing before {until:%d %b %Y}"


def _weekly_words(moment: Moment) -> str:
    return f"you asked for at most {moment.customer.preferences.at_most_a_week} a week"


def weights(asked: Preferences, groups: NDArray[np.object_], channels: NDArray[np.object_]) -> NDArray[np.float64]:
    """What preferences weigh.

    Args:
        asked: the customer's.
        groups, channels: object[N], of the candidates.

    Returns:
        float64[N].
    """
    made = np.ones(len(groups))
    for topic in asked.less:
        made[groups == topic] *= LESS_WEIGHT
    if asked.channel:
        made[channels != asked.channel] *= OTHER_CHANNEL_WEIGHT
    return made
