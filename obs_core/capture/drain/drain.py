"""The drain: moves frames from a spool into the log, each exactly once.

A batch and the spool position after it are committed in one transaction, which also checks that the log has the
position where the batch starts. So a drain that is killed resumes at the position in the log, and if two drains read
the same spool, only one commits each row. Next to a busy Python thread, each statement waits once for the interpreter
lock: a batch is a few statements with many rows each.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

from obs_core.capture.drain import resume
from obs_core.capture.drain.circuit_breaker import CircuitBreaker
from obs_core.capture.drain.frame_source import FrameSource
from obs_core.capture.drain.log_files import LogFiles
from obs_core.capture.drain.row_builder import RowBuilder, sanitised, storable
from obs_core.capture.drain.source_lookup import code_of
from obs_core.capture.drain.transactions import begin
from obs_core.capture.options import Options
from obs_core.capture.spool.frames import EARLIEST_NS, LATEST_NS, READY, CallSite, Frame
from obs_core.capture.spool.header import CLOSED, HALF_OPEN, OPEN
from obs_core.errors import ObsError
from obs_core.model import Code, ProcessRun
from obs_core.process_identity import pid_namespace
from obs_core.store import log, sqlite
from obs_core.system import monotonic, os, perf_counter_ns, time_ns

BATCH: Final = 8192  # rows per transaction; next to a busy Python thread each statement waits some 5 ms
_STATES: Final = {"closed": CLOSED, "open": OPEN, "half_open": HALF_OPEN}


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
        self._files: LogFiles | None = None
        self._row_builder = RowBuilder(source.header.writer, source.site_key, self._code_id)

    def step(self) -> int:
        """Move one batch; return its number of rows: 0 if there is nothing to do or the circuit is open."""
        now = monotonic()
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
        header = self.source.header
        with ExitStack() as transaction:
            connection, files = self._enter(transaction)
            if connection is None:
                return 0
            if (log_position := self._advance(connection, end)) is not None:
                self._catch_up(log_position)
                return 0
            self._store(connection, frames)
        if not self._is_unchanged(files):
            return 0
        size = end - self.position
        self.position = end
        header.position = end
        header.written += len(frames)
        header.last_flush_ns = time_ns()
        self.source.release(end)
        files.committed(connection, size)
        return len(frames)

    def _enter(self, transaction: ExitStack) -> tuple[sqlite.Connection | None, LogFiles]:
        """Begin a transaction; no connection if the log is behind: then the position was moved back."""
        if self._connection is not None and self._files is not None and self._is_unchanged(self._files):
            begin(transaction, self._connection)
            return self._connection, self._files
        connection, files = self._open()
        begin(transaction, connection)
        files.remember()
        is_behind = self._go_back(connection)
        return (None if is_behind else connection), files

    def _is_unchanged(self, files: LogFiles) -> bool:
        """Whether the log is as our connection knows it; else that is closed, and the next one finds its position."""
        is_unchanged = False
        try:
            is_unchanged = files.check()
        finally:
            if not is_unchanged:
                self.close()
        return is_unchanged

    def _go_back(self, connection: sqlite.Connection) -> bool:
        """Whether rows before the position are not in this log, or lost with its files; then they are moved again."""
        header = self.source.header
        before = resume.position(connection, self.source, self.position)
        if rows := resume.count(self.source, before, self.position):
            header.written -= rows
            self.position = header.position = before
        return bool(rows)

    def is_confirmed(self) -> bool:
        """Whether the log, as it is now, has everything up to the position; if not, the position is moved back."""
        if not self.source.header.written:
            return True
        try:
            with ExitStack() as transaction:
                connection = self._enter(transaction)[0]
                return connection is not None and not self._go_back(connection)
        except (sqlite.Error, ObsError, OSError) as error:
            self._failed(error)
            return False

    def _advance(self, connection: sqlite.Connection, end: int) -> int | None:
        """Move this spool's position in the log to `end`; return the log's own position if it is further."""
        name = self.source.name
        ours = "UPDATE drained SET position = ? WHERE spool = ? AND position <= ?"
        if connection.execute(ours, (end, name, self.position)).rowcount:
            return None
        log_position = resume.position_of(connection, name)
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
            run = ProcessRun._make(storable((*identity, header.started_ns)))
            self._row_builder.run_id = log.run_id(connection, run)
        header.count_out_of_range(sum(frame[5] >= LATEST_NS or frame[5] <= EARLIEST_NS for frame in frames))
        rows = self._row_builder.rows(frames)
        try:
            outcome = log.store_in_bulk(connection, rows)
        except (UnicodeError, OverflowError):
            outcome = log.store_in_bulk(connection, list(map(sanitised, rows)))
        log.record_refusals(connection, outcome)

    def _code_id(self, site: CallSite) -> int | None:
        assert self._connection is not None
        header = self.source.header
        code = code_of(site, header.writer.revision, header.started_ns, time_ns())
        return log.code_id(self._connection, Code._make(storable(code)))

    def _open(self) -> tuple[sqlite.Connection, LogFiles]:
        if self._connection is None or self._files is None:
            self._files = LogFiles(self.path)
            self._connection = log.open_log(self.path, synchronous=self._synchronous)
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._connection.execute("PRAGMA wal_autocheckpoint = 0")  # see `LogFiles.committed`
            self._row_builder.forget_ids()
        return self._connection, self._files

    def _succeeded(self) -> None:
        self.breaker = self.breaker.after_success()
        self.source.header.circuit = CLOSED

    def _failed(self, error: Exception) -> None:
        self.breaker = self.breaker.after_failure(monotonic(), (perf_counter_ns() & 1023) / 1023)
        self.source.header.circuit = _STATES[self.breaker.state]
        self.source.header.last_error = f"{type(error).__name__}: {error}"
        self._row_builder.forget_ids()
        if not str(error).endswith("locked"):
            self.close()

    def holds_lease(self) -> bool:
        """Take or keep the lease of the spool; False while another living process drains it."""
        header = self.source.header
        if header.lease_pid != os.getpid():
            if not header.lease_is_free(pid_namespace(), time_ns()):
                return False
            self.take_lease()
        return True

    def take_lease(self) -> None:
        """Store in the spool's header that this process drains it."""
        self.source.header.take_lease()
        self.position = self.source.header.position

    def leak_connection_after_fork(self) -> None:
        """Leave the parent's connection open in a forked child: closing it here would break the parent's log."""
        if self._connection is not None:
            sqlite.leak(self._connection)
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
            with sqlite.transaction(connection := self._open()[0]):
                connection.execute("DELETE FROM drained WHERE spool = ?", (self.source.name,))
        except (sqlite.Error, ObsError, OSError):
            return


def drain_into(source: FrameSource, options: Options) -> Drain:
    """The drain for a process's own spool."""
    return Drain(source, Path(options.log).absolute(), options.synchronous)
