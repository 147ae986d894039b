"""Numbers drawn twice at once: as text for the engine, and as a plain function for the oracle.

A function answers a number or None, None being unknown; a component's reads (customer, request, action), a formula's
one dictionary of factors.
"""

import math
import operator

from hypothesis import strategies as st

from tests.oracle.conditions import CONDITIONS

CONSTANTS = (0.0, 0.5, 1.0, 2.0, -1.0, 1e300)
READ = {"customer.spent": (0, "spent"), "action.margin": (2, "margin"), "action.value": (2, "value")}


def divided(left, right):
    """As IEEE 754 divides."""
    if right:
        return left / right
    if not left or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1, right)


SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": divided}
ORDERS = {"<": operator.lt, ">=": operator.ge, "==": operator.eq}


def constant(number):
    return f"({number!r})", lambda *_: number


def attribute(name):
    world, own = READ[name]
    return name, lambda *worlds: worlds[world].get(own)


def age():
    return "double(customer.age)", lambda customer, *_: None if "age" not in customer else float(customer["age"])


def factor(name):
    return name, lambda factors: factors[name]


def negated(pair):
    text, number = pair

    def run(*worlds):
        value = number(*worlds)
        return None if value is None else -value

    return f"(-{text})", run


def joined(triple):
    sign, (left_text, left), (right_text, right) = triple

    def run(*worlds):
        values = left(*worlds), right(*worlds)
        return None if None in values else SIGNS[sign](*values)

    return f"({left_text} {sign} {right_text})", run


def chosen(triple):
    (condition_text, condition), (then_text, then), (other_text, other) = triple

    def run(*worlds):
        value = condition(*worlds)
        return None if value is None else then(*worlds) if value else other(*worlds)

    return f"({condition_text} ? {then_text} : {other_text})", run


def compared(triple):
    sign, (left_text, left), (right_text, right) = triple
    return f"({left_text} {sign} {right_text})", lambda factors: ORDERS[sign](left(factors), right(factors))


def numbers(leaves, conditions):
    """Arithmetic over leaves, with `? :` over conditions of the inner numbers."""
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(negated),
            st.tuples(st.sampled_from(sorted(SIGNS)), inner, inner).map(joined),
            st.tuples(conditions(inner), inner, inner).map(chosen),
        ),
        max_leaves=5,
    )


CONSTANT = st.sampled_from(CONSTANTS).map(constant)
MEASURES = numbers(
    st.one_of(CONSTANT, st.sampled_from(sorted(READ)).map(attribute), st.just(age())), lambda _: CONDITIONS
)


def formulas(names):
    """Over the factors and some components."""
    leaves = st.one_of(CONSTANT, st.sampled_from(["propensity", "value", "lever", "weight", *names]).map(factor))
    return numbers(leaves, lambda inner: st.tuples(st.sampled_from(sorted(ORDERS)), inner, inner).map(compared))
