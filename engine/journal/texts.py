"""The texts inside something that came from outside, to tell whether somebody is named there."""

import json
import re
from collections.abc import Iterator

WORD = re.compile(r"[^\s\"'<>,;{}\[\]()=]+")


def texts(raw: str) -> Iterator[str]:
    """Every text and number in JSON, also in JSON that is a text in it; of anything else every word.

    Args:
        raw: as it came.
    """
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        yield from WORD.findall(raw)
        return
    left = [value]
    while left:
        match left.pop():
            case dict(pairs):
                left += pairs.values()
            case list(items):
                left += items
            case str(text):
                yield text
                if text[:1] in ("{", "["):
                    yield from texts(text)
                else:
                    yield from WORD.findall(text)
            case other:
                yield str(other)
