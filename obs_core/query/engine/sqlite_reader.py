"""Runs narrow queries: sqlite3 in this process, with indexes, read-only, short transactions with a time limit."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from obs_core.errors import BadParameter, LogMissing, QuestionTimedOut
from obs_core.issues import failure
from obs_core.query.engine import long_cells
from obs_core.store import foreign, sqlite

_WATCH_WAIT_MS: Final = 200  # for the version: every request waits for it, and a page asks again a second later
_STEPS: Final = 5_000  # SQLite instructions between two checks of the clock: about 0.1 ms
_CACHED_CHARACTERS: Final = 200  # of a text with a cached match: 8,192 of them take a few MB
_EMPTY: Final = {
    "code": "id, function, file, line, source, source_hash, revision, first_seen",
    "run": "id, process, process_group, pid, host, version, revision, started",
}

Identity = tuple[int, int]
Rows = tuple[list[str], list[tuple[Any, ...]]]


class SqliteReader:
    """Read-only connections to one log, opened on demand and reused."""

    def __init__(self, log: Path, *, limit_s: float) -> None:
        """A pool for the log at `log`, which need not exist yet."""
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
        limit: int | None = None,
        limit_s: float | None = None,
        cut: str | None = None,
        prepared: Callable[[sqlite.Connection], AbstractContextManager[None]] | None = None,
    ) -> Rows:
        """The columns and rows of `statement`; at most `limit` rows are read, in at most `limit_s`.

        `cut` is the same statement over relations that cut long cells (`long_cells`); it runs if there are any.
        The statements run within `prepared`, which may fill temporary tables.

        Raises:
            QuestionTimedOut: it ran longer than `limit_s`.
            BadParameter: a parameter is not valid Unicode, or a number of more than 64 bits.
            ObsError: the log is missing, is not a trace log, or can't be read.
        """
        with (
            self._connection() as connection,
            self._limited(connection, limit_s),
            prepared(connection) if prepared else nullcontext(),
        ):
            if cut is not None:
                with suppress(sqlite3.DataError), long_cells.limited(connection):
                    return _decoded(connection, statement, parameters, limit)
            return _decoded(connection, cut or statement, parameters, limit)

    def shape(self) -> foreign.Shape:
        """The log's columns and relations; read once for each file at the path."""
        with self._connection() as connection, self._limited(connection):
            if self._shape is None:
                self._shape = foreign.shape(connection, self.log)
            return self._shape

    def version(self) -> tuple[int, ...]:
        """Numbers that change whenever the log does: the file's identity and SQLite's own count of changes.

        That count belongs to one connection, so the number of the connection is part of the answer.
        """
        identity = self._current_identity()
        with self._lock:
            self._switch_to(identity)
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
        """Close all connections; a later query opens new ones."""
        with self._lock:
            self._switch_to(None)

    def _current_identity(self) -> Identity:
        """The device and inode of the file that is now at the path."""
        try:
            stat = self.log.stat()
        except OSError as error:
            message = f"No trace log at {self.log.absolute()}."
            raise LogMissing(message, "Trace a program, or run: python -m obs_core demo") from error
        return stat.st_dev, stat.st_ino

    def _switch_to(self, identity: Identity | None) -> None:
        """Close what belongs to another file than `identity`; the caller holds the lock."""
        if identity == self._identity:
            return
        stale = [*self._idle, *([self._watcher] if self._watcher else [])]
        self._idle, self._watcher, self._shape, self._identity = [], None, None, identity
        for connection in stale:
            connection.close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite.Connection]:
        """A connection for one caller at a time; SQLite's errors are translated into the product's own."""
        identity = self._current_identity()
        with self._lock:
            self._switch_to(identity)
            connection = self._idle.pop() if self._idle else None
        try:
            connection = connection or self._open()
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

    def _open(self) -> sqlite.Connection:
        connection = sqlite.connect(self.log)
        connection.text_factory = str  # invalid UTF-8 is rare, so it may fail first; a check takes a fifth longer
        for name, arguments, function in _FUNCTIONS:
            connection.create_function(name, arguments, function, deterministic=True)
        connection.execute(f"PRAGMA busy_timeout = {int(self.limit_s * 1000)}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA trusted_schema = OFF")  # views in a foreign file may only call harmless functions
        existing = {name for (name,) in connection.execute("SELECT lower(name) FROM sqlite_schema")}
        for table, columns in _EMPTY.items():
            if table not in existing:
                connection.execute(f"CREATE TEMP TABLE {table} ({columns})")
        return connection

    @contextmanager
    def _limited(self, connection: sqlite.Connection, limit_s: float | None = None) -> Iterator[None]:
        """Stop the running query on `connection` when the time limit has passed."""
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


def _decoded(
    connection: sqlite.Connection, statement: str, parameters: Mapping[str, object], limit: int | None
) -> Rows:
    """The rows; bytes that are not UTF-8 are replaced."""
    try:
        return _read(connection, statement, parameters, limit)
    except (OverflowError, UnicodeEncodeError) as error:
        message = "A parameter is a number that is too large, or text that is not valid Unicode."
        raise BadParameter(message, "Enter it again.") from error
    except sqlite3.OperationalError as error:
        if not str(error).startswith("Could not decode to UTF-8"):
            raise
    connection.text_factory = sqlite.readable  # from now on for this connection
    return _read(connection, statement, parameters, limit)


def _read(connection: sqlite.Connection, statement: str, parameters: Mapping[str, object], limit: int | None) -> Rows:
    cursor = connection.execute(statement, parameters)
    try:
        names = [column[0] for column in cursor.description]
        return names, cursor.fetchall() if limit is None else cursor.fetchmany(limit)
    finally:
        cursor.close()


# These functions get text as bytes: sqlite3 can't call a function with text that is not UTF-8.


def _matches(cell: bytes | None, pattern: str) -> bool | None:
    """Whether the text matches `pattern` (RE2's syntax: no pattern takes more than linear time)."""
    if cell is None:
        return None
    text = sqlite.readable(cell)
    return _cached_search(text, pattern) if len(text) <= _CACHED_CHARACTERS else _search(text, pattern)


def _search(text: str, pattern: str) -> bool:
    return bool(pc.match_substring_regex(pa.array([text]), pattern)[0].as_py())


@lru_cache(maxsize=8_192)
def _cached_search(text: str, pattern: str) -> bool:
    """A search takes 10 µs, and attributes repeat: from the cache it takes 0.2 µs."""
    return _search(text, pattern)


def _exception_type(cell: bytes | None) -> str | None:
    """The type in `Type: message`; None if there is none."""
    return None if cell is None else failure(sqlite.readable(cell), "").type or None


def _casefold(cell: bytes | None) -> str | None:
    """The text folded for comparison without regard to case."""
    return None if cell is None else sqlite.readable(cell).casefold()


_FUNCTIONS: Final = (
    *(("casefold", 1, _casefold), ("matches", 2, _matches), ("exception_type", 1, _exception_type)),
    (long_cells.FUNCTION, 1, long_cells.cut),
)
