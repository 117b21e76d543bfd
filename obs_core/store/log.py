"""Writes the log: opens it in the newest schema, appends rows, registers source code and process runs.

The caller holds the transaction and decides when to commit.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from obs_core.errors import NotALog
from obs_core.model import Code, ProcessRun, Row
from obs_core.store import migrations, sqlite

COLUMNS: Final = Row._fields
_MARKS: Final = f"({', '.join('?' * len(COLUMNS))})"
_APPEND: Final = f"INSERT INTO data_trace ({', '.join(COLUMNS)}) VALUES {_MARKS} ON CONFLICT DO NOTHING"
_ROWS_PER_STATEMENT: Final = 1024  # SQLite takes at most 32,766 values
_KIND, _STATUS, _EXCEPTION, _TRACE, _SPAN, _PARENT = (
    COLUMNS.index(name) for name in ("kind", "status", "exception", "trace_id", "span_id", "parent_span_id")
)  # rows may also be bare tuples
_FAILED_CALL: Final = f"""
    SELECT id, {", ".join(COLUMNS)} FROM data_trace
    WHERE trace_id = ? AND span_id = ? AND kind = 'call' AND status = 'ERROR' AND exception IS NULL"""
_EXCEPTION_LOG: Final = """
    SELECT exception, exception_stack FROM data_trace
    WHERE trace_id = ? AND parent_span_id = ? AND kind = 'log' AND exception IS NOT NULL
    ORDER BY timestamp, id LIMIT 1"""


def open_log(path: Path, *, synchronous: str = "NORMAL") -> sqlite.Connection:
    """Open the log at `path` for writing in the newest schema; create it if it does not exist.

    Raises:
        NotALog: it is another kind of database, or a log that another program made (those are read-only).
        SchemaTooNew: a newer version of this product made it.
        LogUnreadable: it can't be opened or written.
    """

    def check(connection: sqlite3.Connection) -> None:
        if connection.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'table'").fetchone()[0]:
            message = f"{path} was made by another program."
            raise NotALog(message, "It can be read but not written: choose another file for new rows.")

    return migrations.open_database(path, "obs_core.store", synchronous=synchronous, check=check)


def append(connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
    """Append `rows`; return how many were stored.

    A row is ignored if its key (trace_id, span_id) exists, with one exception: a call without an end is replaced by the
    same call with its end. The new row gets a new id, and the table `superseded` records the old one. In the same way,
    a failed call without an exception gets the exception of its first log record, whichever of the two comes first.
    """
    before = connection.total_changes
    connection.executemany(_APPEND, rows)
    stored = connection.total_changes - before
    if stored < len(rows):
        stored += sum(
            _replace_unfinished(connection, row) for row in rows if row.duration_ns is not None and row.span_id
        )
    _add_exceptions(connection, rows)
    return stored


def append_in_bulk(connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
    """Like `append`, with few statements: next to busy Python threads, each statement waits for the interpreter once.

    Statements have 1024 rows, 512, 256 and so on. With one statement per batch length, each new length would be
    compiled again (a fifth of the insert's time) and cached, which took 220 MB after 100 batches.
    """
    stored = start = 0
    size = _ROWS_PER_STATEMENT
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        chunk = rows[start : start + size]
        start += size
        statement = _APPEND.replace(_MARKS, ", ".join([_MARKS] * size))
        inserted = connection.execute(statement, [value for row in chunk for value in row]).rowcount
        if inserted < size:
            ended = (row for row in map(Row._make, chunk) if row.duration_ns is not None and row.span_id)
            inserted += sum(_replace_unfinished(connection, row) for row in ended)
        stored += inserted
    _add_exceptions(connection, rows)
    return stored


def code_id(connection: sqlite3.Connection, code: Code) -> int:
    """The id of this source code in the table `code`; it is added if it is new."""
    columns = ("function", "source_hash", "file", "line", "revision")
    return _registered(connection, "code", code._asdict(), columns)


def run_id(connection: sqlite3.Connection, run: ProcessRun) -> int:
    """The id of this process run in the table `run`; it is added if it is new."""
    return _registered(connection, "run", run._asdict(), ("process", "pid", "started", "host"))


def was_imported(connection: sqlite3.Connection, content_hash: str) -> bool:
    """Whether a file with this content has been imported."""
    rows = connection.execute("SELECT 1 FROM imported WHERE content_hash = ?", (content_hash,))
    return rows.fetchone() is not None


def mark_imported(connection: sqlite3.Connection, content_hash: str, file: str, rows: int, now_ns: int) -> None:
    """Record that a file with this content was imported at `now_ns` (nanoseconds since 1970 UTC)."""
    connection.execute("INSERT OR REPLACE INTO imported VALUES (?, ?, ?, ?)", (content_hash, file, rows, now_ns))


def _registered(connection: sqlite3.Connection, table: str, fields: dict[str, object], key: Iterable[str]) -> int:
    """The id of the row of `table` with the same `key` columns as `fields`; it is added if it is new."""
    marks = ", ".join("?" * len(fields))
    same = " AND ".join(f"{column} IS :{column}" for column in key)
    find = f"SELECT id FROM {table} WHERE {same}"
    row = connection.execute(find, fields).fetchone()
    if not row:
        insert = f"INSERT INTO {table} ({', '.join(fields)}) VALUES ({marks}) ON CONFLICT DO NOTHING"
        connection.execute(insert, list(fields.values()))
        row = connection.execute(find, fields).fetchone()
    return int(row[0])


def _replace_unfinished(connection: sqlite3.Connection, row: Row) -> int:
    """Replace the copy of `row` that has no end by `row`; return the number of rows replaced (0 or 1)."""
    find = "SELECT id FROM data_trace WHERE trace_id = ? AND span_id = ? AND kind = 'call' AND duration_ns IS NULL"
    old = connection.execute(find, (row.trace_id, row.span_id)).fetchone()
    if not old:
        return 0
    _replace(connection, old, row)
    return 1


def _add_exceptions(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Copy exceptions from log records to the failed calls they belong to, if either is among `rows`.

    OpenTelemetry's SDKs now write exceptions as log records; exception events of spans are deprecated there.
    """
    keys = {
        (row[_TRACE], row[_SPAN]) if row[_KIND] == "call" else (row[_TRACE], row[_PARENT])
        for row in rows
        if (row[_STATUS] == "ERROR" and row[_KIND] == "call" and not row[_EXCEPTION])
        or (row[_KIND] == "log" and row[_EXCEPTION])
    }
    for key in keys:
        failed = connection.execute(_FAILED_CALL, key).fetchone() if all(key) else None
        record = connection.execute(_EXCEPTION_LOG, key).fetchone() if failed else None
        if failed and record:
            call = Row._make(failed[1:])
            _replace(connection, failed[:1], call._replace(exception=record[0], exception_stack=record[1]))


def _replace(connection: sqlite3.Connection, old: tuple[int], row: Row) -> None:
    """Replace the row with the id `old` by `row`, under a new id."""
    newest = connection.execute("SELECT max(id) FROM data_trace").fetchone()[0]
    connection.execute("INSERT INTO superseded (id) VALUES (?)", old)
    connection.execute("DELETE FROM data_trace WHERE id = ?", old)
    insert = f"INSERT INTO data_trace (id, {', '.join(COLUMNS)}) VALUES (?, {_MARKS[1:]}"
    connection.execute(insert, (newest + 1, *row))
