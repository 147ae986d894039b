"""The inner loops of factorised scoring, in numpy; `models.fast` has the same, compiled."""

from collections.abc import Callable
from typing import NamedTuple

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
LUMP = 20_000  # words in one go: 160 kB, which stay in the second cache


class Kernel(NamedTuple):
    """Two loops, as `masks` and `sums` say, and how they find a leaf.

    Args:
        slot: intp[64], where a word's values stand: of no bit, then of each of 63.
        none: a bit that every word of a row is given, or 0.
    """

    masks: Callable[[Float32Array, Places, Keys, Keys, Words], Words]
    sums: Callable[[Words, Places, Places, Words, Float64Array], Float64Array]
    slot: Places
    none: int


def ordered(values: Float32Array) -> NDArray[np.int32]:
    """Whole numbers of 32 bits that are in the order of the floats; NaN stands behind infinity."""
    bits = values.view(np.int32)
    made = bits >> 31
    made &= 0x7FFF_FFFF
    made ^= bits
    made[np.isnan(values)] = 0x7FFF_FFFF
    return made


def masks(values: Float32Array, places: Places, lifts: Keys, keys: Keys, table: Words) -> Words:
    """What values leave reachable.

    Args:
        values: float32[M, _].
        places: intp[n], columns of `values`: n features.
        lifts: int64[n], multiples of 2**32, so that each feature has its own range of keys.
        keys: int64[K], rising: a feature's lift + `ordered` of the end of each of its steps, NaN being the last.
        table: uint64[K, T], what is reachable in each step.

    Returns:
        uint64[M, T].
    """
    rows = keys.searchsorted(ordered(values.take(places, axis=1)) + lifts)
    made: Words = np.bitwise_and.reduce(table.take(rows.T, axis=0), axis=0)
    return made


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
    made = np.empty(len(rows))
    place = np.arange(masks.shape[1]) * SLOTS
    lump = max(1, LUMP // max(1, masks.shape[1]))
    for start in range(0, len(rows), lump):
        part = slice(start, start + lump)
        words = masks.take(rows[part], axis=0)
        for of_row in keys:
            words &= reach.take(of_row[part], axis=0)
        words *= np.uint64(DE_BRUIJN)
        words >>= np.uint64(58)
        slots = words.view(np.int64)
        slots += place
        np.einsum("nt->n", leaves.take(slots), out=made[part])
    return made


_SLOT: Places = np.array([0, *(((DE_BRUIJN << bit) & 0xFFFF_FFFF_FFFF_FFFF) >> 58 for bit in range(63))])
NUMPY = Kernel(masks, sums, _SLOT, 0)
