"""Reads the rows of one signal after an id, in batches, in short read-only transactions.

A batch is limited by rows and by the bytes of their texts. If it has a cell of more than 1 MiB, its rows are read one
by one, and long cells are cut as the watcher cuts them.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from obs_core.errors import LogMissing
from obs_core.export import otlp
from obs_core.forward.positions import Position
from obs_core.model import Row
from obs_core.store import foreign, long_cells, sqlite, tail
from obs_core.store.hashed_ids import hashed_id

BATCH_ROWS: Final = 512
"""As many as the exporters of OpenTelemetry's SDKs send at once."""
BATCH_BYTES: Final = 2 << 20
"""Of the texts of a batch; the Collector accepts 20 MiB in a request, some services 4."""
_LARGEST_CELL: Final = 1 << 20
_SPAN: Final = 200_000  # ids that one statement looks at, which takes some 50 ms if none of them matches
_COLUMNS: Final = ("id", *Row._fields)
_TEXTS: Final = tuple(
    number for number, name in enumerate(_COLUMNS) if name not in foreign.INTEGER_COLUMNS and name != "kind"
)
_IS_SPAN: Final = "kind = 'call' AND coalesce(trace_id, '') <> '' AND coalesce(span_id, '') <> ''"
_WHERE: Final = {"traces": _IS_SPAN, "logs": f"NOT ({_IS_SPAN})"}


class Batch(NamedTuple):
    """Rows of one signal by id, the id up to which the log was read, and how many rows could not be read."""

    rows: list[tuple[int, Row]]
    up_to_id: int
    unreadable: int = 0


