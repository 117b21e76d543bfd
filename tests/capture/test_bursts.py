"""Many calls at once, from threads, forks and processes: written + dropped = offered, and each row once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from obs_core.capture.drain import recovery
from obs_core.paths import folder_of
from obs_core.store import sqlite

PROGRAMS = Path(__file__).with_name("programs.py")
ROOT = Path(__file__).parents[2]


def run(name: str, log: Path, **environment: str) -> list[int]:
    """Run a program to its end; return the numbers it printed."""
    done = subprocess.run(
        [sys.executable, str(PROGRAMS), name, str(log)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [int(number) for number in done.stdout.split()]


def numbers_in(log: Path, where: str = "data = 'step'") -> list[int]:
    connection = sqlite.connect(log)
    try:
        rows = connection.execute(f"SELECT data_value FROM data_trace WHERE {where} ORDER BY id")
        return [int(value) for (value,) in rows]
    finally:
        connection.close()


@pytest.mark.parametrize(("threads", "calls"), [(1, 100_000), (8, 12_500)])
def test_a_burst_of_100_000_calls_loses_nothing(tmp_path: Path, threads: int, calls: int) -> None:
    log = tmp_path / "trace.db"
    offered, written, dropped, flushed, _ = run("burst", log, THREADS=str(threads), CALLS=str(calls))
    assert (offered, written, dropped, flushed) == (100_001, 100_001, 0, 1)
    assert sorted(numbers_in(log)) == list(range(100_001))
    assert list(Path(folder_of(str(log))).glob("*.spool*")) == []


@pytest.mark.parametrize("threads", [1, 8])
def test_a_burst_of_ten_times_the_ring_is_written_or_counted_within_bounded_memory(
    tmp_path: Path, threads: int
) -> None:
    log = tmp_path / "trace.db"
    calls = 80_000 // threads  # the smallest ring holds 8,000
    numbers = run("burst", log, THREADS=str(threads), CALLS=str(calls), SPOOL_MB="0.1")
    offered, written, dropped, flushed, more_kb = numbers
    assert written + dropped == offered
    assert dropped > 0
    assert flushed
    stored = numbers_in(log)
    assert len(stored) == len(set(stored)) == written
    assert more_kb < 50_000  # SQLite, a batch of rows and the modules of the drain take 20,000 of it


def test_forks_among_busy_threads_lose_nothing_of_parent_or_children(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    (last,) = run("fork", log)
    assert sorted(numbers_in(log, "process = 'parent'")) == list(range(1001, last + 1))
    assert sorted(numbers_in(log, "process = 'child'")) == list(range(-800, 0))
    recovery.recover(folder_of(str(log)), log)  # children that end with os._exit leave their spools
    assert list(Path(folder_of(str(log))).glob("*.spool*")) == []


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing_write_all_they_traced(tmp_path: Path, method: str) -> None:
    log = tmp_path / "trace.db"
    run("pool", log, METHOD=method)
    recovery.recover(folder_of(str(log)), log)
    assert sorted(numbers_in(log)) == list(range(201))
    assert list(Path(folder_of(str(log))).glob("*.spool*")) == []
