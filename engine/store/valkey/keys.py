"""The keys of the Valkey store, and the commands over them; `{s}` stands for the shard's hash tag.

- `p{s}:ID`  hash: `token`, another with every change; `record`, packed; or `to`, the id that this one points to
- `v{s}:ID`  hash: what decisions have reserved of the person's contacts, each `UNTIL_MS PACKED`
- `h{s}:ID`  hash: key of an interaction under this id -> where it lies, `SHARD STREAM-ID`; lies in the person's shard
- `d{s}:ID`  hash: the same of what was said under this id; its keys mean nothing
- `w{s}:ID`  the distinct names under this id; lies in the person's shard
- `i{s}`     sorted set: ids with a record
- `k{s}`     hash: how much is kept of histories, the same in every shard, and its `token`
- `o{s}`     stream: interactions, packed; the journal reads it, and it is kept
- `c{s}`     stream: changes that were said, likewise
- `erased{all}`, `erased-key{all}`, `sweeping{all}`  keyed hashes of who was erased; their key; whose traces are left
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple
from zlib import crc32

import msgspec

from engine.customer.changes import Change
from engine.store.valkey.connection import Command
from engine.store.valkey.servers import SHARDS

pack = msgspec.msgpack.Encoder().encode


class Kind(NamedTuple):
    """One kind of what is put out for the journal.

    Args:
        stream, marks: the letters of its keys.
    """

    stream: str
    marks: str


HAPPENED, SAID = Kind("o", "h"), Kind("c", "d")


def shard(customer_id: str) -> str:
    """The hash tag of what is stored of an id."""
    return SHARDS[crc32(customer_id.encode()) % len(SHARDS)]


def key(kind: str, name: str, under: str = "") -> str:
    """The key of one kind of a person's data.

    Args:
        kind: its letter.
        name: the id that the person stands under.
        under: whose data, if it is kept for each id.
    """
    return f"{kind}{{{shard(name)}}}:{under or name}"


def put_out(kind: Kind, name: str, under: str, field: str | bytes, packed: bytes) -> Command:
    """The command that puts something out for the journal, and marks where it lies.

    Args:
        kind: of it.
        name: the id that the person stands under.
        under: the id that it came under.
        field: of the mark.
        packed: what it is.
    """
    tag = shard(name)
    return ("COUNT", f"{kind.stream}{{{tag}}}", key(kind.marks, name, under), field, packed, tag)


def noted(name: str, changes: Iterable[Change]) -> list[Command]:
    """The commands that put out what was said of a person."""
    return [put_out(SAID, name, each.customer_id, new_token(), pack(each)) for each in changes]


def pairs(fields: Mapping[str, str | bytes] | Mapping[bytes, bytes]) -> Iterator[str | bytes]:
    """Names and values in turn, as a command takes them."""
    return chain.from_iterable(fields.items())


def touched(name: str) -> Command:
    """The command that says that something of a person was changed."""
    return ("HSET", key("p", name), "token", new_token())


def new_token() -> bytes:
    """One that was never there before: a number would come again after an erasure."""
    return secrets.token_bytes(8)


def keeping_key(tag: str) -> str:
    """The key of how much is kept, in one shard."""
    return f"k{{{tag}}}"
