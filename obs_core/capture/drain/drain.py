"""The drain: moves frames from a spool into the log, each exactly once.

A batch and the spool position after it are committed in one transaction, which also checks that the log has the
position where the batch starts. So a drain that is killed resumes at the position in the log, and if two drains read
the same spool, only one commits each row. Next to a busy Python thread, each statement waits once for the interpreter
lock: a batch is a few statements with many rows each.
"""

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Protocol

from obs_core.capture.drain.circuit_breaker import CircuitBreaker
from obs_core.capture.drain.row_builder import RowBuilder, sanitised
from obs_core.capture.drain.source_lookup import code_of
from obs_core.capture.options import Options
from obs_core.capture.spool.frames import READY, CallSite, Frame
from obs_core.capture.spool.header import CLOSED, HALF_OPEN, OPEN, Header
from obs_core.errors import ObsError
from obs_core.model import ProcessRun
from obs_core.process_identity import birth_of, pid_namespace
from obs_core.store import log, sqlite

BATCH: Final = 8192  # rows per transaction; next to a busy Python thread each statement waits some 5 ms
BUSY_S: Final = 1.0  # how long a batch waits for another program's lock before it fails
_RETRY_S: Final = 0.002  # between two tries; SQLite's own handler waits up to 100 ms and misses gaps between batches
_STATES: Final = {"closed": CLOSED, "open": OPEN, "half_open": HALF_OPEN}


class FrameSource(Protocol):
    """A source of frames: the spool of this process or of another, or the buffer in memory."""

    name: str
    header: Header

    def read(self, position: int, limit: int) -> tuple[list[Frame], int]:
        """At most `limit` frames from `position` on, and the position after them."""

    def site_key(self, site_id: int) -> bytes | None:
        """The marshalled site with this id."""

    def release(self, position: int) -> None:
        """Free what is before `position`: it is in the log."""


