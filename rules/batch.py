"""Many conditions over many rows, evaluated together.

Conditions that differ in their constants only are one template over columns of constants: 20,000 of them cost a few
calls of numpy, not 20,000 closures.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.columns import Columns, Mask
from rules.scalar import UNKNOWN, UNSET, Plan, Worlds, plan
from rules.template import template
from rules.tree import Call, Node, children
from rules.vector import VectorPlan, vector

ALIKE = 8  # from so many on, one pass of numpy (about 5 µs) beats closures (about 0.4 µs each)
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Site:
    """One condition where it is asked.

    Args:
        tree: the condition.
        rows: intp[...], the rows it is asked of, where it reads the action; None where it does not.
        lenient: whether unknown passes.
        apart: conditions share verdicts only with those of the same word.
    """

    tree: Node
    rows: Rows | None = None
    lenient: bool = False
    apart: str = ""


@dataclass(frozen=True)
class _Group:
    """One template over P places of the verdicts."""

    start: int
    stop: int
    run: VectorPlan
    lenient: bool


class Batch:
    """Conditions compiled together.

    Args:
        sites: the conditions.
        columns: the action's attributes by row; `columns.texts` holds every text of columns and conditions.

    Attributes:
        size: V, the number of verdicts.
        verdicts: for each site the index of its verdict, or of one for each of its rows: intp[...].
    """

    def __init__(self, sites: Sequence[Site], columns: Columns) -> None:
        self.size = 0
        self.verdicts: list[Rows] = [np.zeros(0, np.intp)] * len(sites)
        self._sites, self._columns = sites, columns
        self._templates = [template(site.tree) for site in sites]
        self._groups: list[_Group] = []
        alone: list[list[int]] = []
        for members in _alike(range(len(sites)), self._key).values():
            same = list(_alike(members, lambda at: (sites[at].tree, sites[at].apart)).values())
            if sites[members[0]].rows is None and len(same) < ALIKE:
                alone.extend(same)
            elif sites[members[0]].rows is None:
                self._scalars(same)
            else:
                self._mixed(members)
        self._start = self.size
        self._plans, self._shared = self._closures(alone)
        del self._sites, self._columns, self._templates  # needed to compile only, and as large as all of it

    def evaluate(self, customer: Mapping[str, object], request: Mapping[str, object]) -> Mask:
        """bool[V]: whether each condition passes where it is asked."""
        worlds = Worlds(customer, request, memo=[UNSET] * self._shared)
        passed = np.empty(self.size, np.bool_)
        passed[self._start :] = [run(worlds) is True for run in self._plans]
        if self._groups:
            with np.errstate(all="ignore"):
                self._fill(passed, worlds)
        return passed

    def _fill(self, passed: Mask, worlds: Worlds) -> None:
        for group in self._groups:
            value, known = group.run(worlds)
            passed[group.start : group.stop] = _passed(value, known, lenient=group.lenient)

    def _key(self, at: int) -> tuple[bool, bool, Node]:
        """Sites that share it may be one template."""
        return self._sites[at].rows is None, self._sites[at].lenient, self._templates[at][0]

    def _scalars(self, same: list[list[int]]) -> None:
        """Conditions on the request alone: one verdict for each distinct one."""
        first = [members[0] for members in same]
        self._group(first, np.zeros(len(first), np.intp), [1] * len(first))
        for place, members in enumerate(same, self.size - len(first)):
            for at in members:
                self.verdicts[at] = np.array([place])

    def _mixed(self, members: list[int]) -> None:
        """Conditions that read the action: a verdict for each of their rows."""
        rows = [self._rows(at) for at in members]
        counts = [len(of_site) for of_site in rows]
        start = self.size
        self._group(members, np.concatenate(rows), counts)
        for at, count in zip(members, counts, strict=True):
            self.verdicts[at] = np.arange(start, start + count)
            start += count

    def _rows(self, at: int) -> Rows:
        rows = self._sites[at].rows
        return np.zeros(0, np.intp) if rows is None else rows

    def _group(self, members: list[int], rows: Rows, counts: list[int]) -> None:
        trees = [self._sites[at].tree for at in members]
        tree = trees[0]
        constants: list[tuple[object, ...]] = [()] * len(trees)
        if len(set(trees)) > 1:
            tree, constants = self._templates[members[0]][0], [self._templates[at][1] for at in members]
        own = self._columns.take(rows, tree, constants, counts)
        lenient = self._sites[members[0]].lenient
        self._groups.append(_Group(self.size, self.size + len(rows), vector(tree, own), lenient))
        self.size += len(rows)

    def _closures(self, alone: list[list[int]]) -> tuple[list[Plan], int]:
        shared = _shared([self._sites[members[0]].tree for members in alone])
        plans = []
        for members in alone:
            site = self._sites[members[0]]
            run = plan(site.tree, shared=shared)
            plans.append(_forgiving(run) if site.lenient else run)
            for at in members:
                self.verdicts[at] = np.array([self.size])
            self.size += 1
        return plans, len(shared)


def _alike(items: Iterable[int], key: Callable[[int], Hashable]) -> dict[Hashable, list[int]]:
    found: dict[Hashable, list[int]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def _shared(trees: Sequence[Node]) -> dict[Node, int]:
    """Parts that stand in several conditions: each is computed once per request."""
    seen: Counter[Node] = Counter()
    for tree in trees:
        seen.update(set(_calls(tree)))
    return {node: index for index, node in enumerate(node for node, count in seen.items() if count > 1)}


def _calls(node: Node) -> Iterable[Node]:
    """Calls outside of loops, whose variables make the same words mean different things."""
    if isinstance(node, Call):
        yield node
        for child in children(node):
            yield from _calls(child)


def _forgiving(run: Plan) -> Plan:
    return lambda worlds: (value := run(worlds)) is True or value is UNKNOWN


def _passed(value: object, known: "Mask | bool", *, lenient: bool) -> object:
    if known is True:
        return value
    return (value | ~np.asarray(known)) if lenient else (value & known)  # type: ignore[operator]  # truths by row
