"""Databases whose keys are numbers, given in the order of transactions and never twice."""

import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import lmdb

NUMBER = struct.Struct(">Q")  # big-endian, so that LMDB's order is the numbers'


def last(txn: lmdb.Transaction, numbered: Any) -> int:
    """The number that was given last; 0 for none."""
    cursor = txn.cursor(numbered)
    return int(NUMBER.unpack(cursor.key())[0]) if cursor.last() else 0


def above(txn: lmdb.Transaction, numbered: Any, after: int, limit: int) -> Iterator[tuple[int, bytes]]:
    """What is kept under the numbers above one, at most so many; what was emptied is left out."""
    cursor = txn.cursor(numbered)
    kept = ((number, packed) for number, packed in cursor if packed)
    for number, packed in islice(kept, limit) if cursor.set_range(NUMBER.pack(after + 1)) else ():
        yield int(NUMBER.unpack(number)[0]), bytes(packed)


def drop(txn: lmdb.Transaction, numbered: Any, numbers: Iterable[int]) -> None:
    """Delete what stands under some numbers."""
    newest = last(txn, numbered)
    for number in numbers:
        txn.delete(NUMBER.pack(number), db=numbered)
        if number == newest:  # emptied, not deleted: a number is never given twice, or who reads on would miss it
            txn.put(NUMBER.pack(number), b"", db=numbered)
