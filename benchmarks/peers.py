"""Other engines on the same customer, rows and rules: each compiled outside the timer, each asked row by row."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import cel as rust_cel
import celpy
import numpy as np
import zen
from cel_expr_python import cel

from engine.decide.request import CustomerView
from engine.decide.snapshot import Snapshot
from rules import compile_expression

if TYPE_CHECKING:
    from benchmarks.rules import Rule

Ask = Callable[[dict[str, Any], dict[str, Any]], bool]  # of one customer and one row
Peer = tuple[str, Callable[[], object], Callable[[], bool]]


def peers(snapshot: Snapshot, customer: CustomerView, rules: Sequence["Rule"]) -> Iterator[Peer]:
    """Name, one pass over all rows, and whether its answers are ours, of each engine.

    Args:
        snapshot: the rows.
        customer: the one who asks.
        rules: the conditions; each row is asked those whose scope holds it.
    """
    facts = dict(customer.facts())
    columns = snapshot.catalogue.plain
    rows = [{name: values[at] for name, values in columns.items()} for at in range(snapshot.catalogue.size)]
    governed = [snapshot.catalogue.governed(rule.scope).tolist() for rule in rules]
    ours = np.ones(len(rows), np.bool_)
    for rule, own in zip(rules, governed, strict=True):
        expression = compile_expression(rule.cel, snapshot.bundle.schema)
        for row in own:
            ours[row] &= expression.evaluate(facts, {}, rows[row]).passed
    for name, compile_ in ENGINES.items():
        asks: list[list[Ask]] = [[] for _ in rows]
        for rule, own in zip(rules, governed, strict=True):
            ask = compile_(rule, snapshot)
            for row in own:
                asks[row].append(ask)
        yield name, _pass(asks, facts, rows), lambda asks=asks: _agrees(asks, facts, rows, ours)  # type: ignore[misc]


def _pass(asks: list[list[Ask]], facts: dict[str, Any], rows: list[dict[str, Any]]) -> Callable[[], object]:
    return lambda: [all(ask(facts, row) for ask in of_row) for of_row, row in zip(asks, rows, strict=True)]


def _agrees(asks: list[list[Ask]], facts: dict[str, Any], rows: list[dict[str, Any]], ours: Any) -> bool:
    found = [all(ask(facts, row) for ask in of_row) for of_row, row in zip(asks, rows, strict=True)]
    return bool((np.array(found) == ours).all())


def _zen(rule: "Rule", _: Snapshot) -> Ask:
    compiled = zen.compile_expression(rule.cel.replace("||", "or").replace("&&", "and"))
    return lambda customer, action: compiled.evaluate({"customer": customer, "action": action}) is True


def _rust(rule: "Rule", _: Snapshot) -> Ask:
    program = rust_cel.compile(rule.cel)
    return lambda customer, action: program.execute({"customer": customer, "action": action}) is True


def _celpy(rule: "Rule", _: Snapshot) -> Ask:
    environment = celpy.Environment()
    program = environment.program(environment.compile(rule.cel))
    return lambda customer, action: bool(
        program.evaluate({"customer": celpy.json_to_cel(customer), "action": celpy.json_to_cel(action)})
    )


def _cpp(rule: "Rule", snapshot: Snapshot) -> Ask:
    kinds = {name: getattr(cel.Type, kind.upper()) for name, kind in snapshot.bundle.schema.qualified().items()}
    program = cel.NewEnv(variables=kinds).compile(rule.cel)
    reads = sorted(set(re.findall(r"(?:customer|action)\.\w+", rule.cel)))

    def ask(customer: dict[str, Any], action: dict[str, Any]) -> bool:
        worlds = {"customer": customer, "action": action}
        data = {name: worlds[name.partition(".")[0]][name.partition(".")[2]] for name in reads}
        return program.eval(data=data).value() is True

    return ask


def _python(rule: "Rule", _: Snapshot) -> Ask:
    return rule.python


ENGINES: dict[str, Callable[["Rule", Snapshot], Ask]] = {
    "zen-engine": _zen,
    "common-expression-language": _rust,
    "cel-python": _celpy,
    "cel-expr-python": _cpp,
    "plain Python": _python,
}
