"""Typed expressions, drawn: every operator, function and macro that is compiled, over every kind of attribute."""

from hypothesis import strategies as st

from rules import Schema

SCHEMA = Schema(
    {
        "age": "int", "x": "double", "u": "uint", "s": "string", "b": "bool", "t": "timestamp", "d": "duration",
        "tags": "list(string)", "nums": "list(int)", "m": "map(double)",
    },
    {"device": "string"},
    {"group": "string", "margin": "double", "n": "int", "flag": "bool"},
)  # fmt: skip
ORDERS = ["<", "<=", ">", ">="]
DAYS = ["DayOfYear", "DayOfMonth", "Date", "DayOfWeek"]
PARTS = ["FullYear", "Month", *DAYS, "Hours", "Minutes", "Seconds", "Milliseconds"]
ZONES = ["", "", '"Europe/Paris"', '"+05:30"', '"-01:00"', '"02:00"']
COMPARED = ["int", "double", "uint", "string", "timestamp", "duration", "bool"]
WHOLE = ["0", "1", "2", "-1", "3", "7", "100", "9223372036854775807", "-9223372036854775807"]
LEAVES = {
    "bool": ["true", "false", "customer.b", "action.flag"],
    "int": [*WHOLE, "customer.age", "customer.age", "action.n", "action.n"],
    "uint": ["0u", "1u", "5u", "18446744073709551615u", "customer.u", "customer.u"],
    "double": ["0.0", "1.5", "-2.25", "1e300", "0.1", "customer.x", "action.margin"],
    "string": [
        '"a"', '"b"', '"ab"', '"12"', '"1.5"', '""', '"true"', '"é€"', "customer.s", "action.group", "request.device",
    ],
    "timestamp": [
        'timestamp("2026-01-01T00:00:00Z")', 'timestamp("2026-03-29T01:30:00.123456789Z")',
        'timestamp("1969-12-31T23:59:59.5Z")', "customer.t", "customer.t",
    ],
    "duration": ['duration("1h")', 'duration("-1.5s")', 'duration("36h5m0.25s")', "customer.d"],
    "list(int)": ["customer.nums", "[1, 2, 3]", "[0]"],
    "list(string)": ["customer.tags", '["a", "b"]'],
}  # fmt: skip
# Each kind: patterns whose {kind}s are drawn again, one level less deep.
PATTERNS = {
    "bool": [
        "({bool} && {bool})", "({bool} || {bool})", "!({bool})", "({bool} ? {bool} : {bool})",
        *(f"({{{kind}}} {order} {{{kind}}})" for kind in COMPARED for order in ORDERS),
        *(f"({{{kind}}} {sign} {{{kind}}})" for kind in [*COMPARED, "list(string)"] for sign in ("==", "!=")),
        "({int} in {list(int)})", "({string} in {list(string)})", "({string} in customer.m)",
        '({string} in ["a", "b", "ab"])', "({int} in [0, 1, 20])",
        *(f"{{string}}.{name}({{string}})" for name in ("startsWith", "endsWith", "contains", "matches")),
        *(f"has({name})" for name in ("customer.age", "customer.s", "action.margin", "action.group", "customer.m.a")),
        *(f"{{list(int)}}.{macro}(i, i {sign} {{int}})" for macro in ("all", "exists", "exists_one") for sign in "<>"),
        *(f"{{list(string)}}.{macro}(w, w.startsWith({{string}}))" for macro in ("all", "exists", "exists_one")),
    ],
    "int": [
        *(f"({{int}} {sign} {{int}})" for sign in "+-*/%"), "(-{int})", "({bool} ? {int} : {int})",
        "size({string})", "size({list(int)})", "size({list(string)})",
        *(f"int({{{kind}}})" for kind in ("int", "uint", "double", "string", "timestamp")),
        *(f"{{timestamp}}.get{part}({zone})" for part in PARTS for zone in ZONES),
        *(f"{{duration}}.get{part}()" for part in ("Hours", "Minutes", "Seconds", "Milliseconds")),
    ],
    "uint": [
        *(f"({{uint}} {sign} {{uint}})" for sign in "+-*/%"),
        *(f"uint({{{kind}}})" for kind in ("int", "uint", "double", "string")),
    ],
    "double": [
        *(f"({{double}} {sign} {{double}})" for sign in "+-*/"), "(-{double})", "({bool} ? {double} : {double})",
        "customer.m[{string}]", *(f"double({{{kind}}})" for kind in ("int", "uint", "double", "string")),
    ],
    "string": [
        "({string} + {string})", "{list(string)}[{int}]", "({bool} ? {string} : {string})",
        *(f"string({{{kind}}})" for kind in ("int", "uint", "double", "bool", "timestamp", "duration")),
    ],
    "timestamp": ["({timestamp} + {duration})", "({timestamp} - {duration})", "timestamp({int})"],
    "duration": ["({duration} + {duration})", "({duration} - {duration})", "({timestamp} - {timestamp})"],
    "list(int)": ["({list(int)} + {list(int)})", "{list(int)}.map(i, i * {int})", "{list(int)}.filter(i, i > {int})"],
    "list(string)": [
        "({list(string)} + {list(string)})", "{list(string)}.map(w, w + {string})",
        "{list(string)}.filter(w, w != {string})",
    ],
}  # fmt: skip


@st.composite
def expressions(draw, kind="bool", depth=4):
    """The text of one expression of a kind."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(LEAVES[kind]))
    text = draw(st.sampled_from(PATTERNS[kind]))
    for inner in sorted(PATTERNS, key=len, reverse=True):
        while f"{{{inner}}}" in text:
            text = text.replace(f"{{{inner}}}", draw(expressions(inner, depth - 1)), 1)
    return text


def some(fields):
    """A record in which any field may be missing."""
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in fields.items()})


CUSTOMERS = some({
    "age": [0, 1, 20, 2**63 - 1, -(2**63), -5],
    "x": [0.0, 1.5, -0.1, 1e308, float("inf"), float("nan"), 123456.7, 1e-5],
    "u": [0, 1, 2**64 - 1],
    "s": ["a", "ab", "", "12", "é€", "zz"],
    "b": [True, False],
    "t": [1767225600000, -1500, 1774747800001],
    "d": [3600000, -1500, 90061001],
    "tags": [[], ["a"], ["a", "b", "ab"]],
    "nums": [[], [0], [1, 2, 3]],
    "m": [{}, {"a": 1.0}, {"ab": 2.0, "b": -1.0}],
})  # fmt: skip
REQUESTS = some({"device": ["a", "tv"]})
ACTIONS = some(
    {"group": ["a", "b", "gold"], "margin": [0.0, 1.5, 2.5], "n": [0, 1, 20, 2**63 - 1], "flag": [True, False]}
)
