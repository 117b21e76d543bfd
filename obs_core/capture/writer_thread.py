"""The thread of a writer, which ends before a fork and starts again after it.

Python 3.12 and newer warn about a fork in a process with more than one thread. They count before the handlers run that
`os.register_at_fork` calls in the parent (read and tried: 3.12, 3.13), so a thread that starts there is not counted.
"""

import sys
from _thread import get_native_id, start_new_thread
from collections.abc import Callable
from typing import Final

from obs_core.system import monotonic, os, sleep

ENDS_BEFORE_FORK: Final = sys.version_info >= (3, 12)
_POLL_S: Final = 0.0002
_TASK: Final = "/proc/self/task/{}"  # until this is gone, a little after its end, the kernel counts a thread


class WriterThread:
    """A thread that does `work` until that returns, which it must do soon after `is_due()` is false."""

    __slots__ = ("_native_ids", "_work")

    def __init__(self, work: Callable[[Callable[[], bool]], None]) -> None:
        """`work(is_due)` is what the thread does; it does not start yet."""
        self._work = work
        self._native_ids: list[int] = []  # of the thread that is due: one item once it runs, none after its end

    def start(self) -> None:
        """Start the thread. If the system has no more threads, nothing happens."""
        native_ids = self._native_ids = [0]
        try:
            start_new_thread(self._run, (native_ids,))  # not `Thread`: `threading.enumerate` does not list it
        except RuntimeError:
            native_ids.clear()

    def _run(self, native_ids: list[int]) -> None:
        native_ids[:] = [get_native_id()]
        try:
            self._work(lambda: self._native_ids is native_ids)
        finally:
            native_ids.clear()

    def end(self, wake: Callable[[], None], timeout_s: float) -> bool:
        """End the thread and wait until the system has removed it; `wake` makes it look at `is_due`.

        Returns whether there was one to end: not in the thread itself. After the timeout it is left to end later.
        """
        native_ids, self._native_ids = self._native_ids, []
        if not native_ids or native_ids[0] == get_native_id():
            self._native_ids = native_ids
            return False
        deadline = monotonic() + timeout_s
        task = ""
        while monotonic() < deadline:
            wake()
            if native_ids and native_ids[0]:
                task = _TASK.format(native_ids[0])
            if not native_ids and not (task and os.access(task, os.F_OK)):
                break
            sleep(_POLL_S)
        return True
