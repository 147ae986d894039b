"""The number of a word's lowest set bit, in one instruction; needs the extra `fast`."""

from collections.abc import Callable
from typing import Any

import numba
from numba.extending import intrinsic


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(_typing: Any, word: Any) -> tuple[Any, Callable[..., Any]]:
    """Of uint64, which must not be 0; a multiplication and a shift take a third longer."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], numba.core.cgutils.true_bit)

    return numba.types.uint64(word), generate
