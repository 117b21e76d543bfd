"""Writing the log: open it in the newest schema, append rows, name sources and runs.

Everything here runs in the writer's own transaction; nothing here decides when to commit.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from obs_core.errors import NotALog, SchemaTooNew
from obs_core.model import Code, ProcessRun, Row
from obs_core.store import migrations as numbered
from obs_core.store import sqlite

COLUMNS: Final = Row._fields
_MARKS: Final = f"({', '.join('?' * len(COLUMNS))})"
_APPEND: Final = f"INSERT INTO data_trace ({', '.join(COLUMNS)}) VALUES {_MARKS} ON CONFLICT DO NOTHING"
_ROWS_PER_STATEMENT: Final = 1024  # SQLite takes 32,766 values
_KIND, _STATUS, _EXCEPTION, _TRACE, _SPAN, _PARENT = (
    COLUMNS.index(name) for name in ("kind", "status", "exception", "trace_id", "span_id", "parent_span_id")
)  # rows come as bare tuples too
_UNEXPLAINED: Final = f"""
    SELECT id, {", ".join(COLUMNS)} FROM data_trace
    WHERE trace_id = ? AND span_id = ? AND kind = 'call' AND status = 'ERROR' AND exception IS NULL"""
_MARK_EXPLAINED: Final = """
    SELECT exception, exception_stack FROM data_trace
    WHERE trace_id = ? AND parent_span_id = ? AND kind = 'log' AND exception IS NOT NULL
    ORDER BY timestamp, id LIMIT 1"""


def open_log(path: Path, *, synchronous: str = "NORMAL") -> sqlite.Connection:
    """Open the log at `path` for writing; make it, or bring it to the newest schema, if need be.

    Raises:
        NotALog: it is a database of something else, or a log that another program made (those are only read).
        SchemaTooNew: a newer version of this product made it.
        LogUnreadable: it can't be opened or written.
    """
    connection = sqlite.connect(path, write=True, create=True)
    try:
        connection.execute(f"PRAGMA busy_timeout = {sqlite.BUSY_TIMEOUT_MS}")
        if numbered.version(connection) < len(migrations()):
            _migrate(connection, path)
        elif numbered.version(connection) > len(migrations()):
            message = f"{path} was written by a newer version of this program."
            raise SchemaTooNew(message, "Update this program, or name another log.")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
    except sqlite.Error as error:
        connection.close()
        raise sqlite.translate_error(error, path) from error
    except BaseException:
        connection.close()
        raise
    return connection


def migrations() -> list[str]:
    """The schema's steps in order; a log's `PRAGMA user_version` says how many it has had."""
    return numbered.load_migrations("obs_core.store")


def append(connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
    """Add `rows`; return how many were stored.

    A row whose key (trace_id, span_id) is already there changes nothing, unless what is there is a call without an
    end and the new one has its end: then it takes that one's place under a new id, and `superseded` keeps the old id.
    So does a failed call without an exception once a log record of its tells one, whichever comes first.
    """
    before = connection.total_changes
    connection.executemany(_APPEND, rows)
    stored = connection.total_changes - before
    if stored < len(rows):
        stored += sum(_complete(connection, row) for row in rows if row.duration_ns is not None and row.span_id)
    _explain(connection, rows)
    return stored


def append_in_bulk(connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
    """Like `append`, in few statements: beside busy Python a thread waits for the interpreter once per statement.

    They have 1024 rows, 512, 256 and so on: a statement of every length that comes would be compiled anew each time
    (a fifth of the insert) and kept, which took 220 MB after 100 batches.
    """
    stored = start = 0
    size = _ROWS_PER_STATEMENT
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        chunk = rows[start : start + size]
        start += size
        statement = _APPEND.replace(_MARKS, ", ".join([_MARKS] * size))
        fresh = connection.execute(statement, [value for row in chunk for value in row]).rowcount
        if fresh < size:
            ended = (row for row in map(Row._make, chunk) if row.duration_ns is not None and row.span_id)
            fresh += sum(_complete(connection, row) for row in ended)
        stored += fresh
    _explain(connection, rows)
    return stored


def code_id(connection: sqlite3.Connection, code: Code) -> int:
    """The id of this source in the table code, which gets it if it is new."""
    columns = ("function", "source_hash", "file", "line", "revision")
    return _named(connection, "code", code._asdict(), columns)


def run_id(connection: sqlite3.Connection, run: ProcessRun) -> int:
    """The id of this process in the table run, which gets it if it is new."""
    return _named(connection, "run", run._asdict(), ("process", "pid", "started", "host"))


def was_imported(connection: sqlite3.Connection, content_hash: str) -> bool:
    """Whether a file with this content has been imported."""
    found = connection.execute("SELECT 1 FROM imported WHERE content_hash = ?", (content_hash,))
    return found.fetchone() is not None


def mark_imported(connection: sqlite3.Connection, content_hash: str, file: str, rows: int, moment: int) -> None:
    """Remember that a file with this content has been imported, at `moment` (nanoseconds since 1970 UTC)."""
    connection.execute("INSERT OR REPLACE INTO imported VALUES (?, ?, ?, ?)", (content_hash, file, rows, moment))


def _named(connection: sqlite3.Connection, table: str, facts: dict[str, object], key: Iterable[str]) -> int:
    marks = ", ".join("?" * len(facts))
    same = " AND ".join(f"{column} IS :{column}" for column in key)
    find = f"SELECT id FROM {table} WHERE {same}"
    found = connection.execute(find, facts).fetchone()
    if not found:
        insert = f"INSERT INTO {table} ({', '.join(facts)}) VALUES ({marks}) ON CONFLICT DO NOTHING"
        connection.execute(insert, list(facts.values()))
        found = connection.execute(find, facts).fetchone()
    return int(found[0])


def _complete(connection: sqlite3.Connection, row: Row) -> int:
    """Put `row` in the place of the copy of it that has no end; return 1 if there was one."""
    find = "SELECT id FROM data_trace WHERE trace_id = ? AND span_id = ? AND kind = 'call' AND duration_ns IS NULL"
    old = connection.execute(find, (row.trace_id, row.span_id)).fetchone()
    if not old:
        return 0
    _replace(connection, old, row)
    return 1


def _explain(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Give failed calls among `rows`, or of log records among them, the exception that the first such record tells.

    OpenTelemetry's SDKs write exceptions as log records now; exception events of spans are deprecated there.
    """
    keys = {
        (row[_TRACE], row[_SPAN]) if row[_KIND] == "call" else (row[_TRACE], row[_PARENT])
        for row in rows
        if (row[_STATUS] == "ERROR" and row[_KIND] == "call" and not row[_EXCEPTION])
        or (row[_KIND] == "log" and row[_EXCEPTION])
    }
    for key in keys:
        found = connection.execute(_UNEXPLAINED, key).fetchone() if all(key) else None
        told = connection.execute(_MARK_EXPLAINED, key).fetchone() if found else None
        if found and told:
            call = Row._make(found[1:])
            _replace(connection, found[:1], call._replace(exception=told[0], exception_stack=told[1]))


def _replace(connection: sqlite3.Connection, old: tuple[int], row: Row) -> None:
    """Put `row` in the place of the row `old`, under a new id."""
    newest = connection.execute("SELECT max(id) FROM data_trace").fetchone()[0]
    connection.execute("INSERT INTO superseded (id) VALUES (?)", old)
    connection.execute("DELETE FROM data_trace WHERE id = ?", old)
    insert = f"INSERT INTO data_trace (id, {', '.join(COLUMNS)}) VALUES (?, {_MARKS[1:]}"
    connection.execute(insert, (newest + 1, *row))


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the log to the newest schema in one transaction; another program may be doing the same."""
    with sqlite.transaction(connection):
        done = numbered.version(connection)
        tables = connection.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'table'").fetchone()[0]
        if done == 0 and tables:
            message = f"{path} was made by another program."
            raise NotALog(message, "It can be looked at, but rows go into a log of their own: name another file.")
        numbered.apply_migrations(connection, migrations())
