"""One version of everything that outcomes taught, as bytes and back."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.adaptive import Cell, State
from models.errors import ModelError
from models.fourier import Moments
from models.online import FREQUENCIES, INPUTS_MOST, OnlineState, Sums

Float64Array = NDArray[np.float64]
PackedState = tuple[str, int, list[Cell], bytes, bytes, bytes, bytes]
PackedSums = tuple[Cell, int, bytes, bytes]
PackedOnline = tuple[str, int, tuple[bytes, bytes, bytes], list[PackedSums]]

FORMAT, WITH_ONLINE = b"\x01", b"\x02"  # the second only where there is an online model


@dataclass(frozen=True, eq=False)
class Learned:
    """One version of everything that was learned.

    Args:
        states: one for each model.
        sequence: the last interaction that was counted.
        online: one for each online model.
    """

    states: tuple[State, ...] = ()
    sequence: int = 0
    online: tuple[OnlineState, ...] = ()

    @cached_property
    def packed(self) -> bytes:
        """All of it as bytes; the first is the format's version. The sums of online models are rounded to float32."""
        states = [_packed(state) for state in self.states]
        if not self.online:
            return FORMAT + msgspec.msgpack.encode([self.sequence, states])
        online = [_packed_online(state) for state in self.online]
        return WITH_ONLINE + msgspec.msgpack.encode([self.sequence, states, online])

    @cached_property
    def version(self) -> str:
        """The first 12 hex digits of the bytes' digest; empty when nothing was learned."""
        return hashlib.sha256(self.packed).hexdigest()[:12] if self.states or self.online else ""


NOTHING = Learned()


def unpack(packed: bytes) -> Learned:
    """What `Learned.packed` gave.

    Raises:
        ModelError: when the format is unknown or the bytes are damaged.
    """
    if packed[:1] not in (FORMAT, WITH_ONLINE):
        known = f"{FORMAT!r} and {WITH_ONLINE!r}"
        raise ModelError(f"adaptive state of format {packed[:1]!r} is unknown; this version reads {known}")
    try:
        if packed[:1] == FORMAT:
            sequence, states = msgspec.msgpack.decode(packed[1:], type=tuple[int, list[PackedState]])
            return Learned(tuple(_state(*state) for state in states), sequence)
        kind = tuple[int, list[PackedState], list[PackedOnline]]
        sequence, states, online = msgspec.msgpack.decode(packed[1:], type=kind)
        return Learned(tuple(_state(*each) for each in states), sequence, tuple(_online(*each) for each in online))
    except (msgspec.DecodeError, ValueError) as error:
        raise ModelError(f"damaged adaptive state: {error}; remove it to count again from the journal") from error


def _packed(state: State) -> PackedState:
    trials, expected, information, positives = (
        figures.astype("<f8").tobytes()
        for figures in (state.trials, state.expected, state.information, state.positives)
    )
    return state.model, state.now_ms, list(state.cells), trials, expected, information, positives


def _state(model: str, now_ms: int, cells: list[Cell], *parts: bytes) -> State:
    if {len(part) for part in parts} != {8 * len(cells)}:
        raise ValueError("cells and figures differ in number")
    return State(model, now_ms, tuple(cells), *(_finite(part, "<f8") for part in parts))


def _packed_online(state: OnlineState) -> PackedOnline:
    seen, mean, squares = (figures.astype("<f8").tobytes() for figures in state.moments)
    return state.model, state.now_ms, (seen, mean, squares), [*_packed_sums(state)]


def _packed_sums(state: OnlineState) -> Iterable[PackedSums]:
    """The square is symmetric: its lower half is enough."""
    for cell, sums in sorted(state.sums.items()):
        half = sums.square[np.tril_indices(len(sums.square))]
        yield cell, sums.last_ms, half.astype("<f4").tobytes(), sums.positive.astype("<f4").tobytes()


def _online(model: str, now_ms: int, figures: tuple[bytes, bytes, bytes], packed: list[PackedSums]) -> OnlineState:
    moments = Moments(*(_finite(part, "<f8") for part in figures))
    if len({len(part) for part in figures}) > 1 or not 1 <= len(moments.mean) <= INPUTS_MOST:
        raise ValueError("the moments of inputs differ in number, or are too many")
    width = 1 + len(moments.mean) + FREQUENCIES
    sums = {cell: _sums(width, last_ms, half, positive) for cell, last_ms, half, positive in packed}
    return OnlineState(model, moments, now_ms, sums)


def _sums(width: int, last_ms: int, half: bytes, positive: bytes) -> Sums:
    if (len(half), len(positive)) != (2 * width * (width + 1), 4 * width):
        raise ValueError(f"the sums of a cell are not those of {width} features")
    square = np.zeros((width, width))
    square[np.tril_indices(width)] = _finite(half, "<f4")
    if (np.diag(square) < 0).any():
        raise ValueError("a sum of squares is below 0")
    return Sums(last_ms, square + np.tril(square, -1).T, _finite(positive, "<f4"))


def _finite(packed: bytes, kind: str) -> Float64Array:
    figures = np.frombuffer(packed, kind).astype(np.float64)
    if not np.isfinite(figures).all():
        raise ValueError("a figure is no finite number")
    return figures
