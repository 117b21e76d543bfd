"""Failures of the log under load: the program continues, every row is written or counted, and the log recovers.

OBS_TROUBLE_S sets the duration of each failure.
"""

import contextlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from obs_core.capture.drain import recovery, writer_status
from obs_core.paths import folder_of
from obs_core.store import sqlite
from tests.support.disk import fill, small_filesystem

PROGRAMS = Path(__file__).with_name("programs.py")
ROOT = Path(__file__).parents[2]
TROUBLE_S = float(os.environ.get("OBS_TROUBLE_S", "0.6"))
UNWRITABLE = "/sys/kernel"  # also for root, which ignores permissions
Ended = tuple[list[int], int, int, int]


class Program:
    """Up to 2,000 traced calls a second, from the first of them until `ended`."""

    def __init__(self, log: Path, **environment: str) -> None:
        """Start it, and wait for its first row."""
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAMS), "trouble", str(log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            text=True,
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "started\n"

    def waits_until_written(self, rows: int = 50) -> None:
        until(lambda: [w for w in writer_status.writers(self.log) if w.written >= rows])

    def waits_for_state(self, state: str, queue: int = 100) -> None:
        until(lambda: [w for w in writer_status.writers(self.log) if w.state == state and w.queue >= queue])

    def ended(self) -> Ended:
        """The numbers in the log, and how many rows were offered, written and dropped."""
        printed, stderr = self.process.communicate(timeout=90)
        assert (self.process.returncode, stderr) == (0, "")
        offered, written, dropped, flushed = map(int, printed.split()[:4])
        assert flushed, printed
        assert list(Path(folder_of(str(self.log))).glob("*.spool")) == []
        return numbers_in(self.log), offered, written, dropped


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def numbers_in(log: Path) -> list[int]:
    connection = sqlite.connect(log)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [int(value) for (value,) in connection.execute("SELECT data_value FROM data_trace ORDER BY id")]
    finally:
        connection.close()


def test_a_log_that_is_locked_delays_rows_and_loses_none(tmp_path: Path) -> None:
    program = Program(tmp_path / "trace.db")
    program.waits_until_written()
    connection = sqlite.connect(program.log, write=True)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        program.waits_for_state("CIRCUIT_OPEN")
        time.sleep(TROUBLE_S)
    finally:
        connection.execute("ROLLBACK")
        connection.close()
    stored, offered, written, dropped = program.ended()
    assert (written, dropped) == (offered, 0)
    assert stored == list(range(1, offered + 1))


def test_a_ring_that_fills_while_the_log_is_locked_drops_and_counts(tmp_path: Path) -> None:
    program = Program(tmp_path / "trace.db", SPOOL_MB="0.1", PAUSE_S="0")  # the smallest ring: 8,000 calls
    program.waits_until_written()
    connection = sqlite.connect(program.log, write=True)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        until(lambda: [w for w in writer_status.writers(program.log) if w.dropped > 0], 60)
    finally:
        connection.execute("ROLLBACK")
        connection.close()
    stored, offered, written, dropped = program.ended()
    assert dropped > 0
    assert written + dropped == offered
    assert len(stored) == len(set(stored)) == written


def test_a_log_that_is_deleted_is_made_again_with_all_rows_that_waited(tmp_path: Path) -> None:
    program = Program(tmp_path / "trace.db")
    program.waits_until_written()
    for file in tmp_path.glob("trace.db*"):
        if file.is_file():
            file.unlink()
    until(program.log.exists)
    program.waits_until_written(500)
    stored, offered, written, dropped = program.ended()
    assert (written, dropped) == (offered, 0)
    assert stored == list(range(stored[0], offered + 1))


def test_a_log_that_is_overwritten_by_another_file_delays_rows_until_it_is_moved_away(tmp_path: Path) -> None:
    program = Program(tmp_path / "trace.db")
    program.waits_until_written()
    for end in ("-wal", "-shm"):
        Path(f"{program.log}{end}").unlink()
    program.log.unlink()
    program.log.write_bytes(b"this was a database once " * 1000)
    program.waits_for_state("CIRCUIT_OPEN")
    program.log.unlink()
    stored, offered, written, dropped = program.ended()
    assert (written, dropped) == (offered, 0)
    assert stored == list(range(stored[0], offered + 1))


def test_a_directory_that_becomes_unwritable_delays_rows_and_loses_none(tmp_path: Path) -> None:
    link = tmp_path / "place"
    (tmp_path / "real").mkdir()
    link.symlink_to("real")
    program = Program(link / "trace.db")
    program.waits_until_written()
    link.unlink()
    link.symlink_to(UNWRITABLE)
    real = tmp_path / "real" / "trace.db"  # the spool is in the real folder
    until(lambda: [w for w in writer_status.writers(real) if w.state == "CIRCUIT_OPEN" and w.queue > 100])
    time.sleep(TROUBLE_S)
    link.unlink()
    link.symlink_to("real")
    stored, offered, written, dropped = program.ended()
    assert (written, dropped) == (offered, 0)
    assert stored == list(range(1, offered + 1))


def test_a_directory_that_is_unwritable_from_the_start_keeps_rows_in_memory(tmp_path: Path) -> None:
    link = tmp_path / "place"
    link.symlink_to(UNWRITABLE)
    program = Program(link / "trace.db")
    time.sleep(1 + TROUBLE_S)  # the start of the program takes up to a second
    assert program.process.poll() is None
    link.unlink()
    link.mkdir()
    until(program.log.exists)
    stored, offered, written, dropped = program.ended()
    assert (written, dropped) == (offered, 0)
    assert stored == list(range(1, offered + 1))


def limit(program: Program, size: int | None) -> None:
    """Limit the files of `program` to `size` bytes: its writes fail in the same places as on a full disk."""
    _, most = resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (most if size is None else size, most))


