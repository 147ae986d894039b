"""Contact policies: at most n outcomes of a kind, counted exactly over the history.

Windows slide (the last seven days to the millisecond) or follow the customer's own calendar (since Monday). Where the
zone is not known, a calendar window reaches back as far as it could in any zone.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from operator import itemgetter
from zoneinfo import ZoneInfo

import numpy as np

from engine.decide.catalogue import KEPT, BoolArray, Catalogue, Rows
from engine.decide.engagement import ROLE
from engine.decide.gates import Gate, Moment
from engine.decide.policies import ContactPolicy
from engine.decide.quiet import zone_of
from engine.decide.request import Contact
from engine.decide.values import DAY_MS

QUARTER_MS = 900_000
PLACE = {scope: Contact._fields.index(name) for scope, name in KEPT.items()}  # a contact bears a row's names
LONGEST_MS = {"day": DAY_MS, "week": 7 * DAY_MS, "month": 31 * DAY_MS}


class ContactBlock:
    """For each contact policy one verdict, or one for each name that it counts by.

    Args:
        contacts: the policies.
        catalogue: the rows.
        marketing: bool[R], the rows that marketing caps count for: all but exempt ones.
    """

    def __init__(self, contacts: Sequence[ContactPolicy], catalogue: Catalogue, marketing: BoolArray) -> None:
        self._counters: list[_Counter] = []
        self.size = 0
        gates = []
        for contact in contacts:
            rows = catalogue.governed(contact.scope)
            rows = rows[marketing[rows]]
            counter, verdicts = _counter(contact, catalogue, rows, self.size)
            change = partial(_after, counter)
            gates.append(Gate(contact.name, "contact policy", contact.text, rows, verdicts, change=change))
            self._counters.append(counter)
            self.size += len(counter.places) or 1
        self._kinds = sorted({contact.kind for contact in contacts})
        self.gates: Sequence[Gate] = gates

    def evaluate(self, moment: Moment) -> BoolArray:
        """bool[size]."""
        passed = np.ones(self.size, np.bool_)
        outcomes = _outcomes(moment, self._kinds)
        for counter in self._counters:
            counter.refuse(moment, outcomes[counter.contact.kind], passed)
        return passed


def _outcomes(moment: Moment, kinds: Sequence[str]) -> dict[str, list[Contact]]:
    """Kind -> the history's entries of it, sorted by time."""
    found: dict[str, list[Contact]] = {kind: [] for kind in kinds}
    for entry in moment.customer.contacts:
        if entry[1] in found:
            found[entry[1]].append(entry)
    return found


class _Counter:
    """Counts one policy's outcomes and refuses the names that have had enough."""

    def __init__(self, contact: ContactPolicy, places: dict[str, int], start: int, actions: frozenset[str]) -> None:
        self.contact, self.places, self.start, self._actions = contact, places, start, actions
        self._scope = [(PLACE[kind], name) for kind, name in contact.scope.items() if kind in PLACE]
        self._role = contact.scope.get("role", "")
        self._tagged = "tag" in contact.scope
        self._narrow = bool(self._scope) or self._tagged

    def refuse(self, moment: Moment, outcomes: Sequence[Contact], passed: BoolArray) -> None:
        """Set to false what has had enough.

        Args:
            moment: of the decision.
            outcomes: the history's entries of this policy's kind, sorted by time.
            passed: bool[size], of the whole block.
        """
        contact = self.contact
        if self._role and self._role != moment.facts.get("role", ROLE):
            return
        if moment.customer.known_since_ms and moment.customer.known_since_ms > since_ms(
            contact, moment
        ):  # nought for all but a flood
            passed[self.start : self.start + (len(self.places) or 1)] = False
            return
        # Fewer than the cap in the whole history: no window of it can hold more. Most policies end here.
        if len(outcomes) < contact.at_most:
            return
        found = outcomes[bisect_right(outcomes, since_ms(contact, moment), key=_at_ms) :]
        if self._narrow:
            found = [entry for entry in found if self._counts(entry)]
        if len(found) < contact.at_most:
            return
        if contact.per == "everything" or contact.at_most == 0:
            passed[self.start : self.start + (len(self.places) or 1)] = False
            return
        place = PLACE[contact.per]
        for name, count in Counter([entry[place] for entry in found]).items():
            if count >= contact.at_most and name in self.places:
                passed[self.places[name]] = False

    def ends_ms(self, moment: Moment) -> set[int]:
        """When the sliding window will have moved past enough, for each name that has had enough."""
        times: dict[str, list[int]] = {}
        for entry in _outcomes(moment, [self.contact.kind])[self.contact.kind]:
            name = str(entry[PLACE[self.contact.per]]) if self.places else ""
            if self._counts(entry) and (name in self.places or not self.places):
                times.setdefault(name, []).append(entry.at_ms)
        most, since = self.contact.at_most, since_ms(self.contact, moment)
        enough = [at[-most] for at in times.values() if len(at) >= most and at[-most] > since]
        return {at_ms + self.contact.within_ms for at_ms in enough}

    def _counts(self, entry: Contact) -> bool:
        inside = all(entry[place] == name for place, name in self._scope)
        return inside and (not self._tagged or entry.action_key in self._actions)


def since_ms(contact: ContactPolicy, moment: Moment) -> int:
    """Outcomes after this moment count."""
    now_ms = moment.request.now_ms
    if not contact.each:
        return now_ms - contact.within_ms
    zone = zone_of(moment.customer.time_zone)
    if zone is None:
        return now_ms - LONGEST_MS[contact.each]
    return _began_ms(zone, contact.each, now_ms // QUARTER_MS) - 1


def _after(counter: _Counter, moment: Moment) -> str:
    """What would lift it: the window moving past enough of what counts, for the last of the names it refuses."""
    contact = counter.contact
    if contact.each or not contact.at_most:
        return f"wait for the next {contact.each}" if contact.at_most else "nothing; the cap is nought"
    ends = sorted(counter.ends_ms(moment))
    latest = ", at the latest" if len(ends) > 1 else ""
    return "".join(
        f"after {datetime.fromtimestamp(at_ms // 1000, UTC):%a %d %b %Y %H:%M} UTC{latest}" for at_ms in ends[-1:]
    )


@lru_cache(maxsize=4_096)
def _began_ms(zone: ZoneInfo, each: str, quarter: int) -> int:
    """When the day, week or month began; days begin on a quarter of an hour, so one answer serves all who share it."""
    now = datetime.fromtimestamp(quarter * QUARTER_MS // 1000, zone)
    midnight = now.replace(hour=0, minute=0, second=0, fold=0)
    back = {"day": 0, "week": midnight.weekday(), "month": midnight.day - 1}[each]
    return int((midnight - timedelta(days=back)).timestamp()) * 1000


def _counter(contact: ContactPolicy, catalogue: Catalogue, rows: Rows, start: int) -> tuple[_Counter, Rows]:
    """A counter whose verdicts begin at `start`, and the verdict that each row heeds."""
    tag = contact.scope.get("tag", "")
    actions = frozenset(catalogue.names("action")[catalogue.governed({"tag": tag})].tolist()) if tag else frozenset()
    if contact.per == "everything" or not len(rows):
        return _Counter(contact, {}, start, actions), np.array([start])
    names = [str(name) for name in catalogue.names(contact.per)[rows]]
    places = {name: start + at for at, name in enumerate(sorted(set(names)))}
    return _Counter(contact, places, start, actions), np.array([places[name] for name in names])


_at_ms = itemgetter(0)  # a contact's moment stands first
