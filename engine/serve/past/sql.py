"""`nba journal sql` and `export`: questions to the rolled journal; they can read it and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from engine.journal.rolled import Rolled
from engine.journal.schema import KINDS, VIEWS, schema

# Interaction history as pdstools reads it: one row for each thing that happened to an action of a decision.
HISTORY = """
select i.decision_id as "pxInteractionID", i.customer_id as "pySubjectID", i.channel as "pyChannel",
  coalesce(nullif(i.objective, ''), '-') as "pyIssue", coalesce(nullif(i."group", ''), '-') as "pyGroup",
  i.action_key as "pyName", r.message as "pyTreatment",
  case i.kind when 'exposure' then 'Impression' when 'click' then 'Clicked' when 'accept' then 'Accepted'
    when 'dismiss' then 'Rejected' else upper(i.kind[1]) || i.kind[2:] end as "pyOutcome",
  make_timestamp(i.at_ms * 1000) as "pxOutcomeTime", make_timestamp(r.at_ms * 1000) as "pxDecisionTime",
  r.propensity as "pyPropensity", r.model as "pyModelTechnique", r.rank as "pxRank", r.priority as "pxPriority"
from interactions i join rankings r
  on i.decision_id = r.decision_id and i.action_key = r.action_key and i.channel = r.channel
order by i.number
"""


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

    with _shut(journal) as connection:
        try:
            statements = connection.extract_statements(question)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise ValueError("ask one question: a single SELECT; the journal is never changed")
            answer = connection.execute(statements[0])
            return Found([column[0] for column in answer.description], answer.fetchall())
        except duckdb.Error as error:
            raise ValueError(str(error)) from error


def export_history(journal: Path, file: Path) -> int:
    """Write interaction history as Parquet in the layout that `pdstools.IH` reads; returns how many rows.

    Raises:
        OSError: when the file cannot be written.
    """
    from pyarrow import parquet

    with _shut(journal) as connection:
        table = connection.sql(HISTORY).to_arrow_table()
    parquet.write_table(table, file)
    return int(table.num_rows)


@contextmanager
def _shut(journal: Path) -> Iterator[Any]:
    """A connection with the views, which can open nothing but their files, and whose settings stand."""
    import duckdb

    rolled = Rolled(journal)
    files = {kind: [str(rolled.directory / file) for file in rolled.of_kind(kind)] for kind in KINDS}
    with duckdb.connect(config={"python_enable_replacements": False}) as connection:
        for kind in KINDS:
            _view(connection, kind, files[kind])
        for view, text in VIEWS.items():
            connection.execute(f"create view {view} as {text}")
        connection.execute(f"set allowed_paths = [{_listed([file for each in files.values() for file in each])}]")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        yield connection


def _listed(files: list[str]) -> str:
    return ", ".join("'" + file.replace("'", "''") + "'" for file in files)


def _view(connection: Any, kind: str, files: list[str]) -> None:
    """A view over the files that the manifests name; of the right columns where there are none yet."""
    connection.register(f"no_{kind}", schema(kind).empty_table())
    held = f"union all by name from read_parquet([{_listed(files)}], union_by_name=true)" if files else ""
    connection.execute(f"create view {kind} as from no_{kind} {held}")
