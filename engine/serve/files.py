"""Rows of CSV, JSON Lines and Parquet files, one at a time; a line that cannot be read is a row with its fault."""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from engine.customer.jsontext import read_json
from engine.serve.limits import Limits

LINE_BYTES = 8 << 20  # a dead letter of 1 MiB, each character of it escaped as six


@dataclass(frozen=True)
class Line:
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


def read_lines(file: Path) -> Iterator[Line]:
    """Every row of a file, by its ending.

    Raises:
        ValueError: for other endings, and for files that are none of theirs.
        OSError: when it cannot be read.
    """
    readers: dict[str, Callable[[Path], Iterator[Line]]] = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
    if file.suffix not in readers:
        raise ValueError(f"{file}: write .csv, .jsonl or .parquet; '{file.suffix}' is not read")
    return readers[file.suffix](file)


def _texts(source: BinaryIO) -> Iterator[tuple[int, str, str]]:
    """Number, text and fault of each line; bytes that are no UTF-8 are kept as escapes."""
    for number, data in enumerate(source, 1):
        fault = f"the line is longer than {LINE_BYTES:,} bytes" if len(data) > LINE_BYTES else ""
        line = data[:LINE_BYTES].removesuffix(b"\n").removesuffix(b"\r")
        try:
            yield number, line.decode(), fault
        except UnicodeDecodeError as error:
            yield number, line.decode(errors="backslashreplace"), fault or f"no UTF-8 at byte {error.start + 1}"


def _csv(file: Path) -> Iterator[Line]:
    with file.open("rb") as source:
        lines = _texts(source)
        columns = _header(file, *next(lines, (1, "", ""))[1:])
        for number, text, fault in lines:
            if text:
                yield _csv_line(number, text, fault, columns)


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


def _jsonl(file: Path) -> Iterator[Line]:
    with file.open("rb") as source:
        for number, text, fault in _texts(source):
            if text.strip():
                yield _json_line(number, text, fault)


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


def _parquet(file: Path) -> Iterator[Line]:
    from pyarrow import ArrowException, parquet

    with file.open("rb") as data:
        try:
            rows = (cells for batch in parquet.ParquetFile(data).iter_batches() for cells in batch.to_pylist())
            for number, cells in enumerate(rows, 1):
                yield Line(number, {name: _plain(value) for name, value in _filled(cells).items()}, "")
        except (ArrowException, OSError) as error:  # it says OSError of damaged pages
            raise ValueError(f"{file}: no Parquet: {error}") from error


def _plain(value: object) -> object:
    """Moments as epoch milliseconds, UTC where they name no zone."""
    if not isinstance(value, datetime):
        return value
    return round((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp() * 1000)


def _filled(cells: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in cells.items() if value not in (None, "")}
