"""Expressions compiled before, stored beside a snapshot, so that serving needs no parser."""

import hashlib
from collections.abc import Mapping

import msgspec

from rules.check import check
from rules.schema import Schema
from rules.tree import Node, decode, encode

NOTHING: Mapping[str, bytes] = {}


class Library:
    """Text and schema -> tree.

    Args:
        packed: as `packed` of an earlier library holds it.

    Attributes:
        packed: what this compilation used, old and new.
    """

    def __init__(self, packed: Mapping[str, bytes] = NOTHING) -> None:
        self._known = packed
        self.packed: dict[str, bytes] = {}

    def tree(self, text: str, schema: Schema, kind: str = "bool") -> Node:
        """The checked tree of one expression of a kind, parsed only when it is new.

        Raises:
            RuleError: with line and column.
        """
        key = hashlib.sha256(f"{schema.digest}\0{kind}\0{text}".encode()).hexdigest()
        held = self._held(key)
        tree = held if held is not None else check(text, schema, kind)
        self.packed[key] = self._known[key] if held is not None else encode(tree)
        return tree

    def _held(self, key: str) -> Node | None:
        try:
            return decode(self._known[key]) if key in self._known else None
        except msgspec.DecodeError:
            return None  # damaged, or of another version: compiled again
