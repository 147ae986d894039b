"""LMDB's file as pages: which are free, and what lies in those that are not; reading only.

The layout is that of LMDB 0.9, which writes it into each file as version 1: MDB_page, MDB_node and MDB_meta of `mdb.c`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.store.protocol import StoreError

HEADER = 16
BRANCH, LEAF, OVERFLOW = 1, 2, 4
BIG = 1  # of a node: its value has overflow pages of its own
MAGIC, VERSION = 0xBEEFC0DE, 1
NOWHERE = 2**64 - 1  # the root of an empty tree
Bytes = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


class State(NamedTuple):
    """One committed state of the file.

    Args:
        number: of the transaction that made it.
        last: the last page that it uses.
        free: where the tree of free pages starts.
        main: where that of the databases starts.
    """

    number: int
    last: int
    free: int
    main: int


class Node(NamedTuple):
    """One node of a page, by its places in the page.

    Args:
        child: of a branch the page below; of a big value its first page; else -1.
        size: of the value, bytes.
    """

    key_at: int
    key_end: int
    child: int
    size: int


class Pages:
    """A file of pages as it is now; it may grow, and pages in nobody's view may change under the reader.

    Args:
        path: of `data.mdb`.
        size: of a page, bytes.

    Raises:
        StoreError: when the file is of another layout.
    """

    def __init__(self, path: Path, size: int) -> None:
        count = path.stat().st_size // size
        self.size = size
        self._all: Bytes = np.memmap(path, np.uint8, "r", shape=(count, size)).view(
            np.ndarray
        )  # its own slices are slow
        magic, version = self._all[0, HEADER : HEADER + 8].view("<u4").tolist()
        if (magic, version) != (MAGIC, VERSION):
            raise StoreError(
                f"{path} is of layout {version}, and only {VERSION} can be wiped; use an older lmdb package"
            )

    @property
    def flat(self) -> Bytes:
        """All of it in one row."""
        return self._all.reshape(-1)

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, number: int) -> Bytes:
        page: Bytes = self._all[number]
        return page

    def states(self) -> list[State]:
        """The last two, in no order."""
        both = (self._all[page, 80:152].view("<u8") for page in (0, 1))
        return [State(number=int(meta[8]), last=int(meta[7]), free=int(meta[0]), main=int(meta[6])) for meta in both]

    def kind(self, number: int) -> int:
        """What a page is, as bits."""
        return int(self._all[number, 10:12].view("<u2")[0])

    def gap(self, number: int) -> tuple[int, int]:
        """Between which places of a branch or a leaf there is nothing."""
        lower, upper = self._all[number, 12:16].view("<u2").tolist()
        return lower, upper

    def length(self, number: int) -> int:
        """How many pages an overflow page begins."""
        return int(self._all[number, 12:16].view("<u4")[0])

    def nodes(self, number: int) -> Iterator[Node]:
        """The nodes of a branch or a leaf."""
        words, branch = self._all[number].view("<u2"), self.kind(number) & BRANCH
        for at in words[HEADER // 2 : self.gap(number)[0] // 2].tolist():
            low, high, flags, key = words[at // 2 : at // 2 + 4].tolist()
            end, size, child = at + 8 + key, low | high << 16, -1
            if branch:
                child = size | flags << 32
            elif flags & BIG:
                child = int.from_bytes(self._all[number, end : end + 8].tobytes(), "little")
            yield Node(at + 8, end, child, size)

    def big(self, number: int) -> list[tuple[int, int]]:
        """The first page and the bytes of each big value of a leaf."""
        words = self._all[number].view("<u2")
        at = words[HEADER // 2 : self.gap(number)[0] // 2] // 2
        if not (words[at + 2] & BIG).any():  # usual, and 5 µs instead of 100
            return []
        return [(node.child, node.size) for node in self.nodes(number) if node.child >= 0]

    def value(self, number: int, node: Node) -> bytes:
        """The value of a leaf's node."""
        if node.child < 0:
            return self._all[number, node.key_end : node.key_end + node.size].tobytes()
        at = node.child * self.size + HEADER
        return self._all.reshape(-1)[at : at + node.size].tobytes()

    def free(self, state: State) -> dict[int, list[int]]:
        """Number of a transaction -> pages that it freed and that nobody took since."""
        freed = dict[int, list[int]]()
        for key, value in self._entries(state.free):
            count, *pages = np.frombuffer(value, "<u8").tolist()
            freed[int.from_bytes(key, "little")] = pages[:count]
        return freed

    def branches(self, state: State) -> Iterator[tuple[bytes, int]]:
        """The name of a database and a branch of it, for all there are."""
        for name, value in self._entries(state.main):
            left = [(int.from_bytes(value[40:48], "little"), int.from_bytes(value[6:8], "little"))]
            while left:
                number, depth = left.pop()
                if depth > 1:  # below are leaves, which need not be looked at
                    yield name, number
                    left += [(node.child, depth - 1) for node in self.nodes(number)]

    def _entries(self, root: int) -> Iterator[tuple[bytes, bytes]]:
        left = [root] if root != NOWHERE else []
        while left:
            number = left.pop()
            if self.kind(number) & BRANCH:
                left += [node.child for node in self.nodes(number)]
                continue
            for node in self.nodes(number):
                yield self[number][node.key_at : node.key_end].tobytes(), self.value(number, node)
