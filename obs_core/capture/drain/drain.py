"""The drain: moves rows from a spool into the log, each exactly once.

A batch and the position behind it are committed in one transaction, and that transaction compares the position it
starts from with the log's. So a drain that is killed at any point resumes where the log is, and of two drains on one
spool only one commits a row. Beside busy Python a thread waits for the interpreter once per statement: a batch is a
few statements with many rows each, not one per row.
"""

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Protocol

from obs_core.capture.drain.circuit_breaker import Breaker
from obs_core.capture.drain.row_builder import RowBuilder, sanitised
from obs_core.capture.drain.source_lookup import code_of
from obs_core.capture.options import Options
from obs_core.capture.spool.frames import READY, CallSite, Event
from obs_core.capture.spool.header import CLOSED, HALF_OPEN, OPEN, Header
from obs_core.errors import ObsError
from obs_core.model import ProcessRun
from obs_core.process_identity import birth_of, own_space
from obs_core.store import log, sqlite

BATCH: Final = 8192  # rows of one transaction; beside busy Python each of its statements waits some 5 ms
BUSY_S: Final = 1.0  # how long a batch waits for another program's lock before it counts as failed
_ASK_S: Final = 0.002  # how often it asks; SQLite's own waiting asks every 100 ms, and busy programs starve the others
_STATES: Final = {"closed": CLOSED, "open": OPEN, "half_open": HALF_OPEN}


class Source(Protocol):
    """What a drain empties: a spool of this process or of another, or rows in memory."""

    name: str
    header: Header

    def read(self, position: int, limit: int) -> tuple[list[Event], int]:
        """At most `limit` rows from `position` on, and the position behind them."""

    def site(self, number: int) -> bytes | None:
        """The marshalled site of this number."""

    def release(self, position: int) -> None:
        """Everything before `position` is in the log."""


