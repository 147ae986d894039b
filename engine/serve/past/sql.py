"""`nba journal sql`: questions to the rolled journal; they can read it and nothing else."""

from pathlib import Path
from typing import Any, NamedTuple

from engine.journal.rolled import Rolled
from engine.journal.schema import KINDS, VIEWS, schema


class Found(NamedTuple):
    """The answer to a question."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


def ask(journal: Path, question: str) -> Found:
    """Answer one question in SQL, about a view of every kind.

    Args:
        journal: the journal's directory.
        question: a single SELECT.

    Raises:
        ValueError: with DuckDB's words, or when it is no SELECT.
    """
    import duckdb

    rolled = Rolled(journal)
    files = {kind: [str(rolled.directory / file) for file in rolled.of_kind(kind)] for kind in KINDS}
    with duckdb.connect(config={"python_enable_replacements": False}) as connection:
        for kind in KINDS:
            _view(connection, kind, files[kind])
        for view, text in VIEWS.items():
            connection.execute(f"create view {view} as {text}")
        _shut(connection, [file for each in files.values() for file in each])
        try:
            statements = connection.extract_statements(question)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise ValueError("ask one question: a single SELECT; the journal is never changed")
            answer = connection.execute(statements[0])
            return Found([column[0] for column in answer.description], answer.fetchall())
        except duckdb.Error as error:
            raise ValueError(str(error)) from error


def _shut(connection: Any, files: list[str]) -> None:
    """From now on nothing but these files can be opened, and no setting changed."""
    connection.execute(f"set allowed_paths = [{_listed(files)}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _listed(files: list[str]) -> str:
    return ", ".join("'" + file.replace("'", "''") + "'" for file in files)


def _view(connection: Any, kind: str, files: list[str]) -> None:
    """A view over the files that the manifests name; of the right columns where there are none yet."""
    connection.register(f"no_{kind}", schema(kind).empty_table())
    held = f"union all by name from read_parquet([{_listed(files)}], union_by_name=true)" if files else ""
    connection.execute(f"create view {kind} as from no_{kind} {held}")
