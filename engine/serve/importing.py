"""A file into the store, however large: read by helpers, put in order, applied by customer."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
from rich.console import Console
from rich.progress import Progress

from engine.customer.checks import FieldError
from engine.serve.files import Block, Line, read_blocks, read_lines
from engine.serve.helpers import each
from engine.serve.letters import opened
from engine.serve.runs import Row, Runs, framed
from engine.store.open import open_store
from engine.store.protocol import Store

T = TypeVar("T")
Counts = dict[str, int]
LUMP = 10_000  # rows of one transaction: other writers wait 0.1 s for it


@dataclass(frozen=True)
class Kind(Generic[T]):
    """What the lines of a file stand for.

    Args:
        type: of a row.
        make: a row from a line, or ValueError; a new process can be told it.
        mark: of a row: what the store keeps it by; rows are put in its order, for which every page is written once.
        put: rows into the store; says of each what it counts as, or why it cannot be taken.
    """

    type: type[T]
    make: Callable[[Line], T]
    mark: Callable[[T], bytes]
    put: Callable[[Store, list[T]], list[str | FieldError]]


class _Read(msgspec.Struct, frozen=True):
    """What a block holds.

    Args:
        frames: the good ones, in order, as a run.
        rejected: the others as letters: JSON with the number and the reason.
        fault: why the block cannot be read.
    """

    frames: list[bytes]
    rejected: list[str]
    fault: str = ""


_ENCODER = msgspec.msgpack.Encoder()
_BLOCK, _READ = msgspec.msgpack.Decoder(Block), msgspec.msgpack.Decoder(_Read)


def run_import(file: Path, state: Path, kind: Kind[T]) -> Counts:
    """Put every good line of a file into the store, and the others aside.

    Args:
        file: CSV, JSON Lines or Parquet.
        state: holds the store, and until the end the sorted rows.
        kind: what the lines stand for.

    Returns:
        imported, duplicates and rejected; the rejected ones stand in `<file>.rejected.jsonl`.

    Raises:
        ValueError, OSError: when the file as a whole cannot be read; then nothing was imported.
        StoreError: when the store cannot take it; what was put before stays.
    """
    blocks = read_blocks(file)
    aside = Aside(file)
    progress = Progress(console=Console(stderr=True), transient=True)
    with closing(open_store(state)) as store, closing(Runs(state)) as runs, progress:
        for read in progress.track(_each_read(blocks, kind), description=f"reading {file.name}"):
            if read.fault:
                raise ValueError(f"{file}: {read.fault}")
            runs.add(read.frames)
            aside.put(read.rejected)
        counts = Counter(imported=0, duplicates=0)
        for lump in progress.track(_lumps(runs.merged()), description=f"importing {file.name}"):
            counts.update(_put(store, lump, kind, aside))
    return {**counts, "rejected": aside.count}


class Aside:
    """The file of rejected lines; there is none when nothing was rejected."""

    def __init__(self, file: Path) -> None:
        self.path, self.count = file.with_name(f"{file.name}.rejected.jsonl"), 0
        self.path.unlink(missing_ok=True)

    def put(self, letters: list[str]) -> None:
        """Add letters: JSON with number, reason and the line."""
        if letters:
            with self.path.open("a") as out:
                out.writelines(f"{letter}\n" for letter in letters)
        self.count += len(letters)


def _put(store: Store, lump: list[Row], kind: Kind[T], aside: Aside) -> Iterator[str]:
    """A lump into the store, and what the store refused aside; what became of the others."""
    decoder = msgspec.msgpack.Decoder(kind.type)
    rows = [decoder.decode(packed) for _, _, packed in lump]
    for (_, number, _), row, became in zip(lump, rows, kind.put(store, rows), strict=True):
        if isinstance(became, FieldError):
            aside.put([_letter({"line": number}, became, msgspec.json.encode(row).decode())])
        else:
            yield became


def _each_read(blocks: Iterable[Block], kind: Kind[T]) -> Iterator[_Read]:
    return map(_READ.decode, each(partial(_read, kind), map(_ENCODER.encode, blocks)))


def _read(kind: Kind[T], packed: bytes) -> bytes:
    """A block, packed, to what it holds, packed: this is the helpers' work."""
    rejected: list[str] = []
    rows: list[tuple[bytes, int, T]] = []
    try:
        for line in read_lines(_BLOCK.decode(packed)):
            for one in opened(line):
                _take(one, kind, rows, rejected)
    except ValueError as error:
        return _ENCODER.encode(_Read([], [], str(error)))
    rows.sort(key=itemgetter(0))  # stable: of what stands twice, the first counts
    return _ENCODER.encode(_Read(list(framed(rows)), rejected))


def _take(line: Line, kind: Kind[T], rows: list[tuple[bytes, int, T]], rejected: list[str]) -> None:
    try:
        if line.fault:
            raise ValueError(line.fault)
        made = kind.make(line)
        rows.append((kind.mark(made), line.number, made))
    except ValueError as error:
        # With the columns' names, so that the line can be mended and imported from here.
        raw = line.raw if line.fault else json.dumps(line.cells, default=str)
        arrived = {} if line.arrived_ms is None else {"at_ms": line.arrived_ms}
        rejected.append(_letter({**arrived, "line": line.number}, error, raw))


def _letter(place: dict[str, object], error: ValueError, raw: str) -> str:
    return json.dumps(place | {"reason": str(error), "raw": raw})


def _lumps(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while lump := list(islice(rows, LUMP)):
        yield lump