class Drain:
    """Empties one spool into one log; used by one thread at a time."""

    def __init__(self, source: Source, path: Path, synchronous: str = "NORMAL", batch: int = BATCH) -> None:
        """A drain of `source` into the log at `path`, which is opened when there is something to move."""
        self._batch = batch
        self.source = source
        self.path = path
        self.breaker = Breaker()
        self.position = source.header.position
        self._synchronous = synchronous
        self._connection: sqlite.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._translator = RowBuilder(source.header.writer, source.site, self._code_id)

    def step(self) -> int:
        """Move one batch; return how many rows it had: 0 if there is nothing to do, or the breaker is open."""
        now = time.monotonic()
        if not self.breaker.allows(now):
            return 0
        self.position = max(self.position, self.source.header.position)  # another may have drained meanwhile
        events, end = self.source.read(self.position, self._batch)
        while not events and end != self.position:  # an emptied segment: go on in the next
            self.position = end
            events, end = self.source.read(self.position, self._batch)
        if not events:
            return 0
        self.breaker = self.breaker.trying(now)
        try:
            moved = self._move(events, end)
        except (sqlite.Error, ObsError, OSError) as error:
            self._failed(error)
            return 0
        self._succeeded()
        return moved or self.step()

    def _move(self, events: list[Event], end: int) -> int:
        connection = self._opened()
        header = self.source.header
        with ExitStack() as transaction:
            _enter(transaction, connection)
            if (stands := self._advance(connection, end)) is not None:
                self._catch_up(stands)
                return 0
            self._store(connection, events)
        if _identity(self.path) != self._file:  # also finds a file that was deleted before the batch
            self.close()
            raise OSError("the log was deleted or replaced")
        self.position = end
        header.position = end
        header.written += len(events)
        header.last_flush_ns = time.time_ns()
        self.source.release(end)
        return len(events)

    def _advance(self, connection: sqlite.Connection, end: int) -> int | None:
        """Move this spool's position in the log to `end`; where the log is further than we, say how far."""
        name = self.source.name
        ours = "UPDATE drained SET position = ? WHERE spool = ? AND position <= ?"
        if connection.execute(ours, (end, name, self.position)).rowcount:
            return None
        stands = position_of(connection, name)
        if stands is None:
            connection.execute("INSERT INTO drained VALUES (?, ?)", (name, end))
        return stands

    def _catch_up(self, stands: int) -> None:
        """Go on at `stands`: what is before it was committed by a drain that could not say so in the spool any more."""
        while self.position < stands:
            events, end = self.source.read(self.position, 1)
            if end == self.position:
                break
            self.source.header.written += len(events)
            self.position = end
        self.position = self.source.header.position = stands

    def _store(self, connection: sqlite.Connection, events: list[Event]) -> None:
        header = self.source.header
        writer = header.writer
        if self._translator.run_id is None and any(event[0] != READY for event in events):
            facts = (writer.process, writer.process_group, header.pid, writer.host, writer.version, writer.revision)
            self._translator.run_id = log.run_id(connection, ProcessRun(*facts, header.started_ns))
        rows = self._translator.rows(events)
        try:
            log.append_in_bulk(connection, rows)
        except (UnicodeError, OverflowError):
            log.append_in_bulk(connection, [sanitised(row) for row in rows])

    def _code_id(self, site: CallSite) -> int | None:
        assert self._connection is not None
        header = self.source.header
        code = code_of(site, header.writer.revision, header.started_ns, time.time_ns())
        return log.code_id(self._connection, code)

    def _opened(self) -> sqlite.Connection:
        if self._connection is None:
            self._connection = log.open_log(self.path, synchronous=self._synchronous)
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._file = _identity(self.path)
            self._translator.forget_ids()
        return self._connection

    def _succeeded(self) -> None:
        self.breaker = self.breaker.after_success()
        self.source.header.circuit = CLOSED

    def _failed(self, error: Exception) -> None:
        chance = (time.perf_counter_ns() & 1023) / 1023
        self.breaker = self.breaker.after_failure(time.monotonic(), chance)
        self.source.header.circuit = _STATES[self.breaker.state]
        self.source.header.last_error = f"{type(error).__name__}: {error}"
        self._translator.forget_ids()
        if not str(error).endswith("locked"):
            self.close()

    def holds_lease(self) -> bool:
        """Take or keep the lease of the spool; False while another living process drains it."""
        header = self.source.header
        own = os.getpid()
        if header.lease_pid != own:
            if not header.lease_is_free(own_space(), time.time_ns()):
                return False
            self.take_lease()
        return True

    def take_lease(self) -> None:
        """Say in the spool's header that this process drains it."""
        header = self.source.header
        header.lease_birth = birth_of(os.getpid()) or 0
        header.lease_pid = os.getpid()
        self.position = header.position

    def abandon(self) -> None:
        """Let the parent's connection be, in a forked child: to close it here would break the parent's log.

        SQLite forbids to carry a connection across a fork, even to close it; so it gets a reference that never ends.
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

    def forget(self) -> None:
        """Take the spool's position out of the log, once its file is gone."""
        try:
            with sqlite.transaction(connection := self._opened()):
                connection.execute("DELETE FROM drained WHERE spool = ?", (self.source.name,))
        except (sqlite.Error, ObsError, OSError):
            return


def drain_into(source: Source, options: Options) -> Drain:
    """The drain of a process's own spool."""
    return Drain(source, Path(options.log).absolute(), options.synchronous)


def _enter(stack: ExitStack, connection: sqlite.Connection) -> None:
    """Begin a transaction on `stack`, after waiting for other programs' ones.

    Raises:
        sqlite.Error: they took longer than a second, or something else is wrong.
    """
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            stack.enter_context(sqlite.transaction(connection))
        except sqlite.Error as error:
            if not str(error).endswith("locked") or time.monotonic() > deadline:
                raise
            time.sleep(_ASK_S)
        else:
            return


def position_of(connection: sqlite.Connection, spool: str) -> int | None:
    """How far `spool` is in this log, None if it never was."""
    found = connection.execute("SELECT position FROM drained WHERE spool = ?", (spool,)).fetchone()
    return int(found[0]) if found else None


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        facts = os.stat(path)  # noqa: PTH116 - one call of many per second
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
