"""CSV, JSON Lines and Parquet in blocks, and the rows of a block; what cannot be read is a row with its fault."""

import csv
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from engine.customer.jsontext import read_json
from engine.serve.limits import Limits

LINE_BYTES = 8 << 20  # a dead letter of 1 MiB, each character of it escaped as six
BLOCK_BYTES = 2 << 20
BLOCK_ROWS = 1 << 14


class Line(msgspec.Struct, frozen=True):
    """One row.

    Args:
        number: of the line in the file, from 1; of the row in a Parquet file.
        cells: column -> value; what is empty is left out.
        raw: the line as it stands, to be kept aside.
        fault: why it cannot be read; empty when it can.
        arrived_ms: of a dead letter, as it says; stands in where the row has no moment.
    """

    number: int
    cells: dict[str, object]
    raw: str
    fault: str = ""
    arrived_ms: object = None


class Block(msgspec.Struct, frozen=True):
    """A piece of a file that can be read apart from the others.

    Args:
        form: the file's ending.
        first: number of its first row.
        data: whole lines; of a Parquet file rows as an Arrow stream.
        columns: of a CSV file.
    """

    form: str
    first: int
    data: bytes
    columns: list[str] = []


def read_blocks(file: Path) -> Iterator[Block]:
    """A file in blocks, by its ending.

    Raises:
        ValueError: for other endings, and for files that are none of theirs.
        OSError: when it cannot be read.
    """
    readers: dict[str, Callable[[Path], Iterator[Block]]] = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
    if file.suffix not in readers:
        raise ValueError(f"{file}: write .csv, .jsonl or .parquet; '{file.suffix}' is not read")
    return readers[file.suffix](file)


def read_lines(block: Block) -> Iterator[Line]:
    """Every row of a block.

    Raises:
        ValueError: for a block of a Parquet file that cannot be read.
    """
    if block.form == ".parquet":
        yield from _parquet_lines(block)
        return
    for number, text, fault in _texts(block):
        if block.form == ".csv" and text:
            yield _csv_line(number, text, fault, block.columns)
        elif block.form == ".jsonl" and text.strip():
            yield _json_line(number, text, fault)


def _csv(file: Path) -> Iterator[Block]:
    with file.open("rb") as source:
        _, text, fault = next(_texts(Block(".csv", 1, _line(source))), (1, "", ""))
        columns = _header(file, text, fault)
        for first, data in _pieces(source, 2):
            yield Block(".csv", first, data, columns)


def _jsonl(file: Path) -> Iterator[Block]:
    with file.open("rb") as source:
        for first, data in _pieces(source, 1):
            yield Block(".jsonl", first, data)


def _pieces(source: BinaryIO, first: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines, with the number of the first."""
    while data := source.read(BLOCK_BYTES):
        lines = data + _line(source)
        yield first, lines
        first += lines.count(b"\n")


def _line(source: BinaryIO) -> bytes:
    """What is left of a line; beyond the bound it is not kept."""
    start = end = source.readline(LINE_BYTES + 1)
    while len(end) > LINE_BYTES and not end.endswith(b"\n"):
        end = source.readline(LINE_BYTES + 1)
    return start if start is end else start + b"\n"


def _texts(block: Block) -> Iterator[tuple[int, str, str]]:
    """Number, text and fault of each line; bytes that are no UTF-8 are kept as escapes."""
    for number, line in enumerate(block.data.removesuffix(b"\n").split(b"\n"), block.first):
        fault = f"the line is longer than {LINE_BYTES:,} bytes" if len(line) > LINE_BYTES else ""
        data = line[:LINE_BYTES].removesuffix(b"\r")
        try:
            yield number, data.decode(), fault
        except UnicodeDecodeError as error:
            yield number, data.decode(errors="backslashreplace"), fault or f"no UTF-8 at byte {error.start + 1}"


def _header(file: Path, text: str, fault: str) -> list[str]:
    """The columns; without them, or with one that stands twice, nobody knows what the lines say."""
    columns = next(csv.reader([text.removeprefix("\ufeff")]), [])
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if fault or twice or not columns:
        why = fault or (f"column '{twice[0]}' stands twice" if twice else "it is empty")
        raise ValueError(f"{file}:1: {why}; the first line names the columns, in UTF-8")
    return columns


def _csv_line(number: int, text: str, fault: str, columns: list[str]) -> Line:
    try:
        cells = next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        return Line(number, {}, text, fault or f"no CSV: {error}; a cell may not hold a line break")
    if len(cells) != len(columns):
        fault = fault or f"has {len(cells)} cells; the header has {len(columns)} columns"
    return Line(number, _filled(dict(zip(columns, cells, strict=False))), text, fault)


def _json_line(number: int, text: str, fault: str) -> Line:
    try:
        cells = read_json(text, Limits.depth)
    except ValueError as error:
        return Line(number, {}, text, fault or str(error))
    return row(number, cells, text, fault)


def row(number: int, cells: object, raw: str, fault: str = "") -> Line:
    """A row from a JSON value, which should be an object."""
    if not isinstance(cells, dict):
        return Line(number, {}, raw, fault or "must be an object of column and value")
    return Line(number, _filled(cells), raw, fault)


def _parquet(file: Path) -> Iterator[Block]:
    from pyarrow import ArrowException, BufferOutputStream, ipc, parquet

    first = 1
    with file.open("rb") as data:
        try:
            for batch in parquet.ParquetFile(data).iter_batches(BLOCK_ROWS):
                sink = BufferOutputStream()
                with ipc.new_stream(sink, batch.schema) as out:
                    out.write_batch(batch)
                yield Block(".parquet", first, sink.getvalue().to_pybytes())
                first += batch.num_rows
        except (ArrowException, OSError) as error:  # it says OSError of damaged pages
            raise ValueError(f"{file}: no Parquet: {error}") from error


def _parquet_lines(block: Block) -> Iterator[Line]:
    from pyarrow import ArrowException, ipc

    try:
        rows = ipc.open_stream(block.data).read_all().to_pylist()
    except ArrowException as error:
        raise ValueError(f"rows {block.first} and after: no Parquet: {error}") from error
    for number, cells in enumerate(rows, block.first):
        yield Line(number, {name: _plain(value) for name, value in _filled(cells).items()}, "")


def _plain(value: object) -> object:
    """Moments as epoch milliseconds, UTC where they name no zone."""
    if not isinstance(value, datetime):
        return value
    return round((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp() * 1000)


def _filled(cells: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in cells.items() if value not in (None, "")}
