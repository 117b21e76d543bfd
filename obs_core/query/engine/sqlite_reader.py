"""Narrow questions: sqlite3 in this process, with indexes, read-only, in short transactions with a time limit."""

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from obs_core.errors import BadParameter, LogMissing, QuestionTimedOut
from obs_core.query.analysis.exception_kind import failure
from obs_core.store import foreign, sqlite

_WATCH_WAIT_MS: Final = 200  # for the version; everybody waits for it, and a page asks again a second later
_STEPS: Final = 5_000  # SQLite instructions between two looks at the clock: about 0.1 ms
_REMEMBERED: Final = 200  # characters of a text whose match is remembered: 8,192 of them take a few MB
_EMPTY: Final = {
    "code": "id, function, file, line, source, source_hash, revision, first_seen",
    "run": "id, process, process_group, pid, host, version, revision, started",
}

Identity = tuple[int, int]
Rows = tuple[list[str], list[tuple[Any, ...]]]


class SqliteReader:
    """Read-only connections to one log, opened when needed and kept for the next question."""

    def __init__(self, log: Path, *, limit_s: float) -> None:
        """A pool for the log at `log`, which need not be there yet."""
        self.log = log
        self.limit_s = limit_s
        self._idle: list[sqlite.Connection] = []
        self._identity: Identity | None = None
        self._shape: foreign.Shape | None = None
        self._watcher: sqlite.Connection | None = None
        self._watchers = 0
        self._lock = threading.Lock()

    def answer(
        self,
        statement: str,
        parameters: Mapping[str, object],
        *,
        most: int | None = None,
        limit_s: float | None = None,
    ) -> Rows:
        """The columns and rows of `statement`; at most `most` rows are read, in at most `limit_s`.

        Raises:
            QuestionTimedOut: it ran longer than the limit.
            BadParameter: a parameter is no Unicode text, or a number of more than 64 bits.
            ObsError: the log is missing, is none, or can't be read.
        """
        with self._connection() as connection, self._limited(connection, limit_s):
            try:
                return _read(connection, statement, parameters, most)
            except (OverflowError, UnicodeEncodeError) as error:
                message = "A parameter is a number too large, or a text that is not valid Unicode."
                raise BadParameter(message, "Type it again.") from error
            except sqlite3.OperationalError as error:
                if not str(error).startswith("Could not decode to UTF-8"):
                    raise
            connection.text_factory = sqlite.readable  # for this connection it stays so
            return _read(connection, statement, parameters, most)

    def shape(self) -> foreign.Shape:
        """How the log is to be read; looked at once for each file that has stood at the path."""
        with self._connection() as connection, self._limited(connection):
            if self._shape is None:
                self._shape = foreign.shape(connection, self.log)
            return self._shape

    def version(self) -> tuple[int, ...]:
        """Numbers that change whenever the log does: which file it is, and SQLite's own count of changes.

        That count belongs to one connection, so which connection it was is part of the answer.
        """
        identity = self._current()
        with self._lock:
            self._renewed(identity)
            try:
                if self._watcher is None:
                    self._watcher = sqlite.connect(self.log)
                    self._watcher.execute(f"PRAGMA busy_timeout = {_WATCH_WAIT_MS}")
                    self._watchers += 1
                changes = int(self._watcher.execute("PRAGMA data_version").fetchone()[0])
            except sqlite.Error as error:
                raise sqlite.translate_error(error, self.log) from error
            return (*identity, self._watchers, changes)

    def close(self) -> None:
        """Close all connections; a later question opens new ones."""
        with self._lock:
            self._renewed(None)

    def _current(self) -> Identity:
        """Which file stands at the path now."""
        try:
            facts = self.log.stat()
        except OSError as error:
            message = f"There is no trace log at {self.log.absolute()}."
            raise LogMissing(message, "Trace a program, or run: python -m obs_core demo") from error
        return facts.st_dev, facts.st_ino

    def _renewed(self, identity: Identity | None) -> None:
        """Forget what belongs to another file than `identity`; the caller holds the lock."""
        if identity == self._identity:
            return
        stale = [*self._idle, *([self._watcher] if self._watcher else [])]
        self._idle, self._watcher, self._shape, self._identity = [], None, None, identity
        for connection in stale:
            connection.close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite.Connection]:
        """A connection that nobody else uses meanwhile; what SQLite says is told as the product's own errors."""
        identity = self._current()
        with self._lock:
            self._renewed(identity)
            connection = self._idle.pop() if self._idle else None
        try:
            connection = connection or self._opened()
            yield connection
        except sqlite.Error as error:
            if connection:
                connection.close()
            raise sqlite.translate_error(error, self.log) from error
        except BaseException:
            if connection:
                connection.close()
            raise
        with self._lock:
            if identity == self._identity:
                self._idle.append(connection)
            else:
                connection.close()

    def _opened(self) -> sqlite.Connection:
        connection = sqlite.connect(self.log)
        connection.text_factory = str  # text that is not UTF-8 is an error then, and rare; to look for it costs a fifth
        for name, arguments, function in _FUNCTIONS:
            connection.create_function(name, arguments, function, deterministic=True)
        connection.execute(f"PRAGMA busy_timeout = {int(self.limit_s * 1000)}")
        connection.execute("PRAGMA trusted_schema = OFF")  # a view in somebody's file runs none but harmless functions
        there = {name for (name,) in connection.execute("SELECT lower(name) FROM sqlite_schema")}
        for table, columns in _EMPTY.items():
            if table not in there:
                connection.execute(f"CREATE TEMP TABLE {table} ({columns})")
        return connection

    @contextmanager
    def _limited(self, connection: sqlite.Connection, limit_s: float | None = None) -> Iterator[None]:
        """Stop what runs on `connection` once the limit has passed."""
        limit_s = self.limit_s if limit_s is None else min(limit_s, self.limit_s)
        end = time.monotonic() + limit_s
        connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        try:
            yield
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
                message = f"The question took longer than {limit_s:g} s and was stopped."
                raise QuestionTimedOut(message, "Choose a shorter window, or a narrower filter.") from error
            raise
        finally:
            connection.set_progress_handler(None, 0)


