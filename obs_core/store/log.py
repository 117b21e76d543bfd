"""Writes the log: opens it in the newest schema, appends rows, registers source code and process runs.

The caller holds the transaction and decides when to commit.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from obs_core.errors import LogUnreadable, NotALog
from obs_core.model import Code, ProcessRun, Row
from obs_core.store import migrations, sqlite
from obs_core.store.outcome import Outcome

COLUMNS: Final = Row._fields
_MARKS: Final = f"({', '.join('?' * len(COLUMNS))})"
_APPEND: Final = f"INSERT INTO data_trace ({', '.join(COLUMNS)}) VALUES {_MARKS} ON CONFLICT DO NOTHING"
_ROWS_PER_STATEMENT: Final = 1024  # SQLite takes at most 32,766 values
_KIND, _STATUS, _EXCEPTION, _TRACE, _SPAN, _PARENT, _ATTRIBUTES = (
    COLUMNS.index(name)
    for name in ("kind", "status", "exception", "trace_id", "span_id", "parent_span_id", "attributes")
)  # rows may also be bare tuples
_SHARED: Final = '"shared": true'
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
    """Append `rows` as `store` does; return how many were stored, or completed rows that were there."""
    outcome = store(connection, rows)
    return outcome.stored + outcome.merged


def store(connection: sqlite3.Connection, rows: Sequence[Row]) -> Outcome:
    """Append `rows`; return how many were stored, merged and refused.

    A row with a known key (trace_id, span_id) is the same, and ignored; or it completes the row that is there, which
    is then replaced; or it is another span that shares the id, and gets an id of its own (`shared_ids`); or it differs,
    and is not stored. A row that replaces another gets a new id, and the table `superseded` records the old one. In
    the same way, a failed call without an exception gets that of its first log record, whichever comes first.

    Raises:
        LogUnreadable: a trigger of the log discarded rows.
    """
    outcome = Outcome(max(connection.executemany(_APPEND, rows).rowcount, 0))
    if outcome.stored < len(rows):
        last = int(connection.execute("SELECT last_insert_rowid()").fetchone()[0])
        _check_stored(connection, rows, (last - outcome.stored, last))
        _resolve(connection, rows, outcome)
    _remember_marked(connection, rows)
    _adjust(connection, rows)
    _add_exceptions(connection, rows)
    return outcome


def append_in_bulk(connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
    """Like `append`, with few statements, as `store_in_bulk` says."""
    outcome = store_in_bulk(connection, rows)
    return outcome.stored + outcome.merged


def store_in_bulk(connection: sqlite3.Connection, rows: Sequence[Row]) -> Outcome:
    """Like `store`, with few statements: next to busy Python threads, each statement waits for the interpreter once.

    Statements have 1024 rows, 512, 256 and so on. With one statement per batch length, each new length would be
    compiled again (a fifth of the insert's time) and cached, which took 220 MB after 100 batches.
    """
    outcome = Outcome()
    start = 0
    size = _ROWS_PER_STATEMENT
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        chunk = rows[start : start + size]
        start += size
        statement = _APPEND.replace(_MARKS, ", ".join([_MARKS] * size))
        cursor = connection.execute(statement, [value for row in chunk for value in row])
        inserted = cursor.rowcount
        outcome.stored += inserted
        if inserted < size:
            last = cursor.lastrowid or 0
            _check_stored(connection, chunk, (last - inserted, last))
            _resolve(connection, list(map(Row._make, chunk)), outcome)
    _adjust(connection, rows)
    _add_exceptions(connection, rows)
    return outcome


def record_refusals(connection: sqlite3.Connection, outcome: Outcome) -> None:
    """Append a log record for each row that was not stored because it differs: its sender has had its answer."""
    if outcome.differing:
        connection.executemany(_APPEND, [_refusal(row, why) for row, why in outcome.differing])


def _resolve(connection: sqlite3.Connection, rows: Sequence[Row], outcome: Outcome) -> None:
    from obs_core.store import shared_ids  # noqa: PLC0415 - few traced programs need it, and it takes 2 ms

    shared_ids.resolve(connection, rows, outcome)


def _remember_marked(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Record the spans that an importer marked as the server's half of a shared id."""
    if marked := [row for row in rows if row.attributes and _SHARED in row.attributes]:
        from obs_core.store import shared_ids  # noqa: PLC0415 - as above

        shared_ids.remember_marked(connection, marked)


def _adjust(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Put the rows of traces with shared ids below the spans they belong to."""
    if not any(row[_PARENT] or row[_ATTRIBUTES] for row in rows):  # neither what a span calls, nor a client
        return
    if connection.execute("SELECT 1 FROM shared_ids LIMIT 1").fetchone():
        from obs_core.store import shared_ids  # noqa: PLC0415 - as above

        shared_ids.adjust(connection, {row.trace_id for row in map(Row._make, rows)})


def _refusal(row: Row, why: str) -> Row:
    """The log record of a row that is not stored, next to the row that has its id."""
    from obs_core.store.hashed_ids import hashed_id  # noqa: PLC0415 - as above

    return Row(
        *("log", row.process, "obs_core.store", row.timestamp, row.process_group, "string", f"Not stored: {why}."),
        status="ERROR",
        trace_id=row.trace_id,
        span_id=hashed_id("refused", *row),
        parent_span_id=row.span_id,
    )


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


def _check_stored(connection: sqlite3.Connection, rows: Sequence[Row], ids: tuple[int, int]) -> None:
    """Check that the rows that were not stored are in the log already; `ids` are those of the stored ones (after, to).

    A trigger with RAISE(IGNORE) drops rows, and SQLite reports success.
    """
    without_key = sum(row[_SPAN] is None for row in rows)
    count = "SELECT count(*) FROM data_trace WHERE id > ? AND id <= ? AND span_id IS NULL"
    missing = without_key - int(connection.execute(count, ids).fetchone()[0])
    find = "SELECT 1 FROM data_trace WHERE trace_id IS ? AND span_id = ?"
    for row in rows:
        if row[_SPAN] is not None and not connection.execute(find, (row[_TRACE], row[_SPAN])).fetchone():
            missing += 1
    if missing:
        message = f"A trigger of the log discarded {missing:,} of {len(rows):,} rows."
        raise LogUnreadable(message, "Drop that trigger of data_trace. The rows wait until then.")


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
            from obs_core.store.shared_ids import replace  # noqa: PLC0415 - as above

            call = Row._make(failed[1:])
            replace(connection, failed[0], call._replace(exception=record[0], exception_stack=record[1]))
