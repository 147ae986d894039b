"""Rows of CSV, JSON Lines and Parquet files, one at a time; a line that cannot be read is a row with its fault."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

LINE_BYTES = 1 << 20


@dataclass(frozen=True)
class Line:
    """One row.

    Args:
        number: of the line in the file, from 1; of the row in a Parquet file.
        cells: column -> value; what is empty is left out.
        raw: the line as it stands, to be kept aside.
        fault: why it cannot be read; empty when it can.
    """

    number: int
    cells: dict[str, object]
    raw: str
    fault: str = ""


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
        fault = "the line is longer than 1 MiB" if len(data) > LINE_BYTES else ""
        line = data[:LINE_BYTES].removesuffix(b"\n").removesuffix(b"\r")
        try:
            yield number, line.decode(), fault
        except UnicodeDecodeError as error:
            yield number, line.decode(errors="backslashreplace"), fault or f"no UTF-8 at byte {error.start + 1}"


def _csv(file: Path) -> Iterator[Line]:
    with file.open("rb") as source:
        lines = _texts(source)
        columns = next(csv.reader([text.removeprefix("\ufeff") for _, text, _ in [next(lines, (0, "", ""))]]), [])
        for number, text, fault in lines:
            if text:
                yield _csv_line(number, text, fault, columns)


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
        cells = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Line(number, {}, text, fault or f"no JSON: {error}")
    if not isinstance(cells, dict):
        return Line(number, {}, text, fault or "must be an object of column and value")
    return Line(number, _filled(cells), text, fault)


def _parquet(file: Path) -> Iterator[Line]:
    from pyarrow import ArrowInvalid, parquet

    try:
        source = parquet.ParquetFile(file)
    except ArrowInvalid as error:
        raise ValueError(f"{file}: no Parquet: {error}") from error
    number = 0
    for batch in source.iter_batches():
        for cells in batch.to_pylist():
            number += 1
            yield Line(number, _filled(cells), "")


def _filled(cells: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in cells.items() if value not in (None, "")}
