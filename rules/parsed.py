"""The checked expression, read from the parser's serialised `cel.expr.CheckedExpr` message."""

import struct
from collections.abc import Iterator, Mapping

from rules.errors import UnsupportedError
from rules.tree import Blob, Call, Const, Constant, Entries, Fold, Has, Items, Local, Name, Node

# Field numbers: cel-spec, proto/cel/expr/checked.proto and syntax.proto.
ENVELOPE_VALUE, REFERENCES, EXPR = 2, 2, 4
ID, CONST, IDENT, SELECT, CALL, LIST, MAP, FOLD = 2, 3, 4, 5, 6, 7, 8, 9
WORD, LONG, HALF = 0, 1, 5
PRESENT = "has_."
REFUSED = {"type": "type()", "to_dyn": "dyn()"}


def read_tree(serialized: bytes, kinds: Mapping[str, str]) -> Node:
    """The tree of a serialised checked expression.

    Args:
        serialized: as the CEL library writes it.
        kinds: qualified attribute -> kind.

    Raises:
        UnsupportedError: for messages, types as values and whatever has no single meaning before it runs.
    """
    checked = _one(serialized, ENVELOPE_VALUE)
    return _Reader(dict(_references(checked)), kinds).node(_one(checked, EXPR))


def _references(checked: bytes) -> Iterator[tuple[int, tuple[str, list[str]]]]:
    for entry in _many(checked, REFERENCES):
        reference = _one(entry, 2)
        yield _number(entry, 1), (_one(reference, 1).decode(), [name.decode() for name in _many(reference, 3)])


class _Reader:
    """Reads nodes; `references` says which attribute or overload each expression id means."""

    def __init__(self, references: Mapping[int, tuple[str, list[str]]], kinds: Mapping[str, str]) -> None:
        self.references, self.kinds = references, kinds
        self.readers = {
            CONST: _const,
            IDENT: self._ident,
            SELECT: self._select,
            LIST: self._list,
            MAP: self._map,
            FOLD: self._fold,
        }

    def node(self, data: bytes) -> Node:
        """One expression."""
        name, overloads = self.references.get(_number(data, ID), ("", []))
        if name in self.kinds:
            return Name(name, self.kinds[name])
        if name.startswith(PRESENT):
            return Has(name.removeprefix(PRESENT))
        for number, value in _fields(data):
            if number == CALL and isinstance(value, bytes):
                return self._call(value, overloads)
            if number in self.readers and isinstance(value, bytes):
                return self.readers[number](value)
        raise UnsupportedError("an empty expression is not supported")

    def _ident(self, data: bytes) -> Node:
        return Local(_one(data, 1).decode())

    def _select(self, data: bytes) -> Node:
        key = Const(_one(data, 2).decode())
        overload = "in_map" if _number(data, 3) else "index_map"
        operand = self.node(_one(data, 1))
        return Call(overload, (key, operand) if overload == "in_map" else (operand, key))

    def _call(self, data: bytes, overloads: list[str]) -> Node:
        args = tuple(self.node(part) for part in [*_many(data, 1), *_many(data, 3)])
        overload = overloads[0] if overloads else ""
        if overload in REFUSED:
            raise UnsupportedError(f"{REFUSED[overload]} is not supported")
        if len(overloads) != 1:
            name = _one(data, 2).decode()
            raise UnsupportedError(f"'{name}' over values of more than one type is not supported; convert them first")
        return Call(overload, args)

    def _list(self, data: bytes) -> Node:
        return Items(tuple(self.node(part) for part in _many(data, 1)))

    def _map(self, data: bytes) -> Node:
        if _one(data, 1):
            raise UnsupportedError("messages are not supported")
        entries = _many(data, 2)
        keys = tuple(self.node(_one(entry, 3)) for entry in entries)
        return Entries(keys, tuple(self.node(_one(entry, 4)) for entry in entries))

    def _fold(self, data: bytes) -> Node:
        start, going, step, result = (self.node(_one(data, number)) for number in (4, 5, 6, 7))
        return Fold(_text(data, 1), self.node(_one(data, 2)), _text(data, 3), start, going, step, result)


def _const(data: bytes) -> Node:
    for number, value in _fields(data):
        if number == 7 and isinstance(value, bytes):
            return Blob(value)
        return Const(_constant(number, value))
    raise UnsupportedError("an empty literal is not supported")


def _constant(number: int, value: bytes | int) -> Constant:
    if isinstance(value, int):
        signed = value - (1 << 64) if number == 3 and value >= 1 << 63 else value
        return {1: None, 2: bool(value)}.get(number, signed)
    if number == 5:
        return float(struct.unpack("<d", value)[0])
    if number == 6:
        return value.decode()
    raise UnsupportedError("a literal of this kind is not supported")


def _text(data: bytes, number: int) -> str:
    return _one(data, number).decode()


def _number(data: bytes, number: int) -> int:
    return next((value for found, value in _fields(data) if found == number and isinstance(value, int)), 0)


def _one(data: bytes, number: int) -> bytes:
    return b"".join(_many(data, number)[:1])


def _many(data: bytes, number: int) -> list[bytes]:
    return [value for found, value in _fields(data) if found == number and isinstance(value, bytes)]


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
