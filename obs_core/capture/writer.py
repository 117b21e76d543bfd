"""The one writer of this process: it starts with the first row, drains beside the program and flushes at exit.

`outlet.write` is where every traced call puts its frame. Before the first row, and in a forked child, it starts the
writer; afterwards it is `mmap.write` of the spool's current segment, and `outlet.put` is called when that is full.
"""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from obs_core.capture.options import Options, from_environment
from obs_core.capture.spool.frames import Sites
from obs_core.paths import folder_of

if TYPE_CHECKING:
    from obs_core.capture.drain.drain import Drain
    from obs_core.capture.spool.memory_fallback import MemoryBuffer
    from obs_core.capture.spool.spool import Spool

_GAP_S: Final = 0.003  # between two batches (some 80 ms each), so that other programs get their turn at the log
_RECOVERY_S: Final = 5.0  # how often a writer looks for the spools of dead ones


class FrameSink:
    """Where frames go."""

    __slots__ = ("put", "write")

    def __init__(self, put: Callable[[bytes], None]) -> None:
        """Frames go to `put` until a spool stands."""
        self.write: Callable[[bytes], object] = put
        self.put = put


class Writer:
    """The spool of this process and the thread that drains it."""

    def __init__(self, options: Options, *, drains: bool) -> None:
        """Make the spool, or keep rows in memory where none can be made; if it `drains`, in a thread of its own."""
        # loaded with the first row, not with the import; and all of it, so that no later import runs beside a fork
        from obs_core.capture.drain import drain, recovery  # noqa: PLC0415
        from obs_core.capture.spool import memory_fallback  # noqa: PLC0415

        self._recover = recovery.recover
        self.options = options
        self.spool: Spool | MemoryBuffer = memory_fallback.spool_or_memory(
            options, folder_of(options.log), time.time_ns(), process.sites.keys
        )
        self.drain: Drain = drain.drain_into(self.spool, options)
        self.closed = False
        self.gate = threading.Lock()
        self._wake = threading.Lock()
        self._wake.acquire()
        self._recovery_due = time.monotonic()
        self._thread: threading.Thread | None = None
        if drains:
            self._thread = threading.Thread(target=self._loop, name="obs_core drain", daemon=True)
            self._thread.start()

    def put(self, frame: bytes) -> None:
        """Put `frame` where there is room, or count it as dropped."""
        if self.closed:
            outlet.write = outlet.put = start
            start(frame)
            return
        self.spool.write(frame)
        outlet.write = self.spool.current_write()
        try:
            self._wake.release()
        except RuntimeError:
            return  # awake already

    def _loop(self) -> None:
        while not self.closed:
            self._wake.acquire(timeout=self.options.flush_ms / 1000)
            while self._tick():
                time.sleep(_GAP_S)

    def _tick(self) -> int:
        """Move a batch, or look after the spool if there is none; return how many rows were moved."""
        with self.gate:
            if self.closed:
                return 0
            try:
                moved = self._step() if self.drain.holds_lease() else 0
                self.spool.tidy(time.time_ns())
                if self.options.drain and not moved and time.monotonic() >= self._recovery_due:
                    self._recovery_due = time.monotonic() + _RECOVERY_S
                    self.recover()
            except Exception as error:  # noqa: BLE001 - the drain outlives whatever goes wrong, and says what it was
                self.spool.header.last_error = f"{type(error).__name__}: {error}"
                return 0
            return moved

    def _step(self) -> int:
        """Move a batch, or leave that to others."""
        if self.options.drain:
            return self.drain.step()
        self.drain.position = max(self.drain.position, self.spool.header.position)
        return 0

    def recover(self) -> None:
        """Move the rows of dead writers of the same log into it."""
        folder = folder_of(self.options.log)
        self.spool.header.recovered += self._recover(folder, self.drain.path, but=self.spool.name)

    def flush(self, timeout_s: float) -> bool:
        """Move every row that was in the spool at the call into the log; False if that took longer than the timeout."""
        deadline = time.monotonic() + timeout_s
        end = self.spool.end()
        while self.drain.position < end:
            if not self.gate.acquire(timeout=max(deadline - time.monotonic(), 0)):
                return False
            try:
                moved = self._step()
            finally:
                self.gate.release()
            if not moved and self.drain.position < end:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(0.01)
        return True

    def close(self, timeout_s: float) -> None:
        """Take no more rows, flush, and remove the spool if nothing is left in it."""
        self.closed = True
        self.spool.seal()
        done = self.flush(timeout_s if self.options.drain else 0)
        if not self.gate.acquire(timeout=1):
            return
        try:
            self.spool.tidy(time.time_ns())
            if done:
                self.spool.remove()
                self.drain.forget()
            else:
                self.spool.header.lease_pid = 0
            self.drain.close()
        finally:
            self.gate.release()


class _Process:
    """What this process has: its options, and its writer once there is one."""

    def __init__(self) -> None:
        self.options = from_environment()
        self.writer: Writer | None = None
        self.lock = threading.RLock()
        self.starting: list[bytes] | None = None
        self.sites = Sites()
        self.ended = False

    def number(self, key: bytes) -> int:
        """The number of the site marshalled as `key`, known to the spool; 0 if there is no more room for sites."""
        number, new = self.sites.number(key)
        writer = self.writer
        if new and writer is not None and not writer.closed:
            try:
                writer.spool.tell_site(number, key)
            except ValueError:  # the spool is being closed; the next one is told all
                return number
        return number


process: Final = _Process()


def start(frame: bytes) -> None:
    """Start the writer with its first row."""
    with process.lock:
        if process.starting is not None:  # a signal handler, or a finalizer, that came while we start
            process.starting.append(frame)
            return
        if process.writer is None or process.writer.closed:
            process.starting = []
            try:
                writer = Writer(process.options, drains=not process.ended)
                process.writer = writer
                for number, key in enumerate(process.sites.keys, 1):  # after it is known, so that no new one is missed
                    writer.spool.tell_site(number, key)
                _finish_with_multiprocessing()
            finally:
                waiting, process.starting = process.starting, None
            outlet.put = writer.put
            for early in waiting:
                writer.put(early)
    writer.put(frame)


outlet: Final = FrameSink(start)


def configure(changes: dict[str, object]) -> None:
    """Put `changes` into the options; rows so far are flushed under the old ones."""
    with process.lock:
        options = process.options._replace(**changes)  # type: ignore[arg-type]
        if options != process.options:
            end()
            process.options = options


def flush(timeout_s: float) -> bool:
    """Whether every row so far reached the log within the timeout."""
    return process.writer is None or process.writer.closed or process.writer.flush(timeout_s)


def end() -> None:
    """Flush and close the writer, if there is one; a later row starts another."""
    with process.lock:
        writer, process.writer = process.writer, None
        outlet.write = outlet.put = start
        if writer is not None:
            writer.close(process.options.exit_s)


def end_of_program() -> None:
    """Flush at exit. Rows that still come are kept in a spool, for the next program or `python -m obs_core drain`."""
    process.ended = True
    end()


def _finish_with_multiprocessing() -> None:
    """Processes of multiprocessing end by os._exit, after their own list of things to finish."""
    import sys  # noqa: PLC0415 - with the first row

    util = sys.modules.get("multiprocessing.util")
    parent = sys.modules.get("multiprocessing.process")
    if util is not None and parent is not None and parent.parent_process() is not None:
        util.Finalize(None, end_of_program, exitpriority=0)
