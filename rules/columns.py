"""Action attributes as columns of numbers: texts as codes that compare as the texts do."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.tree import Const, Has, Name, Node, walk

Array = NDArray[np.generic]
Mask = NDArray[np.bool_]
Objects = NDArray[np.object_]
DTYPES = {"int": np.int64, "uint": np.uint64, "double": np.float64, "bool": np.bool_}
NANOSECONDS = 2**63 // 1_000_000  # milliseconds that still fit int64 as nanoseconds: the year 2262


class Texts:
    """An ordered table of texts: entry i has code 2i + 1, what lies between two entries the even code between them.

    Args:
        known: every text that columns and constants hold.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self.names = sorted(set(known))

    def code(self, text: str) -> int:
        """The text's code; comparing codes of which one is odd is comparing the texts."""
        at = bisect_left(self.names, text)
        return 2 * at + (at < len(self.names) and self.names[at] == text)


@dataclass(frozen=True)
class Column:
    """One attribute of P rows.

    Args:
        kind: as the schema says.
        values: [P] of the kind's dtype, int32 codes for texts, int64 nanoseconds for moments and durations, else
            objects; any value where it is not known.
        known: bool[P], or True when nothing is missing.
    """

    kind: str
    values: Array
    known: "Mask | bool"

    def take(self, rows: NDArray[np.intp]) -> "Column":
        """The same attribute of some rows, in their order."""
        known = self.known if isinstance(self.known, bool) else self.known[rows]
        return Column(self.kind, self.values[rows], known)


@dataclass(frozen=True)
class Columns:
    """Attributes of P rows, and the table their texts are coded by.

    Args:
        plain: attribute -> object[P], None where missing.
        kinds: attribute -> kind.
        texts: the table.
        size: P.
    """

    plain: Mapping[str, Objects]
    kinds: Mapping[str, str]
    texts: Texts
    size: int

    def column(self, name: str) -> Column | None:
        """One attribute as numbers; None when no row has it."""
        return coded(self.kinds[name], self.plain[name].tolist(), self.texts) if name in self.plain else None

    def row(self, at: int) -> dict[str, object]:
        """One row as plain values; what is missing is absent."""
        return {name: values[at] for name, values in self.plain.items() if values[at] is not None}

    def take(
        self, rows: NDArray[np.intp], tree: Node, constants: Sequence[Sequence[object]], counts: Sequence[int]
    ) -> "Columns":
        """What one tree reads of some rows, with constants beside it.

        Args:
            rows: intp[P], the rows.
            tree: it reads attributes, and `action.$i` for constant i.
            constants: for each condition its constants.
            counts: for each condition how many of the rows are its own.
        """
        read = [node for node in walk(tree) if isinstance(node, (Name, Has)) and node.name.startswith("action.")]
        kinds = {_own(node): node.kind for node in read if isinstance(node, Name)}
        plain = {name: self.plain[name][rows] for name in map(_own, read) if name in self.plain}
        for index, values in enumerate(zip(*constants, strict=True)):
            plain[f"${index}"] = objects(values)[np.repeat(np.arange(len(counts)), counts)]
        return Columns(plain, {**self.kinds, **kinds}, self.texts, len(rows))


def _own(node: Name | Has) -> str:
    return node.name.partition(".")[2]


def objects(values: Sequence[object]) -> Objects:
    """Any values as object[P], lists and all."""
    return np.fromiter(values, object, len(values))


def coded(kind: str, values: Sequence[object], texts: Texts) -> Column:
    """Plain values as a column.

    Args:
        kind: of the schema.
        values: by row, None where missing.
        texts: the table for texts; it holds every one of them.
    """
    missing = [value is None for value in values]
    known = True if not any(missing) else ~np.array(missing, np.bool_)
    if kind == "string":
        codes = {value: texts.code(str(value)) for value in set(values)}
        return Column(kind, np.array([codes[value] for value in values], np.int32), known)
    if kind in ("timestamp", "duration"):
        return _timed(kind, values, known)
    if kind in DTYPES:
        return Column(kind, np.array([0 if value is None else value for value in values], DTYPES[kind]), known)
    return Column(kind, objects(values), known)


def _timed(kind: str, values: Sequence[object], known: "Mask | bool") -> Column:
    milliseconds = [0 if value is None else int(str(value)) for value in values]
    fits = all(abs(value) < NANOSECONDS for value in milliseconds)
    return Column(kind, np.array([value * 1_000_000 for value in milliseconds], np.int64 if fits else object), known)


def texts_of(trees: Iterable[Node]) -> set[str]:
    """Every text that stands in conditions."""
    constants = (node.value for tree in trees for node in walk(tree) if isinstance(node, Const))
    return {value for value in constants if isinstance(value, str)}
