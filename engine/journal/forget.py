"""Rows taken out of the rolled journal: each file that holds some is written again without them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.journal.rolled import ROWS, Rolled
from engine.journal.schema import KINDS

Theirs = Callable[[str, Any], Any]  # kind, table -> which rows go, a list of truths; None for none


def forget(rolled: Rolled, theirs: Theirs, columns: dict[str, list[str]]) -> int:
    """Take rows out of every file; what no manifest names goes whole. Returns how many rows went.

    Args:
        rolled: nobody rolls meanwhile.
        theirs: says which rows.
        columns: kind -> what must be read of it to say so; a kind that is not named is left alone.
    """
    known = {file for name in rolled.names() for file in rolled.files(name)}
    for kind in KINDS:
        for path in (rolled.directory / kind).glob("*/*"):
            if str(path.relative_to(rolled.directory)) not in known:  # a roll that was killed left it
                path.unlink()
    every = ((file, file.partition("/")[0]) for file in sorted(known))
    return sum(
        _without(rolled.directory / file, kind, theirs, columns[kind]) for file, kind in every if kind in columns
    )


def _without(path: Path, kind: str, theirs: Theirs, columns: list[str]) -> int:
    from pyarrow import compute, parquet

    going = theirs(kind, parquet.read_table(path, columns=columns, partitioning=None))
    if going is None or not (count := compute.sum(going).as_py()):
        return 0
    rest = parquet.read_table(path, partitioning=None).filter(compute.invert(going))
    aside = path.with_name(f"{path.name}.aside")
    parquet.write_table(rest, aside, compression="zstd", row_group_size=ROWS)
    file = os.open(aside, os.O_RDONLY)
    os.fsync(file)
    os.close(file)
    aside.replace(path)
    return int(count)
