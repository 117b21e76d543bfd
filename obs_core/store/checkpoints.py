"""Checkpoints of a log, recorded so that a write to the log by anything else than SQLite is noticed.

In WAL mode, SQLite writes the database file in a checkpoint only. All writers of a log make their checkpoints here, one
at a time, and record the time and size of the file afterwards in `<log>.d/checkpoint`. So a file with another time was
written by something else: by `cp backup.db trace.db`, which keeps the inode, or by another program with SQLite.

SQLite starts the write-ahead log again from its beginning only at a moment when no reader uses it. With many readers
there is none, and it grew by all that was written (489 MB in half an hour). So beyond a size, a checkpoint waits a
little for the readers that are there, while new ones need the database file only.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final

from obs_core import safe_files
from obs_core.paths import folder_of
from obs_core.store import sqlite
from obs_core.system import monotonic, os, sleep

NAME: Final = "checkpoint"
_WAIT_S: Final = 2.0  # for the checkpoint of another process
_TRY_S: Final = 0.005
_MOST_PAGES: Final = 16_384  # of the write-ahead log, 64 MB
_READERS_MS: Final = 50  # other writers wait as long
_RESTART_S: Final = 2.0  # between two attempts
Written = tuple[int, int]
"""When the database file was written last (nanoseconds since 1970), and its size in bytes."""


class Checkpoints:
    """The checkpoints of the log at `path`, made by any process; `last` is what is known of the database file."""

    def __init__(self, path: Path) -> None:
        """Know the file as it is now."""
        self._path = path
        self._record = Path(folder_of(str(path)), NAME)
        self.last = written(path)
        self._restart_due = 0.0

    def remember(self) -> None:
        """Know the file as it is now."""
        self.last = written(self._path)

    def explain(self) -> bool:
        """Whether the database file is as it was known, or a checkpoint wrote it since; waits for a current one."""
        now = written(self._path)
        if now == self.last:
            return True
        try:
            descriptor = safe_files.open_file(self._record)
        except OSError:
            return False
        try:
            deadline = monotonic() + _WAIT_S
            while (is_free := safe_files.lock(descriptor, shared=True)) is False and monotonic() < deadline:
                sleep(_TRY_S)
            now = written(self._path)
            recorded = os.pread(descriptor, 64, 0).split()
        except OSError:
            return False
        finally:
            os.close(descriptor)
        if now is None or is_free is False or recorded != [b"%d" % number for number in now]:
            return False
        self.last = now
        return True

    def run(self, connection: sqlite.Connection) -> None:
        """Copy what is committed into the database file, unless another process does so or the file was written since.

        Like SQLite's own checkpoints it may fail (a full disk) without an error: the write-ahead log has everything.
        """
        descriptor = self._opened()
        try:
            if (descriptor is None or safe_files.lock(descriptor) is not False) and written(self._path) == self.last:
                with suppress(sqlite.Error):
                    _, pages, _ = connection.execute("PRAGMA wal_checkpoint").fetchone()
                    if pages > _MOST_PAGES and monotonic() >= self._restart_due:
                        self._restart_due = monotonic() + _RESTART_S
                        _truncate(connection)
                self.last = written(self._path)
                if self.last is not None and descriptor is not None:
                    with suppress(OSError):
                        os.ftruncate(descriptor, 0)
                        os.pwrite(descriptor, b"%d %d" % self.last, 0)
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def _opened(self) -> int | None:
        try:
            safe_files.make_folder(self._record.parent)
            return safe_files.open_or_make(self._record)
        except OSError:
            return None  # then the other processes look at the whole log


def _truncate(connection: sqlite.Connection) -> None:
    """Empty the write-ahead log, if its readers end soon."""
    ((timeout_ms,),) = connection.execute("PRAGMA busy_timeout").fetchall()
    connection.execute(f"PRAGMA busy_timeout = {_READERS_MS}").fetchall()
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {timeout_ms}").fetchall()


def written(path: Path | str) -> Written | None:
    """When the file was written last, and its size; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
