"""A writer: the spool of this process and the thread that drains it.

Imported with the first frame, not with obs_core, and with all that it needs: later imports could run during a fork or
at the end of the interpreter. Names of the standard library are bound here, so that a program or a test that replaces
`sleep` does not change what the thread does.
"""

import importlib.readers  # noqa: F401 - importlib.resources would import it with the first batch
from _thread import allocate_lock
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from obs_core.capture.context import RECORDING, current
from obs_core.capture.drain.at_exit import at_exit_of_child, drain_elsewhere
from obs_core.capture.drain.drain import Drain, drain_into
from obs_core.capture.drain.recovery import recover
from obs_core.capture.options import Options
from obs_core.capture.spool.memory_fallback import MemoryBuffer, new_spool
from obs_core.capture.spool.renewal import renewed, take_over
from obs_core.capture.spool.spool import Spool
from obs_core.capture.state import process, sink
from obs_core.capture.writer_thread import WriterThread
from obs_core.paths import folder_of
from obs_core.system import monotonic, sleep, time_ns

_GAP_S: Final = 0.003  # between two batches (some 80 ms each), so that other programs can write to the log
_RECOVERY_S: Final = 5.0  # how often a writer looks for spools of dead writers


class Writer:
    """The spool of this process and the thread that drains it."""

    def __init__(self, options: Options, *, drains: bool) -> None:
        """Make the spool, or a buffer in memory if that fails; with `drains`, start the thread that empties it."""
        self.at_exit_of_child, self.drain_elsewhere = at_exit_of_child, drain_elsewhere
        self.options = options
        self.spool: Spool | MemoryBuffer = new_spool(options, process.sites.keys)
        self.drain: Drain = drain_into(self.spool, options)
        self.closed = False
        self._wake = allocate_lock()
        self._wake.acquire()
        self._recovery_due = monotonic()
        self.thread = WriterThread(self._loop)
        if drains:
            self.thread.start()  # without one, the rows are moved at the end of the program

    def put(self, frame: bytes) -> None:
        """Write `frame` to the spool, or count it as dropped; used if the segment is full, and after a fork."""
        if self.thread.waits:
            self.thread.start()
        while not self.closed:
            spool = self.spool
            if spool.write(frame):
                sink.write = spool.current_write()
            elif spool is not self.spool or spool.sealed:
                continue  # its file was deleted meanwhile, or the writer is being closed
            self.wake()
            return
        sink.write = sink.put = sink.start
        sink.start(frame)

    def wake(self) -> None:
        """Make the thread look for work now."""
        with suppress(RuntimeError):  # it is awake already
            self._wake.release()

    def end_thread(self, deadline: float) -> None:
        """End the thread for a fork, and move what waits, because it starts again with the next row only."""
        self.thread.end(self.wake, deadline - monotonic())
        while self.options.drain and self.drain.position < self.spool.end() and monotonic() < deadline:
            if not self._tick():
                break

    def _loop(self, is_due: Callable[[], bool]) -> None:
        current.set(RECORDING)  # traced functions that this thread calls are not the program's calls
        while is_due() and not self.closed:
            self._wake.acquire(timeout=self.options.flush_ms / 1000)
            while is_due() and self._tick():
                sleep(_GAP_S)

    def _tick(self) -> int:
        """Move one batch and maintain the spool; return the number of moved rows."""
        if not process.batch_lock.acquire():
            return 0
        try:
            return 0 if self.closed else self._move_and_maintain()
        except Exception as error:  # noqa: BLE001 - the thread must survive any error; the status shows it
            self.spool.header.last_error = f"{type(error).__name__}: {error}"
            return 0
        finally:
            process.batch_lock.release()
            process.write_late_frames()

    def _move_and_maintain(self) -> int:
        moved = self._step() if self.drain.holds_lease() else 0
        self.spool.tidy(time_ns())
        if self.spool.is_lost():
            self._renew()
        if self.options.drain and not moved and monotonic() >= self._recovery_due:
            self._recovery_due = monotonic() + _RECOVERY_S
            self.recover()
        return moved

    def _step(self) -> int:
        """Move one batch, unless OBS_DRAIN is off and another process drains this spool."""
        if self.options.drain:
            return self.drain.step()
        self.drain.position = max(self.drain.position, self.spool.header.position)
        return 0

    def _renew(self) -> None:
        """Continue with a new spool, because the file of this one was deleted."""
        if not process.lock.acquire(blocking=False):  # another thread starts or closes the writer
            return
        try:
            old, old_drain = self.spool, self.drain
            self.spool = renewed(self.options, process.sites.keys, old)
            self.register_sites()
            if process.writer is self:
                sink.write = self.spool.current_write()
            old.seal()
            take_over(self.spool, old, max(old_drain.position, old.header.position))
            self.drain = drain_into(self.spool, self.options)
            old_drain.remove_position()
            old_drain.close()
        finally:
            process.lock.release()

    def register_sites(self) -> None:
        """Write the sites of this process to the spool."""
        for site_id, site_key in enumerate(process.sites.keys, 1):
            self.spool.register_site(site_id, site_key)

    def recover(self) -> None:
        """Move the rows of dead writers of the same log into it."""
        folder, header = folder_of(self.options.log), self.spool.header
        report = partial(setattr, header, "last_error")
        header.recovered += recover(folder, self.drain.path, skip=self.spool.name, report=report)

    def flush(self, timeout_s: float) -> bool:
        """Move every row that is in the spool now into the log; False if that takes longer than the timeout."""
        deadline = monotonic() + timeout_s
        spool = self.spool
        end = spool.end()
        while self.drain.position < end:
            if not process.batch_lock.acquire(timeout=max(deadline - monotonic(), 0)):
                return False
            try:
                moved = self._step()
            finally:
                process.batch_lock.release()
            if not self.closed:  # else `writer.end` does it
                process.write_late_frames()
            if self.drain.position < end:
                if monotonic() >= deadline:
                    return False
                if not moved:
                    sleep(0.01)
            if spool is not self.spool:
                spool = self.spool
                end = spool.end()
        return True

    def _seal(self) -> None:
        """Accept no more frames. The lock keeps the drain from freeing a segment meanwhile, which would open it."""
        locked = process.batch_lock.acquire(timeout=1)
        self.spool.seal()
        if locked:
            process.batch_lock.release()

    def close(self, timeout_s: float) -> bool:
        """Stop accepting frames, flush, and delete the spool if the log has all of it.

        Returns whether rows are left that another process can move: not if the log can't be written now.
        """
        deadline = monotonic() + timeout_s
        self.closed = True
        if self.spool.is_lost():
            process.batch_lock.acquire()
            try:
                self._renew()
            finally:
                process.batch_lock.release()
        self._seal()
        done = self.flush(timeout_s if self.options.drain else 0)
        while done and process.batch_lock.acquire(timeout=1):
            confirmed = not self.options.drain or self.drain.is_confirmed()
            process.batch_lock.release()
            if confirmed:
                break
            done = self.flush(deadline - monotonic())  # the log was lost: once more, into a new one
        if not process.batch_lock.acquire(timeout=1):
            return self.options.drain
        try:
            self.spool.tidy(time_ns())
            if done:
                self.spool.remove()
                self.drain.remove_position()
            else:
                self.spool.leave()
            self.drain.close()
        finally:
            process.batch_lock.release()
        return self.options.drain and not done and self.drain.breaker.state == "closed"