class Reader:
    """The log, opened for one signal; it is opened again when the file is another one. Call `close` when done."""

    def __init__(self, log: Path, signal: str, on_progress: Callable[[], None]) -> None:
        """Open the log at the first read; `on_progress` is called while statements run."""
        self._log, self._signal, self._on_progress = log, signal, on_progress
        self._connection: sqlite.Connection | None = None
        self._inode = 0
        self._shape = foreign.NATIVE

    def close(self) -> None:
        """Close the log."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def newest_id(self) -> int:
        """The highest id of the log; it is opened if necessary.

        Raises:
            LogMissing: there is no file.
            ObsError: it can't be used.
            sqlite3.Error: it can't be read now.
        """
        return tail.newest_id(self._opened(), self._shape)

    def lowest_id(self) -> int:
        """The lowest id of the log; 0 if it is empty."""
        statement = f"SELECT coalesce(min(id), 0) FROM {self._shape.rows}"
        return int(self._opened().execute(statement).fetchone()[0])

    def time_of(self, row_id: int) -> int | None:
        """The timestamp of a row; None if there is no such row."""
        row = self._opened().execute(f"SELECT timestamp FROM {self._shape.rows} WHERE id = ?", (row_id,)).fetchone()
        return None if row is None or row[0] is None else int(row[0])

    def continues(self, position: Position) -> bool:
        """Whether this is the log that `position` is about, and not another one of the same name."""
        if position.up_to_id == 0:
            return True
        if position.up_to_id > self.newest_id():
            return False
        time_ns = self.time_of(position.up_to_id)
        if time_ns is not None or position.at_ns is None:
            return position.at_ns in (None, time_ns)
        return self.lowest_id() > position.up_to_id or self._superseded(position.up_to_id - 1, position.up_to_id) > 0

    def deleted(self, after_id: int) -> int:
        """How many rows after `after_id` left the log, as far as the rest begins later."""
        lowest = self.lowest_id()
        if not self._shape.native or lowest <= after_id + 1:
            return 0
        return lowest - 1 - after_id - self._superseded(after_id, lowest - 1)

    def batch(self, after_id: int) -> Batch:
        """The next rows after `after_id`; none if there are none up to the newest row.

        Raises:
            ObsError: the log can't be used.
            sqlite3.Error: it can't be read now.
        """
        connection, unreadable = self._opened(), 0
        newest = tail.newest_id(connection, self._shape)
        while after_id < newest:
            self._on_progress()
            end_id = min(newest, after_id + _SPAN)
            batch = self._rows(connection, after_id, end_id)
            unreadable += batch.unreadable
            if batch.rows:
                return batch._replace(unreadable=unreadable)
            after_id = batch.up_to_id
            if after_id < newest:
                statement = f"SELECT min(id) FROM {self._shape.rows} WHERE id > ?"
                next_id = connection.execute(statement, (after_id,)).fetchone()[0]
                after_id = newest if next_id is None else int(next_id) - 1
        return Batch([], after_id, unreadable)

    def _rows(self, connection: sqlite.Connection, after_id: int, end_id: int) -> Batch:
        where = f"id > ? AND id <= ? AND ({_WHERE[self._signal] if self._shape.native else 1}) ORDER BY id"
        bound = (after_id, end_id)
        before = connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_CELL)
        try:
            statement = f"SELECT {', '.join(_COLUMNS)} FROM {self._shape.rows} WHERE {where} LIMIT {BATCH_ROWS + 1}"
            cursor = connection.execute(statement, bound)
            try:
                return self._limited(cursor, end_id)
            finally:
                cursor.close()
        except (sqlite3.Error, MemoryError) as error:
            if isinstance(error, sqlite3.Error) and sqlite.is_about_file(error):
                raise
        finally:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, before)
        statement = f"SELECT id FROM {self._shape.rows} WHERE {where} LIMIT {BATCH_ROWS + 1}"
        ids = [int(row_id) for (row_id,) in connection.execute(statement, bound).fetchall()]
        missing: list[int] = []
        batch = self._limited(self._one_by_one(connection, ids, missing), end_id)
        return batch._replace(unreadable=sum(row_id <= batch.up_to_id for row_id in missing))

    def _one_by_one(
        self, connection: sqlite.Connection, ids: Iterable[int], missing: list[int]
    ) -> Iterator[tuple[Any, ...]]:
        for row_id in ids:
            self._on_progress()
            try:
                yield from long_cells.select(connection, _COLUMNS, self._shape.rows, "id = ?", (row_id,))
            except (sqlite3.Error, MemoryError) as error:
                if isinstance(error, sqlite3.Error) and sqlite.is_about_file(error):
                    raise
                missing.append(row_id)

    def _limited(self, rows_read: Iterable[tuple[Any, ...]], end_id: int) -> Batch:
        """The rows of this signal, until there are enough; then the batch ends with the last of them."""
        rows: list[tuple[int, Row]] = []
        size = last_id = 0
        for number, cells in enumerate(rows_read):
            size += sum(len(cells[text] or "") for text in _TEXTS)
            if number and (size > BATCH_BYTES or number >= BATCH_ROWS):
                return Batch(rows, last_id)
            last_id = int(cells[0])
            row = Row._make(cells[1:])
            if not self._shape.native:
                row = foreign.completed(row)
            if otlp.is_span(row) is (self._signal == "traces") and not self._is_open(row):
                rows.append((last_id, row))
        return Batch(rows, end_id)

    def _is_open(self, row: Row) -> bool:
        """Whether a row is a span that has not ended: the log has it again, under a new id, when it ends."""
        return self._signal == "traces" and self._shape.native and row.duration_ns is None

    def _superseded(self, after_id: int, up_to_id: int) -> int:
        if not self._shape.native:
            return 0
        statement = "SELECT count(*) FROM superseded WHERE id > ? AND id <= ?"
        return int(self._opened().execute(statement, (after_id, up_to_id)).fetchone()[0])

    def _opened(self) -> sqlite.Connection:
        """The open log."""
        try:
            inode = self._log.stat().st_ino
        except OSError as error:
            self.close()
            raise LogMissing(f"No trace log at {self._log}.", "It is forwarded as soon as there is one.") from error
        if self._connection is not None and inode == self._inode:
            return self._connection
        self.close()
        connection = sqlite.connect(self._log)
        try:
            connection.set_progress_handler(self._progress, 100_000)
            self._shape = foreign.shape(connection, self._log)
        except BaseException:
            connection.close()
            raise
        self._connection, self._inode = connection, inode
        return connection

    def _progress(self) -> None:
        with suppress(Exception):
            self._on_progress()


def with_id(row_id: int, row: Row) -> Row:
    """The row with an id of its own, so that a receiver recognises it if it is sent twice."""
    return row if row.span_id else row._replace(span_id=hashed_id("forward", row_id, *row))
