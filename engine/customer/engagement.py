"""How engaged a person is in each channel: rises with what they do there, and falls again by itself."""

from collections.abc import Iterator
from math import exp2

from engine.customer.as_of import AsOf
from engine.decide.derived import NAME, OVERALL
from engine.decide.request import Plain

KIND, CHANNEL = 0, 4  # places of a trail's words


def engagement(as_of: AsOf) -> dict[str, Plain]:
    """Level and score per channel and overall: the weights of what they did, each halved every half-life.

    Over what is kept: what has left the record lies many half-lives back, or under much that is newer.
    """
    rule, now_ms = as_of.derived.engagement, as_of.now_ms
    scores = dict.fromkeys(as_of.derived.channels, 0.0)
    overall = 0.0
    for at_ms, count, words in _done(as_of):
        weight = rule.weights.get(words[KIND], 0.0)
        if not weight:
            continue
        worth = weight * count * exp2((at_ms - now_ms) / rule.half_life_ms)
        overall += worth
        if words[CHANNEL] in scores:
            scores[words[CHANNEL]] += worth
    named = {name: score for name, score in scores.items() if NAME.fullmatch(name)} | {OVERALL: overall}
    made: dict[str, Plain] = {f"engagement.{name}": rule.level(score) for name, score in named.items()}
    return made | {f"engagement.{name}_score": score for name, score in named.items()}


def _done(as_of: AsOf) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """When, how often and what: the newest as they were, older ones in the middle of their period."""
    now_ms = as_of.now_ms
    for past in (as_of.bought, as_of.met):
        for start_ms, end_ms, sums in past.trail.folded():
            if start_ms < now_ms:
                yield min((start_ms + end_ms) // 2, now_ms), sums.times, past.words[sums.code]
        for at_ms, each in past.entries():
            yield at_ms, 1, each
