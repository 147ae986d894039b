"""Bits out of web-safe base64, six to a character."""

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
VALUES = {char: at for at, char in enumerate(ALPHABET)}
LONGEST = 16_384  # characters; a string of every vendor there is has about 2,000
MOST_IDS = 65_535


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
        self._at = 0

    def number(self, size: int) -> int:
        """The next `size` bits as a number."""
        end = self._at + size
        if end > len(self._bits):
            raise DecodeError("ends too early")
        self._at, found = end, int(self._bits[self._at : end], 2)
        return found

    def truth(self) -> bool:
        """The next bit."""
        return bool(self.number(1))

    def truths(self, size: int) -> frozenset[int]:
        """The places, from 1, of the ones among the next `size` bits."""
        field = self.number(size) if size else 0
        return frozenset(at for at in range(1, size + 1) if field >> (size - at) & 1)

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
            found.update(range(start, end + 1))
        return frozenset(found)
