"""Text to checked tree: bounds, parsing and types through the CEL library, faults in our words."""

import difflib
import re
from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING

import re2

from rules.cost import WORK, work
from rules.errors import RuleError, UnsupportedError
from rules.functions import pattern
from rules.parsed import PRESENT, read_tree
from rules.schema import NESTED, Schema
from rules.tree import Call, Const, Node, walk

if TYPE_CHECKING:
    from cel_expr_python import cel

LENGTH, NESTING = 4_096, 32
STRING = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
HAS = re.compile(rf"({STRING})|\bhas\((\s*)(\w+(?:\.\w+)+)(\s*)\)")
PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
WISHES = {"bool": "a condition must be true or false", "double": "a formula must be a double, such as 2.0"}
Kinds = tuple[tuple[str, str], ...]


def check(text: str, schema: Schema, kind: str = "bool") -> Node:
    """Parse and type-check one expression that must be of a kind.

    Args:
        text: at most 4,096 characters, nested at most 32 deep.
        schema: the attributes it may read.
        kind: a condition's, or one of the others of `WISHES`.

    Raises:
        RuleError: with line and column.
    """
    _bound(text)
    kinds = schema.qualified()
    try:
        compiled = _environment(tuple(sorted(kinds.items()))).compile(_with_presence(text, kinds))
        if compiled.return_type() != _type(kind):
            raise RuleError(f"{WISHES[kind]}; this is {compiled.return_type().name()}")
        tree = read_tree(compiled.serialize(), kinds)
    except RuntimeError as error:
        raise _fault(str(error), list(kinds)) from None
    except UnsupportedError as error:
        raise RuleError(str(error)) from None
    for node in walk(tree):
        match node:
            case Call("matches" | "matches_string", (_, Const(str(wanted)))):
                _pattern(wanted)
    if work(tree) > WORK:
        raise RuleError(f"the loops take up to {work(tree):,} steps; at most {WORK:,} are allowed")
    return tree


def _pattern(text: str) -> None:
    try:
        pattern(text)
    except re2.error as error:
        words = error.args[0] if error.args else ""
        raise RuleError(f"'{text}' is no pattern: {words.decode() if isinstance(words, bytes) else words}") from None


def _bound(text: str) -> None:
    if len(text) > LENGTH:
        raise RuleError(f"the expression has {len(text)} characters; at most {LENGTH} are allowed")
    depth = deepest = 0
    for char in re.sub(STRING, "", text):
        depth += (char in "([{") - (char in ")]}")
        deepest = max(deepest, depth)
    if deepest > NESTING or len(re.findall(r"[!?-]", text)) > 8 * NESTING:
        raise RuleError(f"the expression is nested deeper than {NESTING}")


@lru_cache(maxsize=8)
def _environment(kinds: Kinds) -> "cel.Env":
    from cel_expr_python import cel

    declared = {name: _type(kind) for name, kind in kinds}
    return cel.NewEnv(variables={**declared, **{PRESENT + name: cel.Type.BOOL for name, _ in kinds}})


def _type(kind: str) -> "cel.Type":
    from cel_expr_python import cel

    nested = NESTED.fullmatch(kind)
    if not nested:
        return getattr(cel.Type, kind.upper())
    inner = _type(nested[2])
    return cel.Type.List(inner) if nested[1] == "list" else cel.Type.Map(cel.Type.STRING, inner)


def _with_presence(text: str, known: Collection[str]) -> str:
    """`has(customer.age)` to `has_.customer.age`: as long as before, so that columns stay true."""

    # The library resolves customer.age to one variable, so its own has() would test the value's type instead.
    # What is longer and no attribute is a key of a map, which the library tests itself.
    def marked(found: re.Match[str]) -> str:
        ours = found[3] and (found[3] in known or found[3].count(".") == 1)
        return f"{found[2]}{PRESENT}{found[3]}{found[4]}" if ours else found[0]

    return HAS.sub(marked, text)


def _fault(message: str, known: list[str]) -> RuleError:
    found = PLACE.search(message)
    if not found:
        return RuleError(message.splitlines()[0])
    line, column, words = int(found[1]), int(found[2]), found[3]
    undeclared = re.search(r"undeclared reference to '([^']*)'", words)
    if undeclared:
        name = undeclared[1].removeprefix(PRESENT)
        near = difflib.get_close_matches(name, known, n=1)
        words = f"unknown attribute '{name}'" + (f"; did you mean '{near[0]}'?" if near else "")
        column -= name.rfind(".") if "." in name and column > name.rfind(".") else 0
    return RuleError(words, line, column)
