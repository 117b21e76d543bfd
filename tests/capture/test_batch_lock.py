"""What a finalizer or signal handler records while its thread moves a batch: it never waits, and its row is kept.

A program hung at its end until OBS_EXIT_S: the thread that moved the last batch ran the finalizer of a traced
generator, whose row waited for the lock of the thread that waited for the batch.
"""

import threading
import time
from collections.abc import Callable

import pytest

import obs_core
from obs_core import trace
from obs_core.capture import batch_lock, forks, writer
from obs_core.capture.batch_lock import BatchLock
from tests.capture.conftest import Select


@trace
def finalizer() -> None:
    """Called as if by the interpreter, between two instructions of code of ours."""


def while_a_thread_moves_a_batch(wait: Callable[[], object], interrupt: Callable[[], object]) -> None:
    """Call `wait` in this thread, and `interrupt` in one that moves a batch, once this one waits for its end."""
    process = writer.process
    waiting = threading.get_ident()
    moves = threading.Event()
    order: list[str] = []

    def move() -> None:
        assert process.batch_lock.acquire(5)
        try:
            moves.set()
            until(lambda: waiting in process.batch_lock._threads)
            interrupt()
            order.append("interrupted")
        finally:
            process.batch_lock.release()
            process.write_late_frames()

    thread = threading.Thread(target=move)
    thread.start()
    assert moves.wait(5)
    wait()
    order.append("waited")
    thread.join(30)
    assert order == ["interrupted", "waited"], "the thread that moves a batch waited for the one that waits for it"


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def fork() -> None:
    """What happens around a fork, in the parent."""
    forks._before()
    forks._after_in_parent()


@pytest.mark.parametrize("wait", [writer.end, fork])
def test_a_row_of_a_finalizer_does_not_wait_for_the_thread_that_waits_for_its_batch(
    select: Select, wait: Callable[[], object]
) -> None:
    finalizer()
    while_a_thread_moves_a_batch(wait, finalizer)
    finalizer()
    assert writer.process.late_frames == []
    assert select("function") == [("tests.capture.test_batch_lock.finalizer",)] * 3
    assert writer.dropped() == 0


@pytest.mark.usefixtures("log")
def test_a_finalizer_that_flushes_or_asks_in_a_thread_that_moves_a_batch_gets_an_answer_at_once() -> None:
    finalizer()
    answers: list[object] = []

    def ask() -> None:
        answers.extend((obs_core.flush(30), writer.dropped(), writer.end()))
        obs_core.configure(exit_s=9)

    while_a_thread_moves_a_batch(writer.end, ask)
    assert answers == [False, 0, False]
    assert writer.process.options.exit_s != 9
    writer.process.notes.clear()


def test_a_batch_lock_is_refused_to_its_own_thread_and_waits_for_others() -> None:
    lock = BatchLock()
    assert lock.acquire()
    assert not lock.acquire()
    assert lock.is_used_here()
    others: list[bool] = []
    thread = threading.Thread(target=lambda: others.extend((lock.acquire(0.01), lock.is_used_here())))
    thread.start()
    thread.join()
    assert others == [False, False]
    lock.release()
    assert not lock.is_used_here()
    assert not lock.locked()


def test_a_lock_that_an_interrupted_thread_did_not_release_is_taken_from_it(
    select: Select, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal handler raised an exception between `acquire` and `try`: no row was moved any more."""
    monkeypatch.setattr(batch_lock, "_CHECK_S", 0.01)
    finalizer()
    assert select("function") == [("tests.capture.test_batch_lock.finalizer",)]
    assert writer.process.batch_lock.acquire()  # as if the exception came now
    finalizer()
    until(lambda: not writer.process.batch_lock.is_used_here())
    finalizer()
    assert select("function") == [("tests.capture.test_batch_lock.finalizer",)] * 3
    writer.process.batch_lock.release()
    assert select("count(*)") == [(3,)]
