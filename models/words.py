"""Leaves as bits of words, and what is reachable of them as a step function of each feature.

"Leaves still reachable" as bits follows Lucchese et al., QuickScorer, SIGIR 2015. There a false condition removes the
leaves of its left side and the lowest bit that is left is the answer; here a true condition removes those of its right
side, too, so that exactly one leaf is left, a condition may be of any kind, and a tree of more than 64 leaves is
several words, of which one holds the leaf.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.ensemble import Tree
from models.kernels import LAST, SLOTS, Float64Array, Kernel, Words, ordered
from models.spec import Float32Array, Places

BITS = 63  # leaves with a bit; a tree of at most 64 has one more, reached when no bit is left
FULL = (1 << 64) - 1


@dataclass(frozen=True)
class Word:
    """Up to 63 leaves of a tree, each a bit; `first` is the leaf of bit 0."""

    tree: Tree
    first: int

    @property
    def values(self) -> Float64Array:
        """float64[64]: the value of no bit, then of each."""
        leaves = self.tree.leaves
        made = np.zeros(SLOTS)
        made[0] = leaves[0] if self.first == 1 else 0.0
        own = leaves[self.first : self.first + BITS]
        made[1 : 1 + len(own)] = own
        return made

    @property
    def full(self) -> int:
        """Every bit that is a leaf."""
        return self.bits(0, len(self.tree.leaves))

    def bits(self, start: int, end: int) -> int:
        """The bits of leaves start..end."""
        return (((1 << end) - (1 << start)) >> self.first) & (FULL >> 1)


def words_of(tree: Tree) -> list[Word]:
    """A tree of at most 64 leaves as one word; of a larger one's, all but one end with no bit, which is worth 0."""
    if len(tree.leaves) <= BITS + 1:
        return [Word(tree, 1)]
    return [Word(tree, first) for first in range(0, len(tree.leaves), BITS)]


@dataclass(frozen=True)
class Step:
    """One feature's steps: where they end, float32[n], rising to infinity and NaN; and masks, uint64[n, T]."""

    ends: Float32Array
    masks: Words


class Steps:
    """What some features leave reachable of T words.

    Args:
        places: intp[n], where the features stand among the values that will be asked of.
        steps: of each.
        width: T.
        kernel: the loop.
    """

    def __init__(self, places: Places, steps: Sequence[Step], width: int, kernel: Kernel) -> None:
        self._places, self._kernel = places, kernel
        self._lifts = np.arange(len(steps)) << 32
        keys = [lift + np.append(ordered(step.ends[:-1]), LAST) for lift, step in zip(self._lifts, steps, strict=True)]
        self._keys = np.concatenate([np.zeros(0, np.int64), *keys])
        self._table = np.concatenate([np.zeros((0, width), np.uint64), *(step.masks for step in steps)])

    def masks(self, values: Float32Array) -> Words:
        """float32[M, _] -> uint64[M, T]."""
        return self._kernel.masks(values, self._places, self._lifts, self._keys, self._table)
