"""Whether the owner of a spool lives: its lock says so, also where its pid means nothing (another container)."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from obs_core import safe_files
from obs_core.capture.drain import recovery, writer_status
from obs_core.capture.drain.orphan import OrphanSpool
from obs_core.capture.spool.spool_file import SpoolFile
from obs_core.store import sqlite

ROOT = Path(__file__).parents[3]
PROGRAMS = ROOT / "tests" / "capture" / "programs.py"
WEEK_NS = 7 * 24 * 3600 * 10**9


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Program:
    """A program that traces up to 500 calls a second until its input ends."""

    def __init__(self, log: Path) -> None:
        """Start it, and wait for its first rows."""
        self.log, self.folder = log, log.with_name(log.name + ".d")
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAMS), "trouble", str(log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == b"started\n"
        until(lambda: [writer for writer in writer_status.writers(log) if writer.written >= 20])

    def spool(self) -> Path:
        (path,) = self.folder.glob("*.spool")
        return path

    def ended(self) -> tuple[list[int], int, int]:
        """The numbers in the log, and how many rows were offered and written."""
        offered, written = map(int, self.process.communicate(timeout=60)[0].split()[:2])
        return numbers_in(self.log), offered, written


def numbers_in(log: Path) -> list[int]:
    connection = sqlite.connect(log)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return sorted(int(value) for (value,) in connection.execute("SELECT data_value FROM data_trace"))
    finally:
        connection.close()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path / "trace.db")
    yield program
    program.process.kill()
    program.process.communicate()


def seen_from_elsewhere(path: Path, heartbeat_ns: int) -> None:
    """Make the spool look as from another container: its pid means nothing, and its heartbeat is old."""
    spool = OrphanSpool(path)
    spool.header.writer = spool.header.writer._replace(pid_namespace="elsewhere")
    spool.header.heartbeat_ns = heartbeat_ns
    spool.close()


def test_recovery_keeps_the_spool_of_a_sleeping_process_of_another_container(program: Program) -> None:
    program.process.send_signal(signal.SIGSTOP)
    seen_from_elsewhere(program.spool(), 1)
    assert recovery.recover(str(program.folder), program.log) == 0
    assert [writer.state for writer in writer_status.writers(program.log)] != ["GONE"]
    assert program.spool().exists()
    program.process.send_signal(signal.SIGCONT)
    stored, offered, written = program.ended()
    assert written == offered
    assert stored == list(range(1, offered + 1))


UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc"]
has_unshare = (
    shutil.which("unshare") is not None
    and subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode == 0
)


@pytest.mark.skipif(not has_unshare, reason="this machine makes no pid namespaces")
@pytest.mark.parametrize("live", [(), ("--live",)], ids=["dead only", "live"])
def test_a_drain_in_another_pid_namespace_loses_nothing_of_a_living_program(
    program: Program, live: tuple[str, ...]
) -> None:
    program.process.send_signal(signal.SIGSTOP)
    spool = OrphanSpool(program.spool())
    spool.header.heartbeat_ns = 1
    spool.close()
    command = [*UNSHARE, sys.executable, "-m", "obs_core", "drain", "--log", str(program.log), *live]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    assert program.spool().exists()
    program.process.send_signal(signal.SIGCONT)
    stored, offered, _ = program.ended()
    assert stored == list(range(1, offered + 1))


def test_a_program_continues_with_a_new_spool_after_its_file_was_deleted(program: Program) -> None:
    for _ in range(2):
        before = program.spool()
        before.unlink()
        until(lambda: list(program.folder.glob("*.spool")))
        assert program.spool() != before
    shutil.rmtree(program.folder)
    until(lambda: list(program.folder.glob("*.spool")))
    stored, offered, written = program.ended()
    assert written == offered
    assert stored == list(range(1, offered + 1))
    assert list(program.folder.glob("*.spool*")) == []


def test_the_spool_of_a_parent_is_recovered_while_its_child_lives(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    code = (
        "import obs_core, os, sys\n"
        "step = obs_core.trace(lambda n: n)\n"
        "step(1)\n"
        "if os.fork() == 0:\n"
        "    step(2); print('traced', flush=True); sys.stdin.read(); os._exit(0)\n"
        "os._exit(0)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OBS_LOG": str(log), "OBS_DRAIN": "off", "OBS_SPOOL_MB": "1"}
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert parent.stdout
    assert parent.stdin
    parent.wait()
    assert parent.stdout.readline() == b"traced\n"
    folder = log.with_name("trace.db.d")
    recovery.recover(str(folder), log)
    assert numbers_in(log) == [1]
    assert len(list(folder.glob("*.spool"))) == 1
    parent.stdin.close()
    until(lambda: recovery.recover(str(folder), log) or not list(folder.glob("*.spool")))
    parent.stdout.close()
    assert numbers_in(log) == [1, 2]


@pytest.fixture
def unlocked(tmp_path: Path) -> Callable[[int], Path]:
    """`unlocked(heartbeat_ns)`: the spool of a killed program of another container, made without a lock."""
    program = Program(tmp_path / "trace.db")
    program.process.send_signal(signal.SIGSTOP)
    program.process.kill()
    program.process.communicate()

    def made(heartbeat_ns: int) -> Path:
        path = program.spool()
        seen_from_elsewhere(path, heartbeat_ns)
        spool = OrphanSpool(path)
        spool.header.is_locked = 0
        spool.close()
        return path

    return made


def test_a_spool_without_a_lock_is_drained_and_stays_until_it_was_silent_for_a_week(
    unlocked: Callable[[int], Path], tmp_path: Path
) -> None:
    path = unlocked(time.time_ns() - WEEK_NS // 2)
    recovery.recover(str(path.parent), tmp_path / "trace.db")
    stored = numbers_in(tmp_path / "trace.db")
    assert stored == list(range(1, len(stored) + 1))
    assert path.exists()
    unlocked(time.time_ns() - WEEK_NS * 2)
    assert recovery.recover(str(path.parent), tmp_path / "trace.db") == 0
    assert not path.exists()
    assert numbers_in(tmp_path / "trace.db") == stored


def test_the_spool_of_an_older_version_is_recovered_once_its_process_is_dead(tmp_path: Path) -> None:
    program = Program(tmp_path / "trace.db")
    program.process.send_signal(signal.SIGSTOP)
    spool = OrphanSpool(program.spool())
    spool.header.is_locked = 0
    spool.close()
    assert recovery.recover(str(program.folder), program.log) == 0
    assert program.spool().exists()
    program.process.kill()
    program.process.communicate()
    recovery.recover(str(program.folder), program.log)
    assert list(program.folder.glob("*.spool")) == []
    stored = numbers_in(program.log)
    assert stored == list(range(1, len(stored) + 1))


def test_a_program_that_closes_all_descriptors_takes_its_lock_again(tmp_path: Path) -> None:
    file = SpoolFile(str(tmp_path / "a.spool"), 4096)
    file.publish()
    os.close(file.descriptor)
    other = os.open(tmp_path / "other", os.O_CREAT | os.O_RDWR)
    assert other == file.descriptor  # the program's own file has our number now
    assert not file.is_lost()
    assert file.descriptor != other
    taken = os.open(file.path, os.O_RDWR)
    assert safe_files.lock(taken) is False
    os.close(taken)
    file.remove()
    os.fstat(other)
    os.close(other)
