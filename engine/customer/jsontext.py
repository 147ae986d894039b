"""JSON, read the same way wherever it comes from: what two readers could understand differently is refused."""

import json
from typing import NoReturn

from engine.decide.values import number


def read_json(text: str, depth: int) -> object:
    """The value of a JSON text.

    Args:
        text: bounded in size already.
        depth: how many lists and objects may stand inside each other.

    Raises:
        ValueError: with what it is or holds: no JSON by RFC 8259 (which has neither NaN nor infinity), a name twice in
            one object, half a surrogate pair, a number that is not finite, nested deeper.
    """
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse, parse_float=number)
    except RecursionError:
        raise _too_deep(depth) from None
    except ValueError as error:
        raise ValueError(f"is no JSON: {error}") from None
    if _deeper(value, depth):
        raise _too_deep(depth)
    _check_characters(text, value)
    return value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"'{twice[:100]}' stands twice")
    return made


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def _too_deep(depth: int) -> ValueError:
    return ValueError(f"is nested more than {depth} deep")


def _deeper(value: object, left: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    return left == 0 or any(_deeper(item, left - 1) for item in (value.values() if isinstance(value, dict) else value))


def _check_characters(text: str, value: object) -> None:
    """Only an escape can bring half a pair: the text itself was decoded."""
    try:
        json.dumps(value if "\\u" in text else None, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a surrogate pair, which is no character") from None
