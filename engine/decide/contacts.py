"""ContactPolicy policies: at most n outcomes of a kind in a true sliding window, counted exactly over the history."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence

import numpy as np

from engine.decide.bundle import ContactPolicy
from engine.decide.catalogue import BoolArray, Catalogue
from engine.decide.gates import Gate, Moment, Rows
from engine.decide.request import Contact

FIELD = {"action": "action_key", "group": "group", "objective": "objective", "channel": "channel"}
PLACE = {scope: Contact._fields.index(field) for scope, field in FIELD.items()}


class ContactBlock:
    """For each contact policy one verdict, or one for each name that it counts by.

    Args:
        contacts: the policies.
        catalogue: the rows.
    """

    def __init__(self, contacts: Sequence[ContactPolicy], catalogue: Catalogue) -> None:
        self._counters: list[_Counter] = []
        self.size = 0
        gates = []
        for contact in contacts:
            rows = np.flatnonzero(catalogue.governed(contact.scope))
            counter, verdicts = _counter(contact, catalogue, rows, self.size)
            gates.append(Gate(contact.name, "contact policy", words(contact), rows, verdicts))
            self._counters.append(counter)
            self.size += len(counter.places) or 1
        self.gates: Sequence[Gate] = gates

    def evaluate(self, moment: Moment) -> BoolArray:
        """bool[size]."""
        passed = np.ones(self.size, np.bool_)
        for counter in self._counters:
            counter.refuse(moment, passed)
        return passed


class _Counter:
    """Counts one policy's outcomes and refuses the names that have had enough."""

    def __init__(self, contact: ContactPolicy, places: dict[str, int], start: int) -> None:
        self.contact, self.places, self.start = contact, places, start
        self._scope = [(PLACE[kind], name) for kind, name in contact.scope.items()]

    def refuse(self, moment: Moment, passed: BoolArray) -> None:
        """Set to false what has had enough."""
        contact, history = self.contact, moment.customer.contacts
        since_ms = moment.request.now_ms - contact.within_ms
        inside = history[bisect_right(history, since_ms, key=_at_ms) :]
        found = [e for e in inside if e[1] == contact.kind and all(e[place] == name for place, name in self._scope)]
        if contact.per == "everything":
            passed[self.start] = len(found) < contact.at_most
        elif contact.at_most == 0:
            passed[self.start : self.start + len(self.places)] = False
        else:
            for name, count in Counter(entry[PLACE[contact.per]] for entry in found).items():
                if count >= contact.at_most and name in self.places:
                    passed[self.places[name]] = False


def _counter(contact: ContactPolicy, catalogue: Catalogue, rows: Rows, start: int) -> tuple[_Counter, Rows]:
    """A counter whose verdicts begin at `start`, and the verdict that each row heeds."""
    if contact.per == "everything" or not len(rows):
        return _Counter(contact, {}, start), np.array([start])
    names = [str(name) for name in catalogue.names(contact.per)[rows]]
    places = {name: start + at for at, name in enumerate(sorted(set(names)))}
    return _Counter(contact, places, start), np.array([places[name] for name in names])


def _at_ms(contact: Contact) -> int:
    return contact.at_ms


def words(contact: ContactPolicy) -> str:
    """The policy in words."""
    return f"at most {contact.at_most} {contact.kind} within {contact.within_ms // 60_000} minutes"
