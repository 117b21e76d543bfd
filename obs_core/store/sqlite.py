"""The SQLite adapter, and the guard that prevents two SQLite libraries from opening the same file in one process.

POSIX file locks belong to the process, and a process that closes any descriptor of a file loses all its locks on that
file. So in one process a log may be opened by one SQLite library only: `connect` (Python's sqlite3) and the DuckDB
worker both take a `Claim` here, and the second library gets an error. For the same reason nothing in this product may
`open()` a log as a plain file in a process that has it open as a database.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

from obs_core import safe_files
from obs_core.errors import LogMissing, LogUnreadable, NotALog, ObsError, SecondSqliteLibrary
from obs_core.system import os

Library = Literal["sqlite3", "duckdb"]
Error = sqlite3.Error
OperationalError = sqlite3.OperationalError
library_version: Final = sqlite3.sqlite_version

BUSY_TIMEOUT_MS: Final = 5_000

_ERRORS: Final[tuple[tuple[str | tuple[str, ...], type[ObsError], str, str], ...]] = (
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED"),
        LogUnreadable,
        "{path} is locked by another program.",
        "Try again; if the error stays, stop the program that holds the lock.",
    ),
    ("SQLITE_NOTADB", NotALog, "{path} is not a SQLite database.", "Point OBS_LOG or --log at a trace log."),
    (
        ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"),  # even to read, SQLite makes a file of shared memory
        LogUnreadable,
        "The disk that holds {path} is full.",
        "Free some space; no stored row is lost.",
    ),
    (
        "SQLITE_IOERR_WRITE",
        LogUnreadable,
        "{path} can't be written: {error}.",
        "The disk may be full, or the file has reached a limit; no stored row is lost.",
    ),
    (
        "SQLITE_READONLY",
        LogUnreadable,
        "{path} is read-only.",
        "Check the permissions of the file and its directory.",
    ),
    (
        "SQLITE_CORRUPT",
        LogUnreadable,
        "{path} is damaged: {error}.",
        "Copy the file and recover it with sqlite3's .recover command.",
    ),
)

_OF_FILE: Final = tuple(
    f"SQLITE_{name}"
    for name in ("BUSY", "LOCKED", "IOERR", "NOTADB", "CANTOPEN", "PROTOCOL", "INTERRUPT", "READONLY", "FULL", "SCHEMA")
)

_claims: dict[tuple[int, int], tuple[Library, int]] = {}
_claims_lock = threading.Lock()


class Claim:
    """Reserves one file for one SQLite library in this process, until `release`; releasing twice is harmless."""

    __slots__ = ("_key",)

    def __init__(self, path: Path, library: Library) -> None:
        """Claim the existing file `path` for `library`.

        Raises:
            SecondSqliteLibrary: the other library has the file open in this process.
        """
        self._key: tuple[int, int] | None = None
        status = path.stat()
        key = (status.st_dev, status.st_ino)
        with _claims_lock:
            holder, count = _claims.get(key, (library, 0))
            if holder != library:
                message = f"{path} is open through {holder} in this process; {library} must not open it too."
                raise SecondSqliteLibrary(
                    message,
                    "When one library closes the file, the process loses the locks of the other, and rows are lost. "
                    "Query through obs_core.query, which runs DuckDB in a separate process.",
                )
            _claims[key] = (library, count + 1)
        self._key = key

    def release(self) -> None:
        """Release the file."""
        with _claims_lock:
            if self._key is None:
                return
            holder, count = _claims[self._key]
            if count == 1:
                del _claims[self._key]
            else:
                _claims[self._key] = (holder, count - 1)
            self._key = None


class Connection(sqlite3.Connection):
    """A sqlite3 connection that holds a `Claim` on its file for as long as it is open."""

    claim: Claim | None = None

    def close(self) -> None:
        """Close the connection, then release the file."""
        super().close()
        if self.claim:
            self.claim.release()

    def __del__(self) -> None:
        """Release the file when the connection is garbage-collected without being closed."""
        if self.claim:  # without one, opening the file has failed
            self.close()


def connect(path: Path, *, write: bool = False, create: bool = False) -> Connection:
    """Open the SQLite file `path` in autocommit mode: read-only unless `write`, an existing file unless `create`.

    The connection may be passed between threads, but only one may use it at a time. Bytes that are not UTF-8 are read
    as replacement characters.

    Raises:
        LogMissing: the file does not exist.
        NotALog: it is a directory.
        LogUnreadable: it can't be opened.
        SecondSqliteLibrary: DuckDB has it open in this process.
    """
    claim = _claimed(path, write=write, create=create)
    mode = "rw" if write or create else "ro"
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
            factory=Connection,
            cached_statements=256,
        )
    except sqlite3.Error as error:
        claim.release()
        raise translate_error(error, path) from error
    connection.claim = claim
    connection.text_factory = readable
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block in one write transaction; roll it back if the block raises, or if it can't be committed."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def leak(connection: sqlite3.Connection) -> None:
    """Keep `connection` open for ever: SQLite forbids using a connection after a fork, even to close it."""
    import ctypes  # noqa: PLC0415 - only in a child of a process that was writing

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def translate_error(error: sqlite3.Error, path: Path) -> ObsError:
    """The product's error for an error of SQLite about `path`."""
    name = getattr(error, "sqlite_errorname", "") or ""
    for prefix, kind, message, hint in _ERRORS:
        if name.startswith(prefix):
            return kind(message.format(path=path, error=error), hint)
    return LogUnreadable(f"{path} can't be read: {error}.", "Check the file, its directory and their permissions.")


def is_about_file(error: sqlite3.Error) -> bool:
    """Whether an error is about the whole file, now; any other may come from one row."""
    return str(getattr(error, "sqlite_errorname", "")).startswith(_OF_FILE)


def _claimed(path: Path, *, write: bool, create: bool) -> Claim:
    """A claim on `path` for sqlite3; the file is created first, for its owner only, if `create`."""
    try:
        if write or create:
            safe_files.check_database(path)
        if create and not path.exists():
            _make(path)
        if path.is_dir():
            message = f"{path} is a directory, not a trace log."
            raise NotALog(message, "Use the path of the file inside it.")
        return Claim(path, "sqlite3")
    except FileNotFoundError as error:
        message = f"No trace log at {path.absolute()}."
        raise LogMissing(message, "Trace a program, or run: python -m obs_core demo") from error
    except OSError as error:
        message = f"{path} can't be opened: {error.strerror}."
        raise LogUnreadable(message, "Check the file, its directory and their permissions.") from error


def _make(path: Path) -> None:
    safe_files.make_parents(str(path.parent))
    if path.is_symlink():  # to a file that does not exist yet: `check_database` trusts it
        path = path.resolve()
    with suppress(FileExistsError):  # another program was faster
        os.close(safe_files.make_file(path))


def readable(raw: bytes) -> str:
    """The text of a cell; bytes that are not UTF-8 become replacement characters."""
    return raw.decode("utf-8", "replace")
