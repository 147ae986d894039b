"""The checked expression as a plain tree, read from the parser's `cel.expr.CheckedExpr` message."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# Field numbers: cel-spec, proto/cel/expr/checked.proto and syntax.proto.
EXPR, CONST, IDENT, SELECT, CALL, LIST = 4, 3, 4, 5, 6, 7
ENVELOPE_VALUE = 2  # google.protobuf.Any
WORD, LONG, BYTES, HALF = 0, 1, 2, 5
Constant = bool | int | float | str


@dataclass(frozen=True)
class Const:
    """A literal."""

    value: Constant


@dataclass(frozen=True)
class Name:
    """An attribute: `customer.age`."""

    name: str


@dataclass(frozen=True)
class Call:
    """An operator or function over its arguments; a method's target comes first."""

    function: str
    args: tuple["Node", ...]


@dataclass(frozen=True)
class Items:
    """A list literal."""

    items: tuple["Node", ...]


Node = Const | Name | Call | Items


class UnsupportedError(ValueError):
    """A part of the language that is not compiled."""


def read_tree(serialized: bytes) -> Node:
    """The tree of a serialised checked expression.

    Raises:
        UnsupportedError: for maps, messages, comprehensions and bytes.
    """
    return _node(_one(_one(serialized, ENVELOPE_VALUE), EXPR))


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == WORD:
            word, at = _varint(data, at)
            yield number, word
            continue
        size = {LONG: 8, HALF: 4}.get(wire)
        if size is None:
            size, at = _varint(data, at)
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        shift, at = shift + 7, at + 1
        if byte < 128:
            return value, at


def _one(data: bytes, number: int) -> bytes:
    return b"".join(_many(data, number)[:1])


def _many(data: bytes, number: int) -> list[bytes]:
    return [value for found, value in _fields(data) if found == number and isinstance(value, bytes)]


def _node(data: bytes) -> Node:
    for number, value in _fields(data):
        if number in _READERS and isinstance(value, bytes):
            return _READERS[number](value)
    raise UnsupportedError("maps, messages and comprehensions are not supported")


def _const(data: bytes) -> Node:
    for number, value in _fields(data):
        if number in _CONSTANTS:
            return Const(_CONSTANTS[number](value))
    return Const(value=False)


def _signed(word: bytes | int) -> int:
    number = int(word) if isinstance(word, int) else 0
    return number - (1 << 64) if number >= 1 << 63 else number


def _double(value: bytes | int) -> float:
    return float(struct.unpack("<d", bytes(value))[0])


def _string(value: bytes | int) -> str:
    return bytes(value).decode()


_CONSTANTS: dict[int, Callable[[bytes | int], Constant]] = {2: bool, 3: _signed, 4: _signed, 5: _double, 6: _string}


def _ident(data: bytes) -> Node:
    return Name(_one(data, 1).decode())


def _select(data: bytes) -> Node:
    operand = _node(_one(data, 1))
    if not isinstance(operand, Name):
        raise UnsupportedError("fields of computed values are not supported")
    return Name(f"{operand.name}.{_one(data, 2).decode()}")


def _call(data: bytes) -> Node:
    args = tuple(_node(part) for part in [*_many(data, 1), *_many(data, 3)])
    return Call(_one(data, 2).decode(), args)


def _list(data: bytes) -> Node:
    return Items(tuple(_node(part) for part in _many(data, 1)))


_READERS = {CONST: _const, IDENT: _ident, SELECT: _select, CALL: _call, LIST: _list}
