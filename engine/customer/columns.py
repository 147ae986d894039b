"""Columns of whole numbers, empty where every number is nought: most of a history has no money in it."""

from operator import sub


def insert(column: list[int], place: int, number: int, size: int) -> None:
    """Put a number before a place of a column that stands for `size` of them."""
    if number and not column:
        column.extend([0] * size)
    if number or column:
        column.insert(place, number)


def add(column: list[int], place: int, number: int, size: int) -> None:
    """Add to the number at a place of a column that stands for `size` of them."""
    if number and not column:
        column.extend([0] * size)
    if number:
        column[place] += number


def get(column: list[int], place: int) -> int:
    """The number at a place."""
    return column[place] if column else 0


def differences(rising: list[int]) -> list[int]:
    """What `itertools.accumulate` makes rising again."""
    return list(map(sub, rising, [0, *rising]))
