"""Chance as an argument: numbers that a seed and a stream determine, on every machine and version alike."""

import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014, with mix 13 of Stafford.
GAMMA = 0x9E3779B97F4A7C15
MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
LAST_SHIFT = np.uint64(31)
WORD = 2**64 - 1


class Stream(NamedTuple):
    """Where chance comes from: one seed a request, one number for each thing that draws."""

    seed: int
    number: int = 0


def stream_of(seed: int, *names: str) -> Stream:
    """The stream of what bears some names: the same wherever it stands among others."""
    return Stream(seed, zlib.crc32("\0".join(names).encode()))


def splitmix64(seed: int, n: int, skip: int = 0) -> NDArray[np.uint64]:
    """The generator's own words.

    Args:
        seed: any; its low 64 bits count.
        n: how many words.
        skip: words to leave out before.

    Returns:
        uint64[n].
    """
    steps = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(GAMMA)
    words = steps + np.uint64((seed + skip * GAMMA) & WORD)
    for shift, factor in MIX:
        words = (words ^ (words >> np.uint64(shift))) * np.uint64(factor)
    return words ^ (words >> LAST_SHIFT)


def uniforms(seed: int, stream: int, n: int) -> NDArray[np.float64]:
    """Numbers of one stream.

    Args:
        seed, stream: any; a stream starts at the word of its number, so that streams of one seed are unlike.
        n: how many.

    Returns:
        float64[n] in [0, 1), the high 53 bits of each word.
    """
    start = int(splitmix64(seed, 1, skip=stream)[0])
    return (splitmix64(start, n) >> np.uint64(11)) * np.float64(2.0**-53)
