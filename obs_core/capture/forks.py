"""Fork handling: the parent waits until a fork is safe, the child detaches from the parent's spool and log."""

import os
import threading
from typing import Any, Final

from obs_core.capture.state import process, sink

_MAX_START_S: Final = 1.0  # wait for another thread that starts the writer, which takes 0.05 s
_MAX_BATCH_S: Final = 3.0  # wait for the batch that is being moved, which takes 0.1 s, with a locked log 1 s
_held: Final[list[Any]] = []


def _before() -> None:
    """Delay the fork while another thread starts the writer or is inside SQLite.

    In the child, the locks of that thread would never be released: those of imports, and SQLite's own.
    """
    _held[:] = [process.lock] if process.lock.acquire(timeout=_MAX_START_S) else []
    writer = process.writer  # read under the lock: one that another thread starts now moves its first batch at once
    if writer is not None and writer.drain_lock.acquire(timeout=_MAX_BATCH_S):
        _held.append(writer.drain_lock)


def _after_in_parent() -> None:
    while _held:
        _held.pop().release()


def _after_in_child() -> None:
    """Detach from the parent's writer; the first frame of the child starts its own."""
    writer, process.writer = process.writer, None
    process.lock = threading.RLock()
    process.early_frames = None
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
