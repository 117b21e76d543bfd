"""The lock that is held while a batch of rows is moved into the log."""

from _thread import allocate_lock, get_ident
from typing import Final

FOREVER: Final = -1.0


class BatchLock:
    """A lock that knows which threads hold it or wait for it.

    A finalizer or signal handler can run in such a thread at any time. What it calls must not wait, neither for this
    lock, which its own thread holds, nor for a lock that is held by a thread that waits for this one.
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
            acquired = self._lock.acquire(timeout=timeout)
        finally:
            if not acquired:
                self._threads.discard(thread)
        return acquired

    def release(self) -> None:
        """Free the lock."""
        self._lock.release()
        self._threads.discard(get_ident())

    def is_used_here(self) -> bool:
        """Whether this thread holds the lock or waits for it."""
        return get_ident() in self._threads

    def locked(self) -> bool:
        """Whether any thread holds the lock."""
        return self._lock.locked()
