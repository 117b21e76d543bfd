"""The thread of a writer, which ends before a fork and starts again with the first row after it.

Python 3.12 and newer warn about a fork in a process with more than one thread. 3.12 counts them before the handlers run
that `os.register_at_fork` calls in the parent, 3.13 after them, so it can't start there.
"""

import sys
from _thread import get_native_id, start_new_thread
from collections.abc import Callable
from typing import Final

from obs_core.system import monotonic, os, sleep

ENDS_BEFORE_FORK: Final = sys.version_info >= (3, 12)
_POLL_S: Final = 0.0002
_TASK: Final = "/proc/self/task/{}"  # until this is gone, a little after its end, the kernel counts a thread


class _Turn:
    """A thread from its start to its end: the id that the system gave it, 0 before it runs."""

    __slots__ = ("has_ended", "native_id")

    def __init__(self) -> None:
        self.native_id = 0
        self.has_ended = False

    def is_gone(self) -> bool:
        """Whether the system has removed the thread."""
        return self.has_ended and not (self.native_id and os.access(_TASK.format(self.native_id), os.F_OK))


class WriterThread:
    """A thread that does `work` until that returns, which it must do soon after `is_due()` is false."""

    __slots__ = ("_turn", "_work", "waits")

    def __init__(self, work: Callable[[Callable[[], bool]], None]) -> None:
        """`work(is_due)` is what the thread does; it does not start yet."""
        self._work = work
        self._turn: _Turn | None = None
        self.waits = False  # it ended for a fork

    def start(self) -> None:
        """Start the thread. If the system has no more threads, nothing happens."""
        self.waits = False
        turn = self._turn = _Turn()
        try:
            start_new_thread(self._run, (turn,))  # not `Thread`: `threading.enumerate` does not list it
        except RuntimeError:
            turn.has_ended = True

    def _run(self, turn: _Turn) -> None:
        turn.native_id = get_native_id()
        try:
            self._work(lambda: self._turn is turn)
        finally:
            turn.has_ended = True

    def end(self, wake: Callable[[], None], timeout_s: float) -> None:
        """End the thread and wait until the system has removed it; `wake` makes it look at `is_due`.

        Not in the thread itself, and not without one. After the timeout it is left to end later.
        """
        turn = self._turn
        if turn is None or turn.native_id == get_native_id():
            return
        self._turn, self.waits = None, True
        _wait_for(turn, wake, timeout_s)

    def join(self, timeout_s: float) -> None:
        """Wait until the system has removed the thread, which ends by itself, or until the timeout."""
        if self._turn is not None:
            _wait_for(self._turn, lambda: None, timeout_s)


def _wait_for(turn: _Turn, wake: Callable[[], None], timeout_s: float) -> None:
    deadline = monotonic() + timeout_s
    while not turn.is_gone() and monotonic() < deadline:
        wake()
        sleep(_POLL_S)
