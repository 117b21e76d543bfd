"""Fork handling: the parent waits until a fork is safe, the child detaches from the parent's spool and log."""

import os
import threading
from typing import Any, Final

from obs_core.capture.batch_lock import BatchLock
from obs_core.capture.state import process, sink
from obs_core.capture.writer_thread import ENDS_BEFORE_FORK
from obs_core.system import monotonic

_MAX_START_S: Final = 1.0  # wait for another thread that starts the writer, which takes 0.05 s
_MAX_BATCH_S: Final = 3.0  # wait for the batch that is being moved, which takes 0.1 s, with a locked log 1 s
_held: Final[list[Any]] = []


def _before() -> None:
    """Delay the fork while another thread starts the writer or is inside SQLite.

    In the child, the locks of that thread would never be released: those of imports, and SQLite's own. The thread of
    the writer ends meanwhile, because newer versions of Python warn about it.
    """
    _held[:] = [process.lock] if process.lock.acquire(timeout=_MAX_START_S) else []
    deadline = monotonic() + _MAX_BATCH_S
    writer = process.writer
    if ENDS_BEFORE_FORK and _held and writer is not None and not process.batch_lock.is_used_here():
        writer.end_thread(deadline)
    if process.batch_lock.acquire(timeout=max(deadline - monotonic(), 0)):
        _held.append(process.batch_lock)


def _after_in_parent() -> None:
    writer = process.writer
    if writer is not None and writer.thread.waits and not writer.closed:
        sink.write = writer.put
    while _held:
        _held.pop().release()
    process.write_late_frames()


def _after_in_child() -> None:
    """Detach from the parent's writer; the first frame of the child starts its own."""
    writer, process.writer = process.writer, None
    process.lock, process.batch_lock = threading.RLock(), BatchLock()
    process.early_frames = None
    process.main_waits = False
    process.late_frames = []
    process.homeless = process.closed_dropped = 0
    sink.write = sink.put = sink.start
    _held.clear()
    if writer is not None:
        writer.drain.leak_connection_after_fork()
        writer.spool.detach_after_fork()


def register() -> None:
    """Register these handlers for every fork of this process, on systems that have it."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
