"""The one door to SQLite, and the guard that keeps a second SQLite library out of the same file.

POSIX file locks belong to the process, and a process that closes any descriptor of a file gives up all its locks on
that file. So within one process one log is opened by one SQLite library: `open_` (Python's sqlite3) and the DuckDB
worker both take a `claim` here, and the second library is refused. For the same reason nothing in this product may
`open()` a log as a plain file in a process that has it open as a database.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from obs_core.errors import LogMissing, LogUnreadable, NotALog, ObsError, SecondSqliteLibrary

Library = Literal["sqlite3", "duckdb"]
Error = sqlite3.Error
OperationalError = sqlite3.OperationalError

BUSY_TIMEOUT_MS: Final = 5_000

_SAID: Final[tuple[tuple[str | tuple[str, ...], type[ObsError], str, str], ...]] = (
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED"),
        LogUnreadable,
        "{path} is locked by another program.",
        "Wait a moment; if it stays, stop the program that holds it.",
    ),
    ("SQLITE_NOTADB", NotALog, "{path} is not a SQLite database.", "Point OBS_LOG or --log at a trace log."),
    (
        "SQLITE_FULL",
        LogUnreadable,
        "The disk that holds {path} is full.",
        "Free some space; nothing that was stored is lost.",
    ),
    (
        "SQLITE_READONLY",
        LogUnreadable,
        "{path} may not be written.",
        "Check the permissions of the file and its directory.",
    ),
    (
        "SQLITE_CORRUPT",
        LogUnreadable,
        "{path} is damaged: {error}.",
        "Copy the file away and recover it with sqlite3's .recover command.",
    ),
)

_claims: dict[tuple[int, int], tuple[Library, int]] = {}
_claims_lock = threading.Lock()


class Claim:
    """That one library has one file open in this process, until `release`; releasing twice does no harm."""

    __slots__ = ("_key",)

    def __init__(self, path: Path, library: Library) -> None:
        """Claim the existing file `path` for `library`.

        Raises:
            SecondSqliteLibrary: the other library has the file open in this process.
        """
        self._key: tuple[int, int] | None = None
        facts = path.stat()
        key = (facts.st_dev, facts.st_ino)
        with _claims_lock:
            holder, count = _claims.get(key, (library, 0))
            if holder != library:
                message = f"{path} is open through {holder} in this process; {library} may not open it too."
                raise SecondSqliteLibrary(
                    message,
                    "When either library closes the file, the process loses every lock the other holds on it, and rows "
                    "are lost. Ask through obs_core.query, which runs DuckDB in a process of its own.",
                )
            _claims[key] = (library, count + 1)
        self._key = key

    def release(self) -> None:
        """Give the file back."""
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
        """Close the connection, then give the file back."""
        super().close()
        if self.claim:
            self.claim.release()

    def __del__(self) -> None:
        """Give the file back when the connection is forgotten instead of closed."""
        self.close()


def connect(path: Path, *, write: bool = False, create: bool = False) -> Connection:
    """Open the SQLite file `path` in autocommit mode: read-only unless `write`, an existing file unless `create`.

    The connection may move between threads, but only one may use it at a time. Text that is not UTF-8 is read with
    replacement characters.

    Raises:
        LogMissing: there is no such file.
        NotALog: it is a directory.
        LogUnreadable: it can't be opened.
        SecondSqliteLibrary: DuckDB has it open in this process.
    """
    claim = _claimed(path, create=create)
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
    """Run the block in one write transaction: all of it, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def translate_error(error: sqlite3.Error, path: Path) -> ObsError:
    """The product's own error for what SQLite said about `path`."""
    name = getattr(error, "sqlite_errorname", "") or ""
    for start, kind, sentence, hint in _SAID:
        if name.startswith(start):
            return kind(sentence.format(path=path, error=error), hint)
    return LogUnreadable(f"{path} can't be read: {error}.", "Check the file, its directory and their permissions.")


def _claimed(path: Path, *, create: bool) -> Claim:
    """A claim on `path` for sqlite3; the file is made first if it may be."""
    try:
        if create and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o644))
        if path.is_dir():
            message = f"{path} is a directory, not a trace log."
            raise NotALog(message, "Name the file inside it.")
        return Claim(path, "sqlite3")
    except FileNotFoundError as error:
        message = f"There is no trace log at {path.absolute()}."
        raise LogMissing(message, "Trace a program, or run: python -m obs_core demo") from error
    except OSError as error:
        message = f"{path} can't be opened: {error.strerror}."
        raise LogUnreadable(message, "Check the file, its directory and their permissions.") from error


def readable(raw: bytes) -> str:
    """Text as it stands in the file; what is not UTF-8 becomes replacement characters."""
    return raw.decode("utf-8", "replace")