@pytest.mark.parametrize("own", [True, False], ids=["filesystem", "limit"])
def test_a_full_disk_delays_rows_and_loses_none(tmp_path: Path, own: bool) -> None:  # noqa: FBT001 - a parameter
    folder = tmp_path / "small"
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        mounted = own and stack.enter_context(small_filesystem(folder, 12 << 20))
        program = Program(folder / "trace.db")
        program.waits_until_written()
        ballast = fill(folder) if mounted else None
        if not mounted:
            limit(program, Path(f"{program.log}-wal").stat().st_size)
        program.waits_for_state("CIRCUIT_OPEN")
        time.sleep(TROUBLE_S)
        ballast.unlink() if ballast else limit(program, None)
        stored, offered, written, dropped = program.ended()
    assert (written, dropped) == (offered, 0)
    assert stored == list(range(1, offered + 1))


def test_a_disk_that_is_full_from_the_start_keeps_rows_in_memory(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    with small_filesystem(folder, 8 << 20) as mounted:
        ballast = fill(folder) if mounted else None
        program = Program(folder / "trace.db", FILE_KB="" if mounted else "50")
        time.sleep(1 + TROUBLE_S)  # as above
        assert program.process.poll() is None
        ballast.unlink() if ballast else limit(program, None)
        stored, offered, written, dropped = program.ended()
    assert (written, dropped) == (offered, 0)
    assert stored == list(range(1, offered + 1))


def test_a_disk_too_full_for_a_spool_is_reported_in_the_status(tmp_path: Path) -> None:
    program = Program(tmp_path / "trace.db", FILE_KB="1000")
    until(
        lambda: [
            w for w in writer_status.writers(program.log) if w.last_error.startswith("no spool, rows wait in memory")
        ]
    )
    program.waits_until_written()
    program.process.kill()
    program.process.communicate()
    assert recovery.recover(folder_of(str(program.log)), program.log) == 0
    assert list(Path(folder_of(str(program.log))).glob("*.spool*")) == []
