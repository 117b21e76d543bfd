"""What happens around a fork: the parent waits until it is safe, the child leaves the parent's spool and log alone."""

import os
import threading
from typing import Any, Final

from obs_core.capture.writer import outlet, process, start

_START_S: Final = 1.0  # at most, for another thread that starts the writer: that takes 0.05
_BATCH_S: Final = 3.0  # at most, for the batch that is being moved: that takes 0.1, with a locked log 1
_held: Final[list[Any]] = []


def _before() -> None:
    """Let no fork come while another thread starts the writer or is inside SQLite.

    The child would find their locks taken for ever: those of modules being imported, and SQLite's own.
    """
    writer = process.writer
    waits = [(process.lock, _START_S)] + ([(writer.gate, _BATCH_S)] if writer else [])
    _held[:] = [lock for lock, wait_s in waits if lock.acquire(timeout=wait_s)]


def _after_in_parent() -> None:
    while _held:
        _held.pop().release()


def _after_in_child() -> None:
    """The first row of the child starts a writer of its own."""
    writer, process.writer = process.writer, None
    process.lock = threading.RLock()
    process.starting = None
    outlet.write = outlet.put = start
    _held.clear()
    if writer is not None:
        writer.drain.abandon()
        writer.spool.abandon()


def register() -> None:
    """Do so at every fork of this process, where there is such a thing."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
