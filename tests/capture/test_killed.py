"""kill -9 at random times, of the program and of the drain: no call that had returned is lost or stored twice.

OBS_KILLS sets the number of kills per test; benchmarks/capture.py does 200.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from obs_core.capture.drain import recovery, writer_status
from obs_core.cli.main import main
from obs_core.paths import folder_of
from obs_core.store import sqlite

PROGRAMS = Path(__file__).with_name("programs.py")
ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("OBS_KILLS", "4"))


def start(name: str, log: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, str(PROGRAMS), name, str(log)], stdout=subprocess.PIPE, env=environment)


def killed_after(name: str, log: Path, seconds: float) -> list[int]:
    """Start a program and kill it `seconds` after its first call; the numbers it reported as returned."""
    program = start(name, log)
    assert program.stdout
    reported = [program.stdout.readline()]
    reader = threading.Thread(target=lambda: reported.extend(program.stdout or ()))
    reader.start()
    time.sleep(seconds)
    program.kill()
    program.wait()
    reader.join()
    program.stdout.close()
    return [int(line) for line in reported if line.endswith(b"\n")]


def drain(log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "obs_core", "drain", "--log", str(log)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)


def numbers_in(log: Path) -> list[int]:
    connection = sqlite.connect(log)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [int(value) for (value,) in connection.execute("SELECT data_value FROM data_trace ORDER BY id")]
    finally:
        connection.close()


def spools(log: Path) -> list[Path]:
    return list(Path(folder_of(str(log))).glob("*.spool"))


@pytest.mark.parametrize("seed", range(KILLS))
def test_what_returned_before_a_kill_is_in_the_log_once(tmp_path: Path, seed: int) -> None:
    log = tmp_path / "trace.db"
    reported = killed_after("count", log, random.Random(seed).uniform(0, 0.6))  # noqa: S311 - not security
    assert {writer.state for writer in writer_status.writers(log)} <= {"GONE"}
    recovery.recover(folder_of(str(log)), log)
    stored = numbers_in(log)
    assert len(stored) == len(set(stored))
    assert set(reported) <= set(stored)
    assert len(stored) <= len(reported) + 1  # the one that was running
    assert spools(log) == []


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_drain_that_is_killed_resumes_where_the_log_is(tmp_path: Path, seed: int) -> None:
    chance = random.Random(1000 + seed)  # noqa: S311 - not security
    log = tmp_path / "trace.db"
    reported = killed_after("count", log, 0.5)
    for _ in range(2):
        drain_process = drain(log)
        time.sleep(chance.uniform(0.15, 0.5))
        drain_process.kill()
        drain_process.wait()
    recovery.recover(folder_of(str(log)), log)
    stored = numbers_in(log)
    assert len(stored) == len(set(stored))
    assert set(reported) <= set(stored)


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_kill_among_forks_loses_nothing_of_parent_or_child(tmp_path: Path, seed: int) -> None:
    log = tmp_path / "trace.db"
    reported = killed_after("forks", log, random.Random(2000 + seed).uniform(0.1, 0.8))  # noqa: S311 - not security
    deadline = time.monotonic() + 10
    while spools(log) and time.monotonic() < deadline:  # a child may still be ending
        recovery.recover(folder_of(str(log)), log)
    stored = numbers_in(log)
    assert len(stored) == len(set(stored))
    assert set(reported) <= set(stored)
    assert spools(log) == []


@pytest.mark.parametrize(("name", "code"), [("crash", -signal.SIGSEGV), ("leave", 0)])
def test_a_crash_in_c_code_and_os_exit_lose_nothing(tmp_path: Path, name: str, code: int) -> None:
    log = tmp_path / "trace.db"
    program = start(name, log)
    program.communicate()
    assert program.returncode == code
    recovery.recover(folder_of(str(log)), log)
    assert sorted(numbers_in(log)) == list(range(100))


def test_rows_after_our_exit_handler_wait_for_the_next_program(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OBS_LOG": str(log)}
    code = "import atexit, obs_core\nf = obs_core.trace(lambda n: n)\n"
    early = "import atexit\natexit.register(lambda: f(2))\n" + code + "f(1)\n"
    subprocess.run([sys.executable, "-c", early], check=True, env=environment)
    assert numbers_in(log) == [1]
    recovery.recover(folder_of(str(log)), log)
    assert numbers_in(log) == [1, 2]


def test_a_program_that_does_not_drain_leaves_that_to_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "trace.db"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OBS_DRAIN": "off"}
    command = [sys.executable, str(PROGRAMS), "fill", str(log)]
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    deadline = time.monotonic() + 60
    moved = 0
    while moved < 30_000:  # four times what its ring holds
        assert time.monotonic() < deadline
        assert main(["drain", "--live", "--log", str(log)]) == 0
        moved += int(capsys.readouterr().out.split()[0].replace(",", ""))
    offered = int(program.communicate()[0])
    assert len(spools(log)) == 1
    assert main(["drain", "--log", str(log)]) == 0
    stored = numbers_in(log)
    assert len(stored) == len(set(stored))
    assert stored == sorted(stored)
    assert 30_000 < len(stored) <= offered
    assert spools(log) == []
