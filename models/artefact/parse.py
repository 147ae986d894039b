"""Bytes to an ONNX message, at a cost that is known before it is paid.

Protocol buffers grow when they are parsed: 16 MB of empty nodes, two bytes each, would become more than a gigabyte of
objects. So the wire format is walked first, and what does not look like a model is refused without parsing it.
"""

import re
from functools import lru_cache

import onnx
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError

from models.errors import ModelError

MODEL_BYTES = 16 << 20  # about 440,000 tree nodes: 20 times the largest model trained here
PARSED_BYTES = 48 << 20
FIELDS = 200_000  # visited one by one, in about 0.2 s; runs of numbers count once
DEPTH = 8  # model, graph, node, attribute, tensor, and a little more
MESSAGE_BYTES = 256  # a parsed message without content, at most
VARINT, FIXED64, TEXT, FIXED32 = 0, 1, 2, 5
WIDTH = {FIXED64: 8, FIXED32: 4}
WIRE = {
    FieldDescriptor.TYPE_DOUBLE: FIXED64, FieldDescriptor.TYPE_FLOAT: FIXED32, FieldDescriptor.TYPE_MESSAGE: TEXT,
    FieldDescriptor.TYPE_STRING: TEXT, FieldDescriptor.TYPE_BYTES: TEXT,
}  # fmt: skip
DAMAGED = "it is no ONNX model, or a damaged one"


def parse(data: bytes) -> onnx.ModelProto:
    """Parse an ONNX model.

    Args:
        data: the file's content.

    Raises:
        ModelError: when it is no such model, holds fields that ONNX does not know, or would take too much memory.
    """
    _walk(data)
    try:
        return onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise ModelError(f"{DAMAGED}: {error}") from error


def _walk(data: bytes) -> None:
    """Visit every field once; memory is counted, never taken."""
    pending = [(0, len(data), onnx.ModelProto.DESCRIPTOR, 1)]
    fields = taken = 0
    while pending:
        at, end, kind, depth = pending.pop()
        while at < end:
            field, start, stop, cost = _field(data, at, end, kind)
            fields, taken, at = fields + 1, taken + cost, stop
            if field.type == FieldDescriptor.TYPE_STRING:
                _text(data[start:stop])
            elif field.message_type:
                pending.append((start, stop, field.message_type, depth + 1))
            if fields > FIELDS or taken > PARSED_BYTES or depth > DEPTH:
                raise ModelError(
                    f"reading it takes more than a model may: {FIELDS:,} fields, nested {DEPTH} deep, "
                    f"{PARSED_BYTES >> 20} MB"
                )


def _field(data: bytes, at: int, end: int, kind: Descriptor) -> tuple[FieldDescriptor, int, int, int]:
    """The field at a place, or a run of numbers of the same field: (field, start of its content, end, bytes parsed)."""
    tag, start = _varint(data, at, end)
    field, wire = kind.fields_by_number.get(tag >> 3), tag & 7
    expected = WIRE.get(field.type, VARINT) if field else None
    packed = field is not None and field.is_repeated and wire == TEXT
    if field is None or not (wire == expected or packed):
        raise ModelError(f"{DAMAGED}: byte {at} holds field {tag >> 3} of {kind.name}, which ONNX does not know")
    if wire == TEXT:
        size, start = _varint(data, start, end)
        stop = start + size
        # A packed varint of one byte becomes an int64; everything else keeps its size.
        cost = MESSAGE_BYTES + size * (8 if expected == VARINT else 1 if not field.message_type else 0)
    else:
        found = _run(data[at:start], wire).match(data, at, end)
        stop = found.end() if found else end + 1
        cost = (stop - at) * 4  # two bytes of tag and varint become an int64
    if stop > end:
        raise ModelError(f"{DAMAGED}: it ends within a {kind.name}")
    return field, start, stop, cost


def _text(content: bytes) -> None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise ModelError(f"{DAMAGED}: a name is no UTF-8") from error


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for index in range(at, min(end, at + 10)):
        value |= (data[index] & 0x7F) << (7 * (index - at))
        if data[index] < 0x80:
            return value, index + 1
    raise ModelError(f"{DAMAGED}: it ends within a number")


@lru_cache(64)
def _run(tag: bytes, wire: int) -> re.Pattern[bytes]:
    """The same number field again and again: a tree's node ids, 100,000 in 2 ms."""
    content = rb"[\x80-\xff]{0,9}+[\x00-\x7f]" if wire == VARINT else rb"(?s:.{%d})" % WIDTH[wire]
    return re.compile(rb"(?:%s%s)++" % (re.escape(tag), content))
