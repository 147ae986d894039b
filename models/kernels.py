"""The inner loops of factorised scoring, in numpy; `models.fast` has the same, compiled."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from models.spec import Float32Array, Places

Words = NDArray[np.uint64]
Keys = NDArray[np.int64]
Float64Array = NDArray[np.float64]
# A word of one bit times this has the bit's own number in its six highest bits, 0 for no bit: Leiserson, Prokop and
# Randall, "Using de Bruijn sequences to index a 1 in a computer word", 1998; doubled, so that bit 0 is not 0.
DE_BRUIJN = 2 * 0x03F7_9D71_B4CB_0A89
SLOTS = 64
FROM_LOWEST = 0x7F80_0001  # what moves minus infinity to 0
LAST = 0xFFFF_FFFF  # where the step of NaN ends
# Numbers as arrays of no axis: numpy takes half as long over twenty values as with plain numbers.
_SIGN, _REST, _FROM_LOWEST = (np.array(number, np.int32) for number in (31, 0x7FFF_FFFF, FROM_LOWEST))
_DE_BRUIJN, _TOP = np.array(DE_BRUIJN, np.uint64), np.array(58, np.uint64)
LUMP = 20_000  # words in one go: 160 kB, which stay in the second cache


Masks = Callable[[Float32Array, Places, Keys, Keys, Words], Words]
Sums = Callable[[Words, Places, Places, Words, Float64Array], Float64Array]


class Classes(Protocol):
    """What classes of rows leave reachable."""

    @property
    def nbytes(self) -> int:
        """What they take of memory."""
        ...

    def sums(self, rows: Places, keys: Places, reach: Words) -> Float64Array:
        """The function `sums` of these: intp[N], intp[K, N], uint64[_, T] -> float64[N]."""
        ...


class Whole:
    """Classes of rows as they are: uint64[C, T]."""

    def __init__(self, masks: Words, leaves: Float64Array, sums: Sums) -> None:
        self._masks, self._leaves, self._sums, self.nbytes = masks, leaves, sums, masks.nbytes

    def sums(self, rows: Places, keys: Places, reach: Words) -> Float64Array:
        """Of the classes `rows`."""
        return self._sums(self._masks, rows, keys, reach, self._leaves)


class Kernel(NamedTuple):
    """Two loops, as `masks` and `sums` say, how classes of rows are kept, and how the loops find a leaf.

    Args:
        classes: uint64[C, T], leaves and `sums` -> what is asked for sums, request by request.
        slot: intp[64], where a word's values stand: of no bit, then of each of 63.
        none: a bit that every word of a row is given, or 0.
    """

    masks: Masks
    sums: Sums
    classes: Callable[[Words, Float64Array, Sums], Classes]
    slot: Places
    none: int


def ordered(values: Float32Array) -> NDArray[np.uint32]:
    """Whole numbers of 32 bits that are in the order of the floats; every NaN, of either sign, stands behind infinity.

    Counted from minus infinity, so that the NaNs below it come round to the top: one addition, where to look for them
    takes 1 us.
    """
    bits = values.view(np.int32)
    made = bits >> _SIGN
    made &= _REST
    made ^= bits
    made += _FROM_LOWEST
    return made.view(np.uint32)


def masks(values: Float32Array, places: Places, lifts: Keys, keys: Keys, table: Words) -> Words:
    """What values leave reachable.

    Args:
        values: float32[M, _].
        places: intp[n], columns of `values`: n features.
        lifts: int64[n], multiples of 2**32, so that each feature has its own range of keys.
        keys: int64[K], rising: a feature's lift + `ordered` of the end of each of its steps, `LAST` being NaN's.
        table: uint64[K, T], what is reachable in each step.

    Returns:
        uint64[M, T].
    """
    rows = keys.searchsorted(ordered(values.take(places, axis=1)) + lifts)
    made: Words = np.bitwise_and.reduce(table.take(rows.T, axis=0), axis=0)
    return made


@lru_cache(maxsize=8)
def _places(width: int) -> Places:
    """intp[lump, T]: where each word's values start, for every row of a lump; row by row, adding takes 3 us longer."""
    return np.tile(np.arange(width) * SLOTS, (max(1, LUMP // max(1, width)), 1))


def sums(masks: Words, rows: Places, keys: Places, reach: Words, leaves: Float64Array) -> Float64Array:
    """The sum of the leaves that rows reach.

    Args:
        masks: uint64[C, T], what each class of rows leaves reachable of T words.
        rows: intp[N], classes.
        keys: intp[K, N], for each kind of key the row's place in `reach`.
        reach: uint64[_, T], what a request leaves reachable, by key.
        leaves: float64[T * 64], each word's values by slot.

    Returns:
        float64[N].
    """
    made, places = np.empty(len(rows)), _places(masks.shape[1])
    lump = len(places)
    for start in range(0, len(rows), lump):
        part = slice(start, start + lump)
        words = masks.take(rows[part], axis=0)
        for of_row in keys:
            words &= reach.take(of_row[part], axis=0)
        words *= _DE_BRUIJN
        words >>= _TOP
        slots = words.view(np.int64)
        slots += places[: len(slots)]
        np.einsum("nt->n", leaves.take(slots), out=made[part])
    return made


_SLOT: Places = np.array([0, *(((DE_BRUIJN << bit) & 0xFFFF_FFFF_FFFF_FFFF) >> 58 for bit in range(63))])
NUMPY = Kernel(masks, sums, Whole, _SLOT, 0)