def _read(connection: sqlite.Connection, statement: str, parameters: Mapping[str, object], most: int | None) -> Rows:
    cursor = connection.execute(statement, parameters)
    try:
        names = [column[0] for column in cursor.description]
        return names, cursor.fetchall() if most is None else cursor.fetchmany(most)
    finally:
        cursor.close()


# These functions get text as the bytes that the log holds: sqlite3 fails to call one with text that is not UTF-8.


def _matches(cell: bytes | None, pattern: str) -> bool | None:
    """Whether `pattern` (RE2's syntax: no pattern takes more than linear time) is found in the text."""
    if cell is None:
        return None
    text = sqlite.readable(cell)
    return _known(text, pattern) if len(text) <= _REMEMBERED else _found(text, pattern)


def _found(text: str, pattern: str) -> bool:
    return bool(pc.match_substring_regex(pa.array([text]), pattern)[0].as_py())


@lru_cache(maxsize=8_192)
def _known(text: str, pattern: str) -> bool:
    """One call costs 10 µs, and attributes repeat: of those that came before, 0.2 µs."""
    return _found(text, pattern)


def _exception_type(cell: bytes | None) -> str | None:
    """What stands before the colon of `Type: message`; None where there is no such type."""
    return None if cell is None else failure(sqlite.readable(cell), "").type or None


def _casefold(cell: bytes | None) -> str | None:
    """The text folded for comparing without regard to case."""
    return None if cell is None else sqlite.readable(cell).casefold()


_FUNCTIONS: Final = (("casefold", 1, _casefold), ("matches", 2, _matches), ("exception_type", 1, _exception_type))
