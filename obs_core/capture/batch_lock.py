"""The lock that is held while a batch of rows is moved into the log."""

import sys
from _thread import allocate_lock, get_ident
from types import FrameType
from typing import Final

from obs_core.system import os

FOREVER: Final = -1.0
_CHECK_S: Final = 5.0  # longer than a fork holds the lock, during which no code of ours runs
_HERE: Final = os.path.dirname(__file__)


class BatchLock:
    """A lock that knows which threads hold it or wait for it.

    A finalizer or signal handler can run in such a thread at any time. What it calls must not wait, neither for this
    lock, which its own thread holds, nor for a lock that is held by a thread that waits for this one. A signal handler
    may also raise an exception after the lock is taken and before anything is there to release it: then it is taken
    from that thread.
    """

    def __init__(self) -> None:
        """Make a free lock."""
        self._lock = allocate_lock()
        self._threads: set[int] = set()  # a thread is added before it waits: no moment at which it holds and is missing

    def acquire(self, timeout: float = FOREVER) -> bool:
        """Take the lock; False after `timeout` seconds, and at once if this thread holds it or waits for it."""
        thread = get_ident()
        if thread in self._threads:
            return False
        self._threads.add(thread)
        acquired = False
        try:
            acquired = self._lock.acquire(timeout=timeout if timeout >= 0 else _CHECK_S)
            while not acquired and timeout < 0:
                self._free_if_abandoned()
                acquired = self._lock.acquire(timeout=_CHECK_S)
        finally:
            if not acquired:
                self._threads.discard(thread)
        return acquired

    def release(self) -> None:
        """Free the lock, unless it was taken from this thread."""
        thread = get_ident()
        if thread in self._threads:
            self._lock.release()
            self._threads.discard(thread)

    def is_used_here(self) -> bool:
        """Whether this thread holds the lock or waits for it."""
        return get_ident() in self._threads

    def locked(self) -> bool:
        """Whether any thread holds the lock."""
        return self._lock.locked()

    def _free_if_abandoned(self) -> None:
        """Free the lock if no other thread that may hold it runs code of ours any more."""
        frames = sys._current_frames()  # noqa: SLF001 - documented, for such cases
        others = self._threads - {get_ident()}
        if not any(_runs_our_code(frames.get(thread)) for thread in others):
            self._threads -= others
            if self._lock.locked():
                self._lock.release()


def _runs_our_code(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(_HERE):
            return True
        frame = frame.f_back
    return False
