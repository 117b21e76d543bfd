"""The writer of this process: starts with the first frame, drains in a thread and flushes at exit.

Every traced call puts its frame into `sink.write`. Before the first frame, and in a forked child, it starts the writer;
afterwards it is `mmap.write` of the spool's current segment, and `sink.put` is called when that is full.
"""

import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from obs_core.capture.options import Options, read_environment, warn
from obs_core.capture.spool.frames import FrameSink, Sites
from obs_core.paths import folder_of

if TYPE_CHECKING:
    from obs_core.capture.drain.drain import Drain
    from obs_core.capture.spool.memory_fallback import MemoryBuffer
    from obs_core.capture.spool.spool import Spool

_GAP_S: Final = 0.003  # between two batches (some 80 ms each), so that other programs can write to the log
_RECOVERY_S: Final = 5.0  # how often a writer looks for spools of dead writers


class Writer:
    """The spool of this process and the thread that drains it."""

    def __init__(self, options: Options, *, drains: bool) -> None:
        """Make the spool, or a buffer in memory if that fails; with `drains`, start the thread that empties it."""
        # imported with the first frame, not with obs_core; and all of it, so that no later import runs during a fork
        import importlib.readers  # noqa: F401, PLC0415 - importlib.resources would import it with the first batch

        from obs_core.capture.drain import at_exit, drain, recovery  # noqa: PLC0415
        from obs_core.capture.spool import memory_fallback, renewal  # noqa: PLC0415

        self._recover, self._drain_into, self._renewal = recovery.recover, drain.drain_into, renewal
        self.at_exit_of_child = at_exit.at_exit_of_child
        self.options = options
        self.spool: Spool | MemoryBuffer = memory_fallback.new_spool(options, process.sites.keys)
        self.drain: Drain = drain.drain_into(self.spool, options)
        self.closed = False
        self.drain_lock, self._wake = threading.Lock(), threading.Lock()
        self._wake.acquire()
        self._recovery_due = time.monotonic()
        if drains:
            threading.Thread(target=self._loop, name="obs_core drain", daemon=True).start()

    def put(self, frame: bytes) -> None:
        """Write `frame` to the spool, or count it as dropped; used when the current segment is full."""
        if self.closed:
            sink.write = sink.put = start
            start(frame)
            return
        spool = self.spool
        while not spool.write(frame) and spool is not self.spool:
            spool = self.spool  # its file was deleted meanwhile
        sink.write = spool.current_write()
        try:
            self._wake.release()
        except RuntimeError:
            return  # the thread is awake already

    def _loop(self) -> None:
        while not self.closed:
            self._wake.acquire(timeout=self.options.flush_ms / 1000)
            while self._tick():
                time.sleep(_GAP_S)

    def _tick(self) -> int:
        """Move one batch and maintain the spool; return the number of moved rows."""
        with self.drain_lock:
            if self.closed:
                return 0
            try:
                moved = self._step() if self.drain.holds_lease() else 0
                self.spool.tidy(time.time_ns())
                if self.spool.is_lost():
                    self._renew()
                if self.options.drain and not moved and time.monotonic() >= self._recovery_due:
                    self._recovery_due = time.monotonic() + _RECOVERY_S
                    self.recover()
            except Exception as error:  # noqa: BLE001 - the thread must survive any error; the status shows it
                self.spool.header.last_error = f"{type(error).__name__}: {error}"
                return 0
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
            self.spool = self._renewal.renewed(self.options, process.sites.keys, old)
            self.register_sites()
            if process.writer is self:
                sink.write = self.spool.current_write()
            old.seal()
            self._renewal.take_over(self.spool, old, max(old_drain.position, old.header.position))
            self.drain = self._drain_into(self.spool, self.options)
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
        header.recovered += self._recover(folder, self.drain.path, skip=self.spool.name, report=report)

    def flush(self, timeout_s: float) -> bool:
        """Move every row that is in the spool now into the log; False if that takes longer than the timeout."""
        deadline = time.monotonic() + timeout_s
        spool = self.spool
        end = spool.end()
        while self.drain.position < end:
            if not self.drain_lock.acquire(timeout=max(deadline - time.monotonic(), 0)):
                return False
            try:
                moved = self._step()
            finally:
                self.drain_lock.release()
            if not moved and self.drain.position < end:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(0.01)
            if spool is not self.spool:
                spool = self.spool
                end = spool.end()
        return True

    def close(self, timeout_s: float) -> None:
        """Stop accepting frames, flush, and delete the spool if the log has all of it."""
        deadline = time.monotonic() + timeout_s
        self.closed = True
        if self.spool.is_lost():
            with self.drain_lock:
                self._renew()
        self.spool.seal()
        done = self.flush(timeout_s if self.options.drain else 0)
        while done and self.drain_lock.acquire(timeout=1):
            confirmed = not self.options.drain or self.drain.is_confirmed()
            self.drain_lock.release()
            if confirmed:
                break
            done = self.flush(deadline - time.monotonic())  # the log was lost: once more, into a new one
        if not self.drain_lock.acquire(timeout=1):
            return
        try:
            self.spool.tidy(time.time_ns())
            if done:
                self.spool.remove()
                self.drain.remove_position()
            else:
                self.spool.leave()
            self.drain.close()
        finally:
            self.drain_lock.release()


class _Process:
    """The state of this process: its options, sites and, after the first frame, its writer."""

    def __init__(self) -> None:
        self.options, self.refused = read_environment(os.environ)
        self.writer: Writer | None = None
        self.lock = threading.RLock()
        self.early_frames: list[bytes] | None = None
        self.sites = Sites()
        self.ended = False

    def report_refused(self) -> None:
        """Say which settings could not be used, once there is a writer."""
        if self.refused and self.writer is not None:
            self.writer.spool.header.last_error = "; ".join(self.refused)
            warn(self.refused)
            self.refused = []

    def site_id(self, site_key: bytes) -> int:
        """The id of the site marshalled as `site_key`, registered in the spool; 0 if there are too many sites."""
        site_id, new = self.sites.register(site_key)
        writer = self.writer
        if new and writer is not None and not writer.closed:
            try:
                writer.spool.register_site(site_id, site_key)
            except ValueError:  # the spool is being closed; the next one gets all sites
                return site_id
        return site_id


process: Final = _Process()


def start(frame: bytes) -> None:
    """Start the writer with its first frame."""
    with process.lock:
        if process.early_frames is not None:  # called by a signal handler or finalizer during the start
            process.early_frames.append(frame)
            return
        if process.writer is None or process.writer.closed:
            process.early_frames = []
            try:
                writer = Writer(process.options, drains=not process.ended)
                process.writer = writer
                process.report_refused()
                # after `process.writer` is set, so that no new site is missed
                writer.register_sites()
                writer.at_exit_of_child(end_of_program)
            finally:
                waiting, process.early_frames = process.early_frames, None
            sink.put = writer.put
            for early in waiting:
                writer.put(early)
    writer.put(frame)


sink: Final = FrameSink(start)


def flush(timeout_s: float) -> bool:
    """Wait until every row so far is in the log; False after the timeout."""
    return process.writer is None or process.writer.closed or process.writer.flush(timeout_s)


def end() -> None:
    """Flush and close the writer, if there is one; a later frame starts another."""
    with process.lock:
        writer, process.writer = process.writer, None
        sink.write = sink.put = start
        if writer is not None:
            writer.close(process.options.exit_s)


def end_of_program() -> None:
    """Flush at exit. Later rows stay in a spool for the next program or `python -m obs_core drain`."""
    process.ended = True
    end()
