"""`tables/*.csv`: what people keep in spreadsheets: conditions to the left, what follows to the right.

    # hit: first
    customer.age,action.group,=eligible,=lever
    18..65,cards;loans,true,1.2
    >65,cards,true,
    ,,false,

A cell is blank (any) or a value; of numbers a comparison `>=18` or a range `18..65`; of texts a set `a;b` or `!a`.
Outputs are `=eligible` (lines that say false hold rows back, and so does a row for which no line holds), `=value`
(replaces the action's), `=lever` and `=weight` (multiply). Hit policies: `unique` (at most one line may hold),
`first`, `sum` (all lines that hold, outputs added).
"""

import csv
import io
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.decide.faults import Fault, unknown
from engine.decide.values import number, parse
from rules import Call, Const, Domain, Items, Name, Node, Schema, demands

HITS = ("unique", "first", "sum")
OUTPUTS = ("=eligible", "=value", "=lever", "=weight")
ENDINGS = {"int": "int64", "double": "double"}
COMPARED = re.compile(r"(>=|<=|>|<)\s*(\S+)")
RANGE = re.compile(r"(\S+?)\s*\.\.\s*(\S+)")
ORDERS = {">=": "greater_equals", "<=": "less_equals", ">": "greater", "<": "less"}
POINTS = 20_000  # combinations looked at for gaps
OTHER = "any other"


@dataclass(frozen=True)
class Line:
    """One line: when it holds, what it allows of each column, and what follows."""

    number: int
    tree: Node
    domains: Mapping[str, Domain]
    outputs: Mapping[str, float]


@dataclass(frozen=True)
class Table:
    """One decision table; `columns` are its conditions."""

    file: str
    hit: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]


def read_table(file: str, text: str, schema: Schema) -> tuple[Table, list[Fault]]:
    """One table, and every fault found; lines that overlap under `unique` are faults.

    Args:
        file: its name, for faults.
        text: the CSV.
        schema: the attributes its columns may name.
    """
    rows = [(at, cells) for at, cells in enumerate(csv.reader(io.StringIO(text)), 1) if cells]
    words = [cells[0].lstrip("# ") for _, cells in rows if cells[0].startswith("#")]
    hit = next((word.partition(":")[2].strip() for word in words if word.startswith("hit:")), "")
    lines = [(at, cells) for at, cells in rows if not cells[0].startswith("#")]
    faults = [] if hit in HITS else [Fault(file, 1, 1, f"{unknown('hit policy', hit, HITS)}; write '# hit: first'")]
    columns = lines[0][1] if lines else []
    faults += _header(file, lines[0] if lines else (1, []), schema, hit)
    if faults:
        return Table(file, hit, (), ()), faults
    made = [_line(file, at, columns, cells, schema) for at, cells in lines[1:]]
    faults = [fault for _, of_line in made for fault in of_line]
    conditions = tuple(name for name in columns if not name.startswith("="))
    table = Table(file, hit, conditions, tuple(line for line, _ in made))
    return table, faults + (list(_overlaps(table)) if hit == "unique" else [])


def _header(file: str, header: tuple[int, list[str]], schema: Schema, hit: str) -> Iterator[Fault]:
    line, columns = header
    known = schema.qualified()
    for at, name in enumerate(columns, 1):
        if name.startswith("="):
            if name not in OUTPUTS:
                yield Fault(file, line, at, unknown("output", name, OUTPUTS))
            elif (name, hit) == ("=eligible", "sum"):
                yield Fault(file, line, at, "under 'hit: sum' there is no =eligible: truths cannot be added")
        elif name in columns[: at - 1]:
            yield Fault(file, line, at, f"column '{name}' stands twice")
        elif name not in known:
            yield Fault(file, line, at, unknown("attribute", name, known))
        elif known[name] not in ("int", "double", "string", "bool"):
            yield Fault(file, line, at, f"'{name}' is a {known[name]}; a table compares numbers, texts and truths")
    if not any(name.startswith("=") for name in columns):
        yield Fault(file, 1, 1, f"no output; name at least one of {', '.join(OUTPUTS)}")


