"""How engaged a person is in each channel: rises with what they do there, and falls again by itself."""

from collections.abc import Iterator
from math import exp2, fsum

from engine.customer.as_of import AsOf
from engine.decide.derived import NAME, OVERALL
from engine.decide.request import Plain

KIND, CHANNEL = 0, 4  # places of a trail's words


def engagement(as_of: AsOf) -> dict[str, Plain]:
    """Level and score per channel and overall: the weights of what they did, each halved every half-life.

    Over what is kept: what has left the record lies many half-lives back, or under much that is newer.
    """
    rule, now_ms = as_of.derived.engagement, as_of.now_ms
    worths: dict[str, list[float]] = {name: [] for name in as_of.derived.channels}
    overall: list[float] = []
    for at_ms, count, words in _done(as_of):
        weight = rule.weights.get(words[KIND], 0.0)
        if not weight:
            continue
        worth = weight * count * exp2((at_ms - now_ms) / rule.half_life_ms)
        overall.append(worth)
        if words[CHANNEL] in worths:
            worths[words[CHANNEL]].append(worth)
    # Exact sums: those of a period stand in the order of arrival, and 0.1 + 0.2 + 0.3 is not 0.3 + 0.2 + 0.1.
    named = {name: fsum(own) for name, own in worths.items() if NAME.fullmatch(name)} | {OVERALL: fsum(overall)}
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
