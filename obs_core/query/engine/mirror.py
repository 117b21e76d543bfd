"""What a worker keeps in memory of a log of ours: the columns that questions count, group and measure.

Every way to the log costs its length, or twice the window; the same rows in DuckDB's own compressed form take 13 bytes
each and a twentieth of the time. The log is append-only, so keeping up means reading what is new by its id. What is
taken out is noticed: `superseded` names what was replaced, the least id moves when old rows are removed, the newest row
seen must still be there, and in idle moments all rows are counted; where that does not fit, the mirror starts anew.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from obs_core.query.engine import search_text

IDS: Final = ("trace_id", "span_id", "parent_span_id")
"""Columns that are kept as hashes: they can be counted and compared with one another."""

SCHEMA: Final = "mirror"
TABLE: Final = f"{SCHEMA}.data_trace"
AT_ONCE: Final = 200_000  # rows that are read while a question waits: some 300 ms, once
STEP: Final = 50_000  # rows that are read at a time while nobody waits: some 100 ms
BUDGET: Final = 192 << 20  # bytes; a log that needs more is read as if there were no mirror
COUNTED_EVERY_S: Final = 60.0  # counting takes 3 ms at 100,000 rows: smaller logs are counted after each page
_NUMBERS: Final = ("id", "timestamp", "duration_ns", "memory_delta", "code_id")
_TEXTS: Final = ("kind", "status", "process", "process_group", "function", "data", *search_text.COLUMNS)
_OF_VALUES: Final = ("data_type", "data_value", "attributes")
# Of a value that was cut, the attributes hold the hash of its whole text; nothing else in them is asked for here.
_ASKED: Final = {
    "data_type": "CASE WHEN kind = 'value' THEN data_type END",
    "data_value": "CASE WHEN kind = 'value' THEN data_value END",
    "attributes": "CASE WHEN kind = 'value' AND substr(data_value, -1) = '…' THEN attributes END",
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
    """As much of a DuckDB connection as is needed here."""

    def execute(self, query: str, parameters: object = None) -> Any:  # noqa: ANN401 - DuckDB's own cursor
        """Run a statement."""


class Mirror:
    """A copy of one log, attached as `log` to `connection`."""

    def __init__(self, connection: Connection) -> None:
        """Nothing is read yet."""
        self._connection = connection
        self._given_up = self._begun = False
        self._newest = self._least = self._superseded = self._loose = 0
        self._anchor: object = None  # what the newest row is known again by
        self._counted = 0.0
        self._version: Sequence[int] | None = None  # of the log that was followed to its end
        self._clear()

    def follow(self, version: Sequence[int]) -> bool:
        """Read what is new, if that does not take long; whether the mirror then holds all that the log does.

        `version` are numbers that change whenever the log does: for the same ones, nothing is looked up again.
        """
        if self._given_up:
            return False
        if version == self._version:
            return True
        self._begun = True
        self._version = None
        if self._within(self._read, 0, AT_ONCE):
            self._version = version
        return self._version is not None

    def idle(self) -> bool:
        """Use a moment in which nobody asks; whether there is more to do at once."""
        if self._given_up or not self._begun:
            return False
        if not self._within(self._read, STEP, STEP):
            self._pack()
            return not self._given_up
        self._pack()
        due = self._newest <= AT_ONCE or time.monotonic() - self._counted > COUNTED_EVERY_S
        if due and not self._given_up:
            if not self._within(self._counts):
                self._clear()
            self._counted = time.monotonic()
        return False

    def close(self) -> None:
        """Give the memory back."""
        self._connection.execute(f"DETACH DATABASE IF EXISTS {SCHEMA}")
        self._given_up = True

    def give_up(self) -> None:
        """Do without a mirror of this log."""
        self.close()

    def _within(self, part: Callable[..., bool], *given: int) -> bool:
        """`part` in a transaction: what it sees of the log is one state of it."""
        self._connection.execute("BEGIN TRANSACTION")
        try:
            done = part(*given)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return done

    def _read(self, partly: int, most: int) -> bool:
        """Read what is new; whether that was all.

        If more than `most` rows are new, the first `partly` of them are read.
        """
        least, newest, superseded, anchor, replaced = self._rows(_STATE, self._newest, self._newest)[0]
        least, newest, superseded = int(least or 0), int(newest or 0), int(superseded or 0)
        moved = anchor != self._anchor and not int(replaced)
        if self._newest and (newest < self._newest or moved):
            self._empty()
        start = max(self._newest, least - 1)
        until = newest if newest - start <= most else start + partly
        self._append(until)
        if superseded != self._superseded:
            gone = "SELECT id::BIGINT FROM sqlite_query('log', 'SELECT id FROM superseded')"
            self._connection.execute(f"DELETE FROM {TABLE} WHERE id IN ({gone})")
            self._superseded = superseded
        if least > self._least:
            self._connection.execute(f"DELETE FROM {TABLE} WHERE id < {least}")
            self._least = least
        return until == newest

    def _append(self, until: int) -> None:
        if until <= self._newest:
            return
        columns = (*_NUMBERS, *_TEXTS, *IDS, *_OF_VALUES)
        asked = ", ".join(f"{_ASKED[name]} AS {name}" if name in _ASKED else name for name in columns)
        inner = f"SELECT {asked} FROM data_trace WHERE id > ? AND id <= ?".replace("'", "''")
        typed = [f"{name}::BIGINT" for name in _NUMBERS]
        typed += [hashed(name) if name in IDS else f"{name}::VARCHAR" for name in (*_TEXTS, *IDS, *_OF_VALUES)]
        self._connection.execute(
            f"INSERT INTO {TABLE} SELECT {', '.join(typed)}"
            f" FROM sqlite_query('log', '{inner}', params := row($after::BIGINT, $until::BIGINT))",
            {"after": self._newest, "until": until},
        )
        self._loose += until - self._newest
        anchor = self._rows(_ANCHOR, until)
        self._newest, self._anchor = until, anchor[0][0] if anchor else None

    def _counts(self) -> bool:
        """Whether the log has as many rows as the mirror, up to the newest that the mirror has seen."""
        theirs = int(self._rows("SELECT count(*) FROM data_trace WHERE id <= ?", self._newest)[0][0])
        return theirs == int(self._connection.execute(f"SELECT count(*) FROM {TABLE}").fetchone()[0])

    def _rows(self, statement: str, *parameters: int) -> Sequence[Sequence[Any]]:
        """The rows of SQLite's answer, as text."""
        quoted = statement.replace("'", "''")
        bound = ", ".join(f"{number}::BIGINT" for number in parameters)
        found: Sequence[Sequence[Any]] = self._connection.execute(
            f"SELECT * FROM sqlite_query('log', '{quoted}', params := row({bound}))"
        ).fetchall()
        return found

    def _clear(self) -> None:
        """Start with nothing."""
        numbers = ", ".join(f"{name} BIGINT" for name in _NUMBERS)
        texts = ", ".join(f"{name} {'UBIGINT' if name in IDS else 'VARCHAR'}" for name in (*_TEXTS, *IDS, *_OF_VALUES))
        self._connection.execute(f"DETACH DATABASE IF EXISTS {SCHEMA}")
        self._connection.execute(f"ATTACH ':memory:' AS {SCHEMA} (COMPRESS)")
        self._connection.execute(f"CREATE TABLE {TABLE} ({numbers}, {texts})")
        self._forget()

    def _empty(self) -> None:
        """Start with nothing, within a transaction."""
        self._connection.execute(f"DELETE FROM {TABLE}")
        self._forget()

    def _forget(self) -> None:
        self._newest = self._least = self._superseded = self._loose = 0
        self._anchor = self._version = None
        self._counted = time.monotonic()
        self._begun = False

    def _pack(self) -> None:
        """Compress what came since the last time, if it is much; do without the mirror if it is too large even so."""
        if self._loose < STEP:
            return
        self._connection.execute(f"CHECKPOINT {SCHEMA}")
        self._loose = 0
        used = self._connection.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchone()[0]
        if int(used) > BUDGET:
            self.give_up()
