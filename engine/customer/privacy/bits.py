"""Bits out of web-safe base64, six to a character."""

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
VALUES = {char: at for at, char in enumerate(ALPHABET)}
LONGEST = 16_384  # characters; a string of every vendor there is has about 2,000
MOST_IDS = 65_535
MOST_NAMED = 4 * MOST_IDS  # by all ranges of one string; overlapping ones without end would take ten seconds to unfold


class DecodeError(ValueError):
    """A string that is not what it should be; it grants nothing."""


class Bits:
    """A reader of bits, front to back.

    Args:
        text: web-safe base64 without padding.

    Raises:
        DecodeError: for other characters, here; for reading past the end, later.
    """

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise DecodeError(f"has {len(text)} characters; at most {LONGEST} are read")
        try:
            self._bits = "".join(f"{VALUES[char]:06b}" for char in text.rstrip("="))
        except KeyError as error:
            raise DecodeError(f"holds {error.args[0]!r}, which is no web-safe base64") from None
        self._at = self._named = 0

    def number(self, size: int) -> int:
        """The next `size` bits as a number."""
        return int(self._next(size), 2)

    def _next(self, size: int) -> str:
        start, self._at = self._at, self._at + size
        if self._at > len(self._bits):
            raise DecodeError("ends too early")
        return self._bits[start : self._at]

    def truth(self) -> bool:
        """The next bit."""
        return bool(self.number(1))

    def truths(self, size: int) -> frozenset[int]:
        """The places, from 1, of the ones among the next `size` bits."""
        return frozenset(at for at, bit in enumerate(self._next(size), 1) if bit == "1")

    def fibonacci(self) -> int:
        """A number in Fibonacci coding: it ends at the first two ones in a row."""
        total, one, two, last = 0, 1, 2, False
        while True:
            bit = self.truth()
            if bit and last:
                return total
            total += one if bit else 0
            one, two, last = two, one + two, bit

    def ranges(self, size: int) -> frozenset[int]:
        """Ids in ranges: how many entries, and for each whether it is a range, and its ends in `size` bits."""
        found: set[int] = set()
        for _ in range(self.number(12)):
            several, start = self.truth(), self.number(size)
            end = self.number(size) if several else start
            if not 0 < start <= end:
                raise DecodeError(f"holds the range {start} to {end}")
            self._named += end - start + 1
            if self._named > MOST_NAMED:
                raise DecodeError(f"names more than {MOST_NAMED:,} ids")
            found.update(range(start, end + 1))
        return frozenset(found)
