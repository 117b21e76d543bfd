"""The tables of a lake. A column that a later version adds is added to the tables that exist."""

from typing import Final, NamedTuple

from obs_core.model import Code, ProcessRun
from obs_core.store.foreign import COLUMNS, INTEGER_COLUMNS

SHIFT: Final = 40
"""An id in the lake is `writer << SHIFT | id`: the number of the log that it comes from, and its id there."""
CODE_INTEGERS: Final = frozenset({"id", "line", "first_seen"})
RUN_INTEGERS: Final = frozenset({"id", "pid", "started"})
CODE_COLUMNS: Final = ("id", *Code._fields)
RUN_COLUMNS: Final = ("id", *ProcessRun._fields)
REFERENCES: Final = frozenset({"id", "code_id", "run_id"})
"""Columns that have an id of the lake."""


class Table(NamedTuple):
    """A table: its columns with their types, by what its files are divided, and whether its rows are Parquet files."""

    name: str
    columns: dict[str, str]
    partitions: tuple[str, ...] = ()
    in_files: bool = True


def _columns(names: tuple[str, ...], integers: frozenset[str]) -> dict[str, str]:
    return {name: "BIGINT" if name in integers else "VARCHAR" for name in names}


ROWS: Final = Table(
    "rows", {"writer": "INTEGER", "day": "INTEGER", **_columns(COLUMNS, INTEGER_COLUMNS)}, ("writer", "day")
)
"""The rows of all logs; `day` is the number of days since 1970 (UTC)."""
CODE: Final = Table("code", {"writer": "INTEGER", **_columns(CODE_COLUMNS, CODE_INTEGERS)})
RUN: Final = Table("run", {"writer": "INTEGER", **_columns(RUN_COLUMNS, RUN_INTEGERS)})
TRACE_INDEX: Final = Table(
    "trace_index",
    {"trace_id": "VARCHAR", "day": "INTEGER", "writer": "INTEGER", "first_ns": "BIGINT", "last_ns": "BIGINT",
     "rows": "BIGINT"},
    ("day", "bucket(16, trace_id)"),
)  # fmt: skip
"""The days and times of a trace, by writer; of the rows up to the writer's `indexed.until_id`."""
WRITER: Final = Table(
    "writer",
    {"writer": "INTEGER", "key": "VARCHAR", "host": "VARCHAR", "log": "VARCHAR", "created_ns": "BIGINT"},
    in_files=False,
)
"""The logs that write to the lake."""
INDEXED: Final = Table("indexed", {"writer": "INTEGER", "until_id": "BIGINT"}, in_files=False)
"""How far the trace index is, by writer; ids of the lake."""
TABLES: Final = (ROWS, CODE, RUN, TRACE_INDEX, WRITER, INDEXED)

MARK_COLUMNS: Final = {
    "until_id": "BIGINT", "anchor": "VARCHAR", "code_id": "BIGINT", "run_id": "BIGINT", "superseded": "VARCHAR",
    "newest_id": "BIGINT", "time_ns": "BIGINT", "complete_ns": "BIGINT",
}  # fmt: skip
"""The columns of the tables `mark_N`, one for each writer N, with one row each; see `sealing.Mark`."""
CATALOG: Final = """
    CREATE TABLE IF NOT EXISTS obs_writer (number serial PRIMARY KEY, key text NOT NULL UNIQUE);
    CREATE TABLE IF NOT EXISTS obs_writing (
        id text PRIMARY KEY, writer integer NOT NULL, started_ns bigint NOT NULL, step_ns bigint NOT NULL
    )
"""
"""PostgreSQL's tables next to the catalogue: the numbers of logs by their key, and the processes that write files.

The entry of a process that was killed stays: `writing`.
"""