def _line(file: str, at: int, columns: list[str], cells: list[str], schema: Schema) -> tuple[Line, list[Fault]]:
    kinds, trees, outputs = schema.qualified(), list[Node](), dict[str, float]()
    faults = []
    if len(cells) != len(columns):
        faults.append(Fault(file, at, 1, f"has {len(cells)} cells; the header has {len(columns)} columns"))
    for place, (column, cell) in enumerate(zip(columns, map(str.strip, cells), strict=False), 1):
        try:
            if cell and column.startswith("="):
                outputs[column] = float(bool(parse("bool", cell))) if column == "=eligible" else number(cell)
            elif cell:
                trees.append(_cell(Name(column, kinds[column]), cell))
        except ValueError as error:
            faults.append(Fault(file, at, place, f"{error}, in column '{column}'"))
    tree = _all(trees)
    return Line(at, tree, _domains(tree), outputs), faults


def _all(trees: Sequence[Node]) -> Node:
    """One condition of several that must all hold."""
    tree = trees[0] if trees else Const(value=True)
    for more in trees[1:]:
        tree = Call("logical_and", (tree, more))
    return tree


def _domains(tree: Node) -> dict[str, Domain]:
    """What a line allows of each column."""
    found: dict[str, Domain] = {}
    for name, domain in demands(tree):
        found[name] = found.get(name, Domain()).meet(domain)
    return found


def _cell(name: Name, text: str) -> Node:
    """A cell as a condition."""
    if name.kind == "string":
        if text.startswith("!"):
            return Call("not_equals", (name, Const(text[1:].strip())))
        return Call("in_list", (name, Items(tuple(Const(part.strip()) for part in text.split(";") if part.strip()))))
    if found := RANGE.fullmatch(text):
        low, high = _value(name, found[1]), _value(name, found[2])
        if low > high:
            raise ValueError(f"'{text}' ends before it begins")
        return _all([_compared(name, ">=", low), _compared(name, "<=", high)])
    if found := COMPARED.fullmatch(text):
        return _compared(name, found[1], _value(name, found[2]))
    return Call("equals", (name, Const(_value(name, text))))


def _value(name: Name, text: str) -> float:
    value = parse(name.kind, text)
    if not isinstance(value, (int, float)):
        raise ValueError(f"'{text}' is no number")
    return value


def _compared(name: Name, sign: str, value: float) -> Node:
    if name.kind == "bool":
        raise ValueError("a truth is true or false, and has no order")
    return Call(f"{ORDERS[sign]}_{ENDINGS[name.kind]}", (name, Const(value)))


def _overlaps(table: Table) -> Iterator[Fault]:
    for one, other in itertools.combinations(table.lines, 2):
        shared = set(one.domains) & set(other.domains)
        if not any(one.domains[name].meet(other.domains[name]).empty for name in shared):
            yield Fault(
                table.file, other.number, 1, f"overlaps line {one.number}; under 'hit: unique' one line may hold"
            )


def gaps(table: Table, known: Mapping[str, Domain]) -> Iterator[Fault]:
    """A warning where no line holds: the first such combination of values, if there are not too many to look at.

    Args:
        table: the table.
        known: attribute -> the values it can have.
    """
    choices = [_points(table, name, known.get(name, Domain())) for name in table.columns]
    if math.prod(len(points) for points in choices) > POINTS:
        return
    for combination in itertools.product(*choices):
        values = dict(zip(table.columns, combination, strict=True))
        if not any(_holds(line, values) for line in table.lines):
            said = ", ".join(f"{name} {value}" for name, value in values.items())
            yield Fault(table.file, 1, 1, f"a gap: no line holds for {said}")
            return


def _holds(line: Line, values: Mapping[str, object]) -> bool:
    return all(_contains(domain, values[name]) for name, domain in line.domains.items())


def _contains(domain: Domain, value: object) -> bool:
    if isinstance(value, float):
        return domain.low <= value <= domain.high
    return value not in domain.excluded and (domain.values is None or value in domain.values)


def _points(table: Table, name: str, known: Domain) -> Sequence[object]:
    """One value of each stretch that no cell tells apart."""
    domains = [line.domains[name] for line in table.lines if name in line.domains]
    if any(domain.values is not None or domain.excluded for domain in domains) or known.values is not None:
        said = {value for domain in domains for value in (domain.values or frozenset()) | domain.excluded}
        return sorted(known.values, key=str) if known.values is not None else [*sorted(said, key=str), OTHER]
    bounds = {bound for domain in [*domains, known] for bound in (domain.low, domain.high) if math.isfinite(bound)}
    beside = {bound + step for bound in bounds for step in (-1.0, 0.0, 1.0)} or {0.0}
    return sorted(float(point) for point in beside if known.low <= point <= known.high)
