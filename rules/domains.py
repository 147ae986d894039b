"""What values an attribute can have, and whether a condition can hold at all: looked at when a bundle is checked.

Only what one attribute says by itself is followed (`age >= 18`, `city in [...]`), so that "never" is never wrong.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rules.tree import Call, Const, Items, Name, Node

FLIPPED = {"less": "greater", "less_equals": "greater_equals", "greater": "less", "greater_equals": "less_equals"}
Values = frozenset[object]


@dataclass(frozen=True)
class Domain:
    """Values that are possible.

    Args:
        low, high: of a number, both included.
        values: of a text or a truth; None for any.
        excluded: texts that are not.
    """

    low: float = -math.inf
    high: float = math.inf
    values: Values | None = None
    excluded: Values = frozenset()

    @property
    def empty(self) -> bool:
        """Whether nothing is possible."""
        left = None if self.values is None else self.values - self.excluded
        return self.low > self.high or left == frozenset()

    def meet(self, other: "Domain") -> "Domain":
        """What both allow."""
        both = [values for values in (self.values, other.values) if values is not None]
        values = frozenset.intersection(*both) if both else None
        excluded = self.excluded | other.excluded
        return Domain(max(self.low, other.low), min(self.high, other.high), values, excluded)

    def inside(self, other: "Domain") -> bool:
        """Whether everything possible here is possible there."""
        if self.low < other.low or self.high > other.high:
            return False
        if other.values is not None and (self.values is None or not self.values - self.excluded <= other.values):
            return False
        return not other.excluded or (self.values is not None and not (self.values - self.excluded) & other.excluded)


ANY = Domain()
Domains = Mapping[str, Domain]


def never(node: Node, known: Domains) -> bool:
    """Whether a condition cannot hold for any value that the schema allows."""
    match node:
        case Const(value):
            return value is False
        case Call("logical_and", args):
            return any(never(arg, known) for arg in args) or bool(contradiction([node], known))
        case Call("logical_or", args):
            return all(never(arg, known) for arg in args)
        case Call("logical_not", (arg,)):
            return always(arg, known)
    found = atom(node)
    return found is not None and found[1].meet(known.get(found[0], ANY)).empty


def always(node: Node, known: Domains) -> bool:
    """Whether a condition holds for every value that the schema allows, wherever the value is known."""
    match node:
        case Const(value):
            return value is True
        case Call("logical_and", args):
            return all(always(arg, known) for arg in args)
        case Call("logical_or", args):
            return any(always(arg, known) for arg in args)
        case Call("logical_not", (arg,)):
            return never(arg, known)
    found = atom(node)
    return found is not None and found[0] in known and known[found[0]].inside(found[1])


def contradiction(nodes: Iterable[Node], known: Domains) -> str:
    """The attribute of which nothing is left when all conditions must hold; empty when there is none."""
    left: dict[str, Domain] = {}
    for node in nodes:
        for name, domain in demands(node):
            left[name] = left.get(name, known.get(name, ANY)).meet(domain)
            if left[name].empty:
                return name
    return ""


def demands(node: Node) -> Iterator[tuple[str, Domain]]:
    """What a condition demands of single attributes: the parts that must all hold."""
    if isinstance(node, Call) and node.overload == "logical_and":
        for arg in node.args:
            yield from demands(arg)
    elif (found := atom(node)) is not None:
        yield found


def atom(node: Node) -> tuple[str, Domain] | None:
    """The attribute and the values of a condition on one attribute; None for any other."""
    match node:
        case Name(name, "bool"):
            return name, Domain(values=frozenset({True}))
        case Call("logical_not", (Name(name, "bool"),)):
            return name, Domain(values=frozenset({False}))
        case Call("in_list", (Name(name, kind), Items(items))) if kind == "string":
            constants = [item.value for item in items if isinstance(item, Const)]
            return (name, Domain(values=frozenset(constants))) if len(constants) == len(items) else None
        case Call(overload, (Name() as name, Const() as constant)):
            return _compared(overload, name, constant)
        case Call(overload, (Const() as constant, Name() as name)):
            order, _, kind = overload.rpartition("_")
            return _compared(f"{FLIPPED[order]}_{kind}" if order in FLIPPED else overload, name, constant)
    return None


def _compared(overload: str, name: Name, constant: Const) -> tuple[str, Domain] | None:
    value = constant.value
    if name.kind in ("string", "bool"):
        same = Domain(values=frozenset({value}))
        different = Domain(excluded=frozenset({value}))
        domain = {"equals": same, "not_equals": different}.get(overload)
        return None if domain is None else (name.name, domain)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or name.kind not in ("int", "uint", "double"):
        return None
    order = "equals" if overload == "equals" else overload.rpartition("_")[0]
    domain = _limits(order, value, whole=name.kind != "double")
    return None if domain is None else (name.name, domain)


def _limits(order: str, value: float, *, whole: bool) -> Domain | None:
    match order:
        case "equals":
            return Domain(low=value, high=value)
        case "less_equals":
            return Domain(high=value)
        case "greater_equals":
            return Domain(low=value)
        case "less":
            return Domain(high=value - 1 if whole else math.nextafter(value, -math.inf))
        case "greater":
            return Domain(low=value + 1 if whole else math.nextafter(value, math.inf))
    return None
