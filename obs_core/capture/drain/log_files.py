"""The files of an open log: whether they are still the ones that our connection writes to.

SQLite continues to write to a log that was deleted or cut short (`copytruncate`), or to a write-ahead log that was
removed, and reports success; the rows are gone with the files. So a drain looks at the files before and after each of
its batches, and gives up the rows of a spool only if they are unchanged. A log that something else than a checkpoint
wrote (`cp backup.db trace.db`) is read as a whole.
Source: sqlite.org/howtocorrupt.html, sections 1 and 2.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final

from obs_core import safe_files
from obs_core.store import sqlite
from obs_core.store.checkpoints import Checkpoints
from obs_core.system import os, time_ns

_MOST_BYTES: Final = 1_000_000  # of frames between two checkpoints: some 1,000 pages, as in SQLite
_MOST_BATCHES: Final = 100
_PARTS: Final = ("", "-wal", "-shm")
Identity = tuple[int, int] | None


class LogChanged(OSError):
    """The files of the log are not those that were opened; rows since then may not be in it."""


class LogFiles:
    """The files of the log at `path`, as they were when a connection opened it."""

    def __init__(self, path: Path) -> None:
        """Remember the log before it is opened."""
        self.path = path
        real = os.path.realpath(path)  # SQLite puts the other files next to it
        self._paths = [f"{real}{part}" for part in _PARTS]
        self._seen: list[Identity] = []
        self._size = 0
        self._checkpoints = Checkpoints(path)
        self._bytes = self._batches = 0  # since the last checkpoint
        self._opened = _identity(_status(str(path)))

    def remember(self) -> None:
        """Remember all files, inside the first transaction of the connection: before it they may not exist.

        Raises:
            LogChanged: the log was replaced while it was opened.
        """
        if self._seen:
            return
        statuses = [_status(path) for path in self._paths]
        self._seen = [_identity(status) for status in statuses]
        self._size = statuses[0].st_size if statuses[0] else 0
        self._checkpoints.remember()
        if self._opened is not None and self._seen[0] != self._opened:
            raise LogChanged("the log was replaced while it was opened")

    def check(self) -> bool:
        """Compare the files with those that were opened; a log that was cut short or written over is set aside.

        False if another program changed the log, which is whole: then the connection must be opened again.

        Raises:
            LogChanged: they differ. The connection must be closed.
        """
        if not self._seen:
            return True
        statuses = [_status(path) for path in (str(self.path), *self._paths[1:])]
        now = [_identity(status) for status in statuses]
        if statuses[0] is None:
            raise LogChanged("the log was deleted")
        if now[0] != self._seen[0]:
            self._rename(_PARTS[1:])  # SQLite would put what they hold over the content of the other file
            raise LogChanged("the log was replaced by another file")
        size = statuses[0].st_size
        is_explained = self._checkpoints.explain()
        if not is_explained and size < self._size and not self._is_whole():
            name = self._set_aside()
            raise LogChanged(f"the log was cut short while it was in use, and is set aside as {name}")
        if any(before is not None and before != after for before, after in zip(self._seen[1:], now[1:], strict=True)):
            raise LogChanged("the write-ahead log was removed while it was in use")
        self._size = size
        if is_explained:
            return True
        if not self._is_whole("integrity_check"):
            name = self._set_aside()
            raise LogChanged(f"the log was written over while it was in use, and is set aside as {name}")
        return False

    def committed(self, connection: sqlite.Connection, size: int) -> None:
        """Make a checkpoint from time to time, after a batch with `size` bytes of frames was committed and checked."""
        self._bytes += size
        self._batches += 1
        if self._bytes > _MOST_BYTES or self._batches > _MOST_BATCHES:
            self._bytes = self._batches = 0
            self._checkpoints.run(connection)

    def _is_whole(self, check: str = "quick_check") -> bool:
        """Whether a new connection can read the whole log: VACUUM also makes it smaller.

        Only `integrity_check` notices an old page that has fewer rows.
        """
        with suppress(sqlite.Error, OSError):
            if os.stat(self.path).st_size == 0:
                return False
            connection = sqlite.connect(self.path)
            try:
                return bool(connection.execute(f"PRAGMA {check}(1)").fetchone() == ("ok",))
            finally:
                connection.close()
        return False

    def _set_aside(self) -> str:
        """Rename all files; then no connection writes what it still knows into the rest.

        SQLite does not copy the write-ahead log into a file that was renamed.
        """
        name = self._rename(_PARTS)
        if not name:
            raise LogChanged("the log was cut short while it was in use")
        return name

    def _rename(self, parts: tuple[str, ...]) -> str:
        """Give those parts of the log that are still the opened ones another name; one process at a time does so."""
        aside = f"{self._paths[0]}.lost-{time_ns():x}"
        name = ""
        folder = os.open(os.path.dirname(self._paths[0]), os.O_RDONLY)
        try:
            if safe_files.lock(folder) is not False:
                for path, part, seen in zip(self._paths, _PARTS, self._seen, strict=True):
                    if part in parts and seen is not None and _identity(_status(path)) == seen:
                        os.rename(path, f"{aside}{part}")
                        name = os.path.basename(aside)
        finally:
            os.close(folder)
        return name


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _identity(status: os.stat_result | None) -> Identity:
    return (status.st_dev, status.st_ino) if status else None
