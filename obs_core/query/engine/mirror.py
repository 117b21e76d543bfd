"""A worker's in-memory copy of a log of ours: the columns that queries count, group and measure.

Other access paths cost the length of the log, or twice the window. The same rows in DuckDB's own compressed form take
13 bytes each and a twentieth of the time. The log is append-only, so catching up means reading new rows by their id.
Removed rows are detected: `superseded` names replaced rows, the lowest id rises when old rows are deleted, the newest
row read must still exist, and while the worker is idle all rows are counted. If something differs, the mirror is
rebuilt.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from obs_core.query.engine import long_cells, search_text

IDS: Final = ("trace_id", "span_id", "parent_span_id")
"""Columns that are stored as hashes: they can be counted and compared with one another."""

SCHEMA: Final = "mirror"
TABLE: Final = f"{SCHEMA}.data_trace"
AT_ONCE: Final = 200_000  # rows read while a question waits: some 300 ms, once
STEP: Final = 50_000  # rows read at a time while idle: some 100 ms
BUDGET: Final = 192 << 20  # bytes; a log that needs more is read without a mirror
COUNTED_EVERY_S: Final = 60.0  # counting takes 3 ms at 100,000 rows: smaller logs are counted after each page
_NUMBERS: Final = ("id", "timestamp", "duration_ns", "memory_delta", "code_id")
_TEXTS: Final = ("kind", "status", "process", "process_group", "function", "data", *search_text.COLUMNS)
_OF_VALUES: Final = ("data_type", "data_value", "attributes")
# Attributes say how a value is compared that its text does not show in full; no query reads other attributes here.
_SELECTED: Final = {
    **{column: long_cells.analysed(column) for column in ("process", "process_group", "function", "data")},
    **{column: f"CASE WHEN kind = 'value' THEN {long_cells.analysed(column)} END" for column in _OF_VALUES},
    "attributes": (
        f"CASE WHEN kind = 'value' AND instr(attributes, '\"obs.value.') THEN {long_cells.analysed('attributes')} END"
    ),
    **{column: search_text.folded(column) for column in search_text.COLUMNS},
}
_ANCHOR: Final = "SELECT timestamp || '/' || coalesce(span_id, '') || '/' || data FROM data_trace WHERE id = ?"
_STATE: Final = f"""
    SELECT (SELECT min(id) FROM data_trace), (SELECT max(id) FROM data_trace), (SELECT count(*) FROM superseded),
        ({_ANCHOR}), (SELECT count(*) FROM superseded WHERE id = ?)