class Drain:
    """Moves the frames of one spool into one log; used by one thread at a time."""

    def __init__(self, source: FrameSource, path: Path, synchronous: str = "NORMAL", batch: int = BATCH) -> None:
        """A drain of `source` into the log at `path`, which is opened with the first batch."""
        self._batch = batch
        self.source = source
        self.path = path
        self.breaker = CircuitBreaker()
        self.position = source.header.position
        self._synchronous = synchronous
        self._connection: sqlite.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._row_builder = RowBuilder(source.header.writer, source.site_key, self._code_id)

    def step(self) -> int:
        """Move one batch; return its number of rows: 0 if there is nothing to do or the circuit is open."""
        now = time.monotonic()
        if not self.breaker.allows(now):
            return 0
        self.position = max(self.position, self.source.header.position)  # another process may have drained meanwhile
        frames, end = self.source.read(self.position, self._batch)
        while not frames and end != self.position:  # an empty segment: continue in the next one
            self.position = end
            frames, end = self.source.read(self.position, self._batch)
        if not frames:
            return 0
        self.breaker = self.breaker.before_attempt(now)
        try:
            moved = self._move(frames, end)
        except (sqlite.Error, ObsError, OSError) as error:
            self._failed(error)
            return 0
        self._succeeded()
        return moved or self.step()

    def _move(self, frames: list[Frame], end: int) -> int:
        connection = self._open()
        header = self.source.header
        with ExitStack() as transaction:
            _enter(transaction, connection)
            if (log_position := self._advance(connection, end)) is not None:
                self._catch_up(log_position)
                return 0
            self._store(connection, frames)
        if _identity(self.path) != self._file:  # also finds a file that was deleted before the batch
            self.close()
            raise OSError("the log was deleted or replaced")
        self.position = end
        header.position = end
        header.written += len(frames)
        header.last_flush_ns = time.time_ns()
        self.source.release(end)
        return len(frames)

    def _advance(self, connection: sqlite.Connection, end: int) -> int | None:
        """Move this spool's position in the log to `end`; return the log's own position if it is further."""
        name = self.source.name
        ours = "UPDATE drained SET position = ? WHERE spool = ? AND position <= ?"
        if connection.execute(ours, (end, name, self.position)).rowcount:
            return None
        log_position = position_of(connection, name)
        if log_position is None:
            connection.execute("INSERT INTO drained VALUES (?, ?)", (name, end))
        return log_position

    def _catch_up(self, log_position: int) -> None:
        """Continue at `log_position`, which a drain committed before it died without updating the spool's header."""
        while self.position < log_position:
            frames, end = self.source.read(self.position, 1)
            if end == self.position:
                break
            self.source.header.written += len(frames)
            self.position = end
        self.position = self.source.header.position = log_position

    def _store(self, connection: sqlite.Connection, frames: list[Frame]) -> None:
        header = self.source.header
        writer = header.writer
        if self._row_builder.run_id is None and any(frame[0] != READY for frame in frames):
            identity = (writer.process, writer.process_group, header.pid, writer.host, writer.version, writer.revision)
            self._row_builder.run_id = log.run_id(connection, ProcessRun(*identity, header.started_ns))
        rows = self._row_builder.rows(frames)
        try:
            log.append_in_bulk(connection, rows)
        except (UnicodeError, OverflowError):
            log.append_in_bulk(connection, [sanitised(row) for row in rows])

    def _code_id(self, site: CallSite) -> int | None:
        assert self._connection is not None
        header = self.source.header
        code = code_of(site, header.writer.revision, header.started_ns, time.time_ns())
        return log.code_id(self._connection, code)

    def _open(self) -> sqlite.Connection:
        if self._connection is None:
            self._connection = log.open_log(self.path, synchronous=self._synchronous)
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._file = _identity(self.path)
            self._row_builder.forget_ids()
        return self._connection

    def _succeeded(self) -> None:
        self.breaker = self.breaker.after_success()
        self.source.header.circuit = CLOSED

    def _failed(self, error: Exception) -> None:
        jitter = (time.perf_counter_ns() & 1023) / 1023
        self.breaker = self.breaker.after_failure(time.monotonic(), jitter)
        self.source.header.circuit = _STATES[self.breaker.state]
        self.source.header.last_error = f"{type(error).__name__}: {error}"
        self._row_builder.forget_ids()
        if not str(error).endswith("locked"):
            self.close()

    def holds_lease(self) -> bool:
        """Take or keep the lease of the spool; False while another living process drains it."""
        header = self.source.header
        own = os.getpid()
        if header.lease_pid != own:
            if not header.lease_is_free(pid_namespace(), time.time_ns()):
                return False
            self.take_lease()
        return True

    def take_lease(self) -> None:
        """Store in the spool's header that this process drains it."""
        header = self.source.header
        header.lease_birth = birth_of(os.getpid()) or 0
        header.lease_pid = os.getpid()
        self.position = header.position

    def leak_connection_after_fork(self) -> None:
        """Leak the parent's connection in a forked child: closing it here would break the parent's log.

        SQLite forbids using a connection after a fork, even to close it; an extra reference keeps it open for ever.
        """
        if self._connection is not None:
            import ctypes  # noqa: PLC0415 - only in a child of a process that was writing

            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))
            self._connection = None

    def close(self) -> None:
        """Close the log; the next step opens it again."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            try:
                connection.close()
            except sqlite.Error as error:
                self.source.header.last_error = f"{type(error).__name__}: {error}"

    def remove_position(self) -> None:
        """Delete the spool's position from the log, after its file was deleted."""
        try:
            with sqlite.transaction(connection := self._open()):
                connection.execute("DELETE FROM drained WHERE spool = ?", (self.source.name,))
        except (sqlite.Error, ObsError, OSError):
            return


def drain_into(source: FrameSource, options: Options) -> Drain:
    """The drain for a process's own spool."""
    return Drain(source, Path(options.log).absolute(), options.synchronous)


def _enter(stack: ExitStack, connection: sqlite.Connection) -> None:
    """Begin a transaction on `stack`; wait up to a second while other programs write.

    Raises:
        sqlite.Error: the log is still locked, or can't be written.
    """
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            stack.enter_context(sqlite.transaction(connection))
        except sqlite.Error as error:
            if not str(error).endswith("locked") or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def position_of(connection: sqlite.Connection, spool: str) -> int | None:
    """The drained position of `spool` in this log, or None if it has none."""
    row = connection.execute("SELECT position FROM drained WHERE spool = ?", (spool,)).fetchone()
    return int(row[0]) if row else None


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        stat = os.stat(path)  # noqa: PTH116 - one call of many per second
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
