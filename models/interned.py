"""Many rows and few words: each different word of a tree stands once, a row has its number; needs the extra `fast`.

At 10,000 rows and 200 trees of 63 leaves a tree has about a hundred different words: 4 MB instead of 16.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from models.kernels import SLOTS, Classes, Float64Array, Sums, Whole, Words
from models.lowest import lowest_bit
from models.spec import Places

Numbers = NDArray[np.uint16] | NDArray[np.uint32]
OFTEN = 32  # times that a word stands among the rows: below, reading it by number takes longer than what memory gains
_SPREAD = np.uint64(0x9E37_79B9_7F4A_7C15)  # 2**64 over the golden ratio: Knuth's multiplicative hashing


class Numbered(NamedTuple):
    """uint64[D], tree by tree; intp[T + 1], where each tree's start; [C, T], the number among D of each row's words."""

    words: Words
    starts: Places
    numbers: Numbers


class Interned:
    """Classes of rows, by the numbers of their words.

    Args:
        own: the words and numbers.
        leaves: float64[T * 64], each word's values by slot.
    """

    def __init__(self, own: Numbered, leaves: Float64Array) -> None:
        self._own, self._leaves = own, leaves
        no_rows, no_keys = np.zeros(0, np.intp), np.zeros((0, own.numbers.shape[1]), np.uint64)
        for loop in (_one_by_one, _looked_up):  # compiled, or read from the cache, now and in no request
            loop(own, no_rows, no_rows.reshape(1, 0), no_keys, leaves)

    @property
    def nbytes(self) -> int:
        """What they take of memory."""
        return sum(part.nbytes for part in self._own)

    def sums(self, rows: Places, keys: Places, reach: Words) -> Float64Array:
        """The sum of the leaves that rows reach, as `Whole.sums`; to the bit, however many are asked of."""
        # The value of every word under every key first, when that is less work than row by row.
        many = len(keys) == 1 and len(reach) * len(self._own.words) < len(rows) * self._own.numbers.shape[1]
        made: Float64Array = (_looked_up if many else _one_by_one)(self._own, rows, keys, reach, self._leaves)
        return made


def interned(masks: Words, leaves: Float64Array, sums: Sums) -> Classes:
    """Classes of rows, uint64[C, T]: interned where their words stand often enough, else as they are."""
    own = numbered(masks)
    return Whole(masks, leaves, sums) if len(own.words) * OFTEN >= masks.size else Interned(own, leaves)


def numbered(masks: Words) -> Numbered:
    """The different words of uint64[C, T], and each place's number among them."""
    words, starts, numbers = _intern(masks)
    return Numbered(words.copy(), starts, numbers.astype(np.uint16) if len(words) <= 1 << 16 else numbers)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _intern(masks: Words) -> tuple[Words, Places, NDArray[np.uint32]]:
    """The different words of each tree, in the order in which rows meet them, found by a table of hashes."""
    rows, trees = masks.shape
    bits = 1
    while 1 << bits < 2 * rows:
        bits += 1
    words, starts = np.empty(masks.size, np.uint64), np.zeros(trees + 1, np.intp)
    numbers, table, last = np.empty(masks.shape, np.uint32), np.empty(1 << bits, np.int64), 0
    for tree in range(trees):
        table[:] = -1
        for row in range(rows):
            word = masks[row, tree]
            at = (word * _SPREAD) >> np.uint64(64 - bits)
            while table[at] >= 0 and words[table[at]] != word:
                at = (at + np.uint64(1)) & np.uint64((1 << bits) - 1)
            if table[at] < 0:
                table[at] = last
                words[last] = word
                last += 1
            numbers[row, tree] = table[at]
        starts[tree + 1] = last
    return words[:last], starts, numbers


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _one_by_one(own: Numbered, rows: Places, keys: Places, reach: Words, leaves: Float64Array) -> Float64Array:
    made, joined, trees = np.empty(len(rows)), np.empty(reach.shape[1], np.uint64), reach.shape[1]
    fours = trees // 4 * 4
    for at in range(len(rows)):
        numbers, left = own.numbers[np.uint64(rows[at])], reach[np.uint64(keys[0, at])]
        for kind in range(1, len(keys)):
            more = reach[np.uint64(keys[kind, at])]
            for tree in range(trees):
                joined[tree] = left[tree] & more[tree]
            left = joined
        # In fours, as `models.fast` adds.
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for tree in range(0, fours, 4):
            a += _leaf(own.words, numbers, left, leaves, tree)
            b += _leaf(own.words, numbers, left, leaves, tree + 1)
            c += _leaf(own.words, numbers, left, leaves, tree + 2)
            d += _leaf(own.words, numbers, left, leaves, tree + 3)
        for tree in range(fours, trees):
            a += _leaf(own.words, numbers, left, leaves, tree)
        made[at] = (a + b) + (c + d)
    return made


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _leaf(words: Words, numbers: Numbers, left: Words, leaves: Float64Array, at: int) -> float:
    tree = np.uint64(at)
    return leaves[tree * np.uint64(SLOTS) + lowest_bit(words[np.uint64(numbers[tree])] & left[tree])]  # type: ignore[no-any-return]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _looked_up(own: Numbered, rows: Places, keys: Places, reach: Words, leaves: Float64Array) -> Float64Array:
    made, values = np.empty(len(rows)), _values(own, reach, leaves)
    trees, fours = reach.shape[1], reach.shape[1] // 4 * 4
    for at in range(len(rows)):
        numbers, value = own.numbers[np.uint64(rows[at])], values[np.uint64(keys[0, at])]
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for tree in range(0, fours, 4):
            a += value[np.uint64(numbers[tree])]
            b += value[np.uint64(numbers[tree + 1])]
            c += value[np.uint64(numbers[tree + 2])]
            d += value[np.uint64(numbers[tree + 3])]
        for tree in range(fours, trees):
            a += value[np.uint64(numbers[tree])]
        made[at] = (a + b) + (c + d)
    return made


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _values(own: Numbered, reach: Words, leaves: Float64Array) -> Float64Array:
    """float64[_, D]: what each word is worth under each key."""
    made = np.empty((len(reach), len(own.words)))
    for key in range(len(reach)):
        for tree in range(reach.shape[1]):
            for number in range(np.uint64(own.starts[tree]), np.uint64(own.starts[tree + 1])):
                left = own.words[number] & reach[key, tree]
                made[key, number] = leaves[np.uint64(tree * SLOTS) + lowest_bit(left)]
    return made
