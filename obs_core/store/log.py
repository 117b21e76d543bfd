"""Writing the log: open it in the newest schema, append rows, name sources and runs.

Everything here runs in the writer's own transaction; nothing here decides when to commit.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from obs_core.errors import NotALog, SchemaTooNew
from obs_core.model import Code, Row, Run
from obs_core.store import migrations as numbered
from obs_core.store import sqlite

COLUMNS: Final = Row._fields
_MARKS: Final = f"({', '.join('?' * len(COLUMNS))})"
_APPEND: Final = f"INSERT INTO data_trace ({', '.join(COLUMNS)}) VALUES {_MARKS} ON CONFLICT DO NOTHING"
_ROWS_PER_STATEMENT: Final = 32_766 // len(COLUMNS)


def open_(path: Path, *, synchronous: str = "NORMAL") -> sqlite.Connection:
    """Open the log at `path` for writing; make it, or bring it to the newest schema, if need be.

    Raises:
        NotALog: it is a database of something else, or a log that another program made (those are only read).
        SchemaTooNew: a newer version of this product made it.
        LogUnreadable: it can't be opened or written.
    """
    connection = sqlite.open_(path, write=True, create=True)
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
        raise sqlite.told(error, path) from error
    except BaseException:
        connection.close()
        raise
    return connection


def migrations() -> list[str]:
    """The schema's steps in order; a log's `PRAGMA user_version` says how many it has had."""
    return numbered.steps("obs_core.store")


def append(connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
    """Add `rows`; return how many were stored.

    A row whose key (trace_id, span_id) is already there changes nothing, unless what is there is a call without an
    end and the new one has its end: then it takes that one's place under a new id, and `superseded` keeps the old id.
    """
    before = connection.total_changes
    connection.executemany(_APPEND, rows)
    stored = connection.total_changes - before
    if stored < len(rows):
        stored += sum(_complete(connection, row) for row in rows if row.duration_ns is not None and row.span_id)
    return stored


def append_in_bulk(connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
    """Like `append`, in few statements: beside busy Python a thread waits for the interpreter once per statement."""
    stored = 0
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        chunk = rows[start : start + _ROWS_PER_STATEMENT]
        statement = _APPEND.replace(_MARKS, ", ".join([_MARKS] * len(chunk)))
        fresh = connection.execute(statement, [value for row in chunk for value in row]).rowcount
        if fresh < len(chunk):
            ended = (row for row in map(Row._make, chunk) if row.duration_ns is not None and row.span_id)
            fresh += sum(_complete(connection, row) for row in ended)
        stored += fresh
    return stored


def code_id(connection: sqlite3.Connection, code: Code) -> int:
    """The id of this source in the table code, which gets it if it is new."""
    columns = ("function", "source_hash", "file", "line", "revision")
    return _named(connection, "code", code._asdict(), columns)


def run_id(connection: sqlite3.Connection, run: Run) -> int:
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
    newest = connection.execute("SELECT max(id) FROM data_trace").fetchone()[0]
    connection.execute("INSERT INTO superseded (id) VALUES (?)", old)
    connection.execute("DELETE FROM data_trace WHERE id = ?", old)
    insert = f"INSERT INTO data_trace (id, {', '.join(COLUMNS)}) VALUES (?, {_MARKS[1:]}"
    connection.execute(insert, (newest + 1, *row))
    return 1


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the log to the newest schema in one transaction; another program may be doing the same."""
    with sqlite.transaction(connection):
        done = numbered.version(connection)
        tables = connection.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'table'").fetchone()[0]
        if done == 0 and tables:
            message = f"{path} was made by another program."
            raise NotALog(message, "It can be looked at, but rows go into a log of their own: name another file.")
        numbered.take(connection, migrations())
