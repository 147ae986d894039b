"""A checked condition as a plain tree: what is compiled, and what is stored with a snapshot."""

from collections.abc import Iterator

import msgspec

Constant = bool | int | float | str | None


class Const(msgspec.Struct, frozen=True, tag=True, eq=False):
    """A literal; two are the same when they are written the same: 1 is not 1.0 or true, and 0.0 not -0.0."""

    value: Constant

    def __eq__(self, other: object) -> bool:
        """By kind and by writing, where Python would take equal numbers for one."""
        return isinstance(other, Const) and (type(self.value), repr(self.value)) == (
            type(other.value),
            repr(other.value),
        )

    def __hash__(self) -> int:
        """As `__eq__` tells them apart."""
        return hash((type(self.value), repr(self.value)))


class Blob(msgspec.Struct, frozen=True, tag=True):
    """A literal of bytes; apart, because packed bytes and texts look alike."""

    value: bytes


class Name(msgspec.Struct, frozen=True, tag=True):
    """An attribute, `customer.age`, and its kind."""

    name: str
    kind: str


class Has(msgspec.Struct, frozen=True, tag=True):
    """Whether an attribute is present."""

    name: str


class Local(msgspec.Struct, frozen=True, tag=True):
    """A variable of a comprehension."""

    name: str


class Call(msgspec.Struct, frozen=True, tag=True):
    """An overload (`add_int64`) over its arguments; a method's target comes first."""

    overload: str
    args: tuple["Node", ...]


class Items(msgspec.Struct, frozen=True, tag=True):
    """A list."""

    items: tuple["Node", ...]


class Entries(msgspec.Struct, frozen=True, tag=True):
    """A map, as keys and values in order."""

    keys: tuple["Node", ...]
    values: tuple["Node", ...]


class Fold(msgspec.Struct, frozen=True, tag=True):
    """What every macro (`all`, `exists`, `map`, ...) is made of: a loop over `range` that carries `carried`."""

    item: str
    range: "Node"
    carried: str
    start: "Node"
    going: "Node"
    step: "Node"
    result: "Node"


Node = Const | Blob | Name | Has | Local | Call | Items | Entries | Fold


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in order."""
    match node:
        case Call():
            return node.args
        case Items():
            return node.items
        case Entries():
            return (*node.keys, *node.values)
        case Fold():
            return (node.range, node.start, node.going, node.step, node.result)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def place(name: str) -> tuple[str, str]:
    """World and own name of an attribute; a bare name, as formulas have, belongs to the row: to `action`."""
    world, dot, own = name.partition(".")
    return (world, own) if dot else ("action", name)


def worlds(node: Node) -> set[str]:
    """Which of `customer`, `request` and `action` it reads."""
    return {place(part.name)[0] for part in walk(node) if isinstance(part, (Name, Has))}


_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Node] = msgspec.msgpack.Decoder(Node)


def encode(node: Node) -> bytes:
    """Pack a tree, to be stored with a snapshot."""
    return _ENCODER.encode(node)


def decode(packed: bytes) -> Node:
    """Unpack a tree.

    Raises:
        msgspec.DecodeError: when the bytes are no tree.
    """
    return _DECODER.decode(packed)
