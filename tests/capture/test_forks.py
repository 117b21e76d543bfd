"""Fork handling, in the process that forks; tests/capture/test_bursts.py forks real programs."""

import threading
import time

import pytest

from obs_core.capture import forks
from obs_core.capture.batch_lock import BatchLock
from obs_core.capture.writer import process


def test_a_fork_waits_for_the_first_batch_of_a_writer_that_another_thread_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The child hung in its first row, or found the log locked, if the fork came between the start and the batch."""
    monkeypatch.setattr(process, "lock", threading.RLock())
    monkeypatch.setattr(process, "writer", None)
    monkeypatch.setattr(process, "batch_lock", BatchLock())
    starting, started = threading.Event(), threading.Event()

    def start() -> None:
        with process.lock:
            starting.set()
            time.sleep(0.1)
            started.set()

    thread = threading.Thread(target=start)
    thread.start()
    assert starting.wait(5)
    forks._before()
    try:
        assert started.is_set()
        assert process.batch_lock.locked()
    finally:
        forks._after_in_parent()
        thread.join()
    assert not process.batch_lock.locked()