"""


def hashed(column: str) -> str:
    """SQL for the hash of an id. Of 10 million ids two share one in every 370,000th log; two are compared at a time."""
    return f'CASE WHEN "{column}" IS NOT NULL THEN hash("{column}"::VARCHAR) END'


def holds(relation: str, columns: Sequence[str]) -> bool:
    """Whether the mirror has these columns of `relation` (rows_, calls, values or logs)."""
    return set(columns) <= {*_NUMBERS, *_TEXTS, *IDS, *(_OF_VALUES if relation == "values" else ())}


class Connection(Protocol):
    """The part of a DuckDB connection that the mirror uses."""

    def execute(self, query: str, parameters: object = None) -> Any:  # noqa: ANN401 - DuckDB's own cursor
        """Run a statement."""


class Mirror:
    """A copy of one log, attached as `log` to `connection`."""

    def __init__(self, connection: Connection) -> None:
        """An empty mirror."""
        self._connection = connection
        self._disabled = self._is_used = False
        self._newest = self._lowest = self._superseded = self._uncompressed = self._after_id = 0
        self._anchor: object = None  # identifies the newest row
        self._counted = 0.0
        self._version: Sequence[int] | None = None  # of the log that was read to its end
        self._clear()

    def follow(self, version: Sequence[int], after_id: int = 0) -> bool:
        """Read the new rows if they are few; whether the mirror then has all rows of the log after `after_id`.

        `version` are numbers that change whenever the log does: for the same ones the log is not read again.
        """
        if self._disabled:
            return False
        if after_id < self._after_id:
            self._clear()
        self._after_id = after_id
        if version == self._version:
            return True
        self._is_used = True
        self._version = None
        if self._in_transaction(self._read, 0, AT_ONCE):
            self._version = version
        return self._version is not None

    def idle(self) -> bool:
        """Read and check a part while no question waits; whether there is more to do immediately."""
        if self._disabled or not self._is_used:
            return False
        if not self._in_transaction(self._read, STEP, STEP):
            self._compress()
            return not self._disabled
        self._compress()
        due = self._newest <= AT_ONCE or time.monotonic() - self._counted > COUNTED_EVERY_S
        if due and not self._disabled:
            if not self._in_transaction(self._has_every_row):
                self._clear()
            self._counted = time.monotonic()
        return False

    def close(self) -> None:
        """Free the memory."""
        self._connection.execute(f"DETACH DATABASE IF EXISTS {SCHEMA}")
        self._disabled = True

    def disable(self) -> None:
        """Stop mirroring this log."""
        self.close()

    def _in_transaction(self, step: Callable[..., bool], *arguments: int) -> bool:
        """Run `step` in a transaction, so that it reads one state of the log."""
        self._connection.execute("BEGIN TRANSACTION")
        try:
            done = step(*arguments)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return done

    def _read(self, part: int, limit: int) -> bool:
        """Read the new rows; whether the mirror is now complete.

        If more than `limit` rows are new, only the first `part` of them are read.
        """
        lowest, newest, superseded, anchor, replaced = self._rows(_STATE, self._newest, self._newest)[0]
        lowest, newest, superseded = int(lowest or 0), int(newest or 0), int(superseded or 0)
        lowest = max(lowest, self._after_id + 1) if self._after_id else lowest
        moved = anchor != self._anchor and not int(replaced)
        if self._newest and (newest < self._newest or moved):
            self._empty()
        start = max(self._newest, lowest - 1)
        up_to_id = newest if newest - start <= limit else start + part
        self._append(start, up_to_id)
        if superseded != self._superseded:
            gone = "SELECT id::BIGINT FROM sqlite_query('log', 'SELECT id FROM superseded')"
            self._connection.execute(f"DELETE FROM {TABLE} WHERE id IN ({gone})")
            self._superseded = superseded
        if lowest > self._lowest:
            self._connection.execute(f"DELETE FROM {TABLE} WHERE id < {lowest}")
            self._lowest = lowest
        return up_to_id == newest

    def _append(self, after_id: int, up_to_id: int) -> None:
        if up_to_id <= after_id:
            return
        columns = (*_NUMBERS, *_TEXTS, *IDS, *_OF_VALUES)
        selected = ", ".join(f"{_SELECTED[name]} AS {name}" if name in _SELECTED else name for name in columns)
        inner = f"SELECT {selected} FROM data_trace WHERE id > ? AND id <= ?".replace("'", "''")
        typed = [f"{name}::BIGINT" for name in _NUMBERS]
        typed += [hashed(name) if name in IDS else f"{name}::VARCHAR" for name in (*_TEXTS, *IDS, *_OF_VALUES)]
        self._connection.execute(
            f"INSERT INTO {TABLE} SELECT {', '.join(typed)}"
            f" FROM sqlite_query('log', '{inner}', params := row($after_id::BIGINT, $up_to_id::BIGINT))",
            {"after_id": after_id, "up_to_id": up_to_id},
        )
        self._uncompressed += up_to_id - after_id
        anchor = self._rows(_ANCHOR, up_to_id)
        self._newest, self._anchor = up_to_id, anchor[0][0] if anchor else None

    def _has_every_row(self) -> bool:
        """Whether the log has as many rows as the mirror, up to the newest that the mirror has.

        Older rows than the log's first have been deleted since the mirror read it.
        """
        statement = "SELECT min(id), count(*) FROM data_trace WHERE id > ? AND id <= ?"
        lowest, rows = self._rows(statement, self._after_id, self._newest)[0]
        counted = f"SELECT count(*) FROM {TABLE} WHERE id >= {max(self._after_id + 1, int(lowest or 0))}"
        return int(rows) == int(self._connection.execute(counted).fetchone()[0])

    def _rows(self, statement: str, *parameters: int) -> Sequence[Sequence[Any]]:
        """The rows of SQLite's answer, as text."""
        quoted = statement.replace("'", "''")
        bound = ", ".join(f"{number}::BIGINT" for number in parameters)
        rows: Sequence[Sequence[Any]] = self._connection.execute(
            f"SELECT * FROM sqlite_query('log', '{quoted}', params := row({bound}))"
        ).fetchall()
        return rows

    def _clear(self) -> None:
        """Create an empty table."""
        numbers = ", ".join(f"{name} BIGINT" for name in _NUMBERS)
        texts = ", ".join(f"{name} {'UBIGINT' if name in IDS else 'VARCHAR'}" for name in (*_TEXTS, *IDS, *_OF_VALUES))
        self._connection.execute(f"DETACH DATABASE IF EXISTS {SCHEMA}")
        self._connection.execute(f"ATTACH ':memory:' AS {SCHEMA} (COMPRESS)")
        self._connection.execute(f"CREATE TABLE {TABLE} ({numbers}, {texts})")
        self._reset()

    def _empty(self) -> None:
        """Delete all rows, within a transaction."""
        self._connection.execute(f"DELETE FROM {TABLE}")
        self._reset()

    def _reset(self) -> None:
        self._newest = self._lowest = self._superseded = self._uncompressed = 0
        self._anchor = self._version = None
        self._counted = time.monotonic()
        self._is_used = False

    def _compress(self) -> None:
        """Compress the rows read since the last time, if they are many; disable the mirror if it is still too large."""
        if self._uncompressed < STEP:
            return
        self._connection.execute(f"CHECKPOINT {SCHEMA}")
        self._uncompressed = 0
        used = self._connection.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchone()[0]
        if int(used) > BUDGET:
            self.disable()
