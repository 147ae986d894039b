"""The inner loops of factorised scoring, compiled; needs the extra `fast`."""

import numba
import numpy as np

from models.interned import interned
from models.kernels import FROM_LOWEST, LAST, SLOTS, Float64Array, Kernel, Keys, Words
from models.lowest import lowest_bit
from models.spec import Float32Array, Places

_EVERY = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _masks(values: Float32Array, places: Places, lifts: Keys, keys: Keys, table: Words) -> Words:
    made = np.full((len(values), table.shape[1]), _EVERY)
    bits = values.view(np.int32)
    for at in range(len(values)):
        for number, place in enumerate(places):
            key = np.int64(bits[at, place])
            key = ((key ^ ((key >> 31) & 0x7FFF_FFFF)) + FROM_LOWEST) & LAST
            row = np.searchsorted(keys, lifts[number] + key)
            for word in range(table.shape[1]):
                made[at, word] &= table[row, word]
    return made


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _leaf(one: Words, other: Words, leaves: Float64Array, word: int) -> float:
    return leaves[np.uint64(word * SLOTS) + lowest_bit(one[word] & other[word])]  # type: ignore[no-any-return]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sums(masks: Words, rows: Places, keys: Places, reach: Words, leaves: Float64Array) -> Float64Array:
    made, scratch = np.empty(len(rows)), np.empty(masks.shape[1], np.uint64)
    words, fours = masks.shape[1], masks.shape[1] // 4 * 4
    for at, row in enumerate(rows):
        left = masks[row]
        for kind in range(1, len(keys)):
            more = reach[keys[kind, at]]
            for word in range(words):
                scratch[word] = left[word] & more[word]
            left = scratch
        last = reach[keys[0, at]]
        # Four sums at once: in a single one, each addition waits four cycles for the one before.
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for word in range(0, fours, 4):
            a += _leaf(left, last, leaves, word)
            b += _leaf(left, last, leaves, word + 1)
            c += _leaf(left, last, leaves, word + 2)
            d += _leaf(left, last, leaves, word + 3)
        for word in range(fours, words):
            a += _leaf(left, last, leaves, word)
        made[at] = (a + b) + (c + d)
    return made


_SLOT: Places = np.array([63, *range(63)])
_NONE = 1 << 63  # no leaf's bit: the lowest one when no leaf is left
FAST = Kernel(_masks, _sums, interned, _SLOT, _NONE)
