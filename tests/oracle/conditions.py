"""Conditions drawn twice at once: as text for the engine, and as a plain function for the oracle."""

import operator

from hypothesis import strategies as st

NUMBERS = {"customer.age": (0, "age"), "customer.spent": (0, "spent"), "action.margin": (2, "margin")}
TEXTS = {"customer.city": (0, "city"), "request.device": (1, "device"), "action.group": (2, "group")}
ORDERS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
WORDS = ("red", "blue", "g1", "g2")


def value_of(place, worlds):
    world, name = place
    return worlds[world].get(name)


@st.composite
def comparison(draw):
    name = draw(st.sampled_from(sorted(NUMBERS)))
    sign = draw(st.sampled_from(sorted(ORDERS)))
    number = draw(st.integers(-2, 3))
    text = f"{number}" if name == "customer.age" else f"{number}.0"

    def holds(*worlds):
        value = value_of(NUMBERS[name], worlds)
        return None if value is None else ORDERS[sign](value, number)

    return f"{name} {sign} {text}", holds


@st.composite
def equality(draw):
    name = draw(st.sampled_from(sorted(TEXTS)))
    words = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3))

    def holds(*worlds):
        value = value_of(TEXTS[name], worlds)
        return None if value is None else value in words

    return f"{name} in [{', '.join(map(repr, words))}]", holds


@st.composite
def presence(draw):
    name, place = draw(st.sampled_from(sorted({**NUMBERS, **TEXTS}.items())))
    return f"has({name})", lambda *worlds: value_of(place, worlds) is not None


def negated(pair):
    text, test = pair

    def run(*worlds):
        value = test(*worlds)
        return None if value is None else not value

    return f"!({text})", run


def joined(sign, absorbing):
    def join(pairs):
        (left_text, left), (right_text, right) = pairs

        def run(*worlds):
            values = (left(*worlds), right(*worlds))
            if absorbing in values:
                return absorbing
            return None if None in values else not absorbing

        return f"({left_text} {sign} {right_text})", run

    return join


def deeper(inner):
    pairs = st.tuples(inner, inner)
    return st.one_of(inner.map(negated), pairs.map(joined("&&", False)), pairs.map(joined("||", True)))


CONDITIONS = st.recursive(st.one_of(comparison(), equality(), presence()), deeper, max_leaves=4)
