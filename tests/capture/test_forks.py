"""Fork handling, in the process that forks; tests/capture/test_bursts.py forks real programs."""

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from obs_core.capture import forks
from obs_core.capture.batch_lock import BatchLock
from obs_core.capture.writer import process
from obs_core.store import sqlite
from tests.capture.test_compat import ROOT, interpreters

FORKING = """
import multiprocessing, os, subprocess
import obs_core

@obs_core.trace
def one(number):
    return number

for _ in range(15):
    for number in range(20):
        one(number)
    pid = os.fork()
    if not pid:
        try:
            one(-1)
            obs_core.flush()
        finally:
            os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
subprocess.run(["true"], preexec_fn=lambda: None, check=True)
child = multiprocessing.get_context("fork").Process(target=one, args=[-2])
child.start()
child.join()
one(-3)
assert obs_core.flush(60), "the thread started again, or flush moves the rows"
"""


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


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: Path(path).parents[1].name)
def test_a_fork_gives_no_warning_and_loses_no_row(tmp_path: Path, python: str) -> None:
    """Python 3.12 and newer warn about a fork in a process with a second thread, such as the one that moves rows."""
    log = tmp_path / "trace.db"
    done = subprocess.run(
        [python, "-W", "always", "-c", FORKING],
        env={**os.environ, "OBS_LOG": str(log), "OBS_EXIT_S": "60", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    connection = sqlite.connect(log)
    try:
        ((rows,),) = connection.execute("SELECT count(*) FROM data_trace")
    finally:
        connection.close()
    assert rows == 15 * 21 + 2


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: Path(path).parents[1].name)
def test_the_thread_that_moves_rows_is_there_after_a_fork(tmp_path: Path, python: str) -> None:
    """Nobody calls flush: the rows from before a fork are moved without another call, those after it by the thread."""
    log = tmp_path / "trace.db"
    program = (
        FORKING.replace("assert obs_core.flush(60)", "assert moved()")
        .replace("== 0\n", "== 0\n    assert moved()\n")
        .replace(
            "import obs_core\n",
            """import obs_core, time

def moved():
    from obs_core.capture.writer import process
    while process.writer.drain.position < process.writer.spool.end():
        time.sleep(0.01)
    return True
""",
            1,
        )
    )
    done = subprocess.run(
        [python, "-c", program],
        env={**os.environ, "OBS_LOG": str(log), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
