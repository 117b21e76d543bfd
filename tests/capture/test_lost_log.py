"""A log that is deleted, cut short or replaced while a program writes: no later row is lost or doubled."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from obs_core.capture.drain import recovery, writer_status
from obs_core.paths import folder_of
from obs_core.store import sqlite
from tests.capture.test_trouble import Program, numbers_in, until

Act = Callable[[Path], object]


def side(log: Path, *ends: str) -> None:
    for end in ends:
        Path(f"{log}{end}").unlink()


def copied_and_cut(log: Path) -> None:
    """As logrotate does with `copytruncate`."""
    shutil.copy(log, log.with_name("trace.db.1"))
    os.truncate(log, 0)


def shrunk(log: Path) -> None:
    """VACUUM after half of the rows were deleted."""
    connection = sqlite.connect(log, write=True)
    connection.execute("CREATE TABLE ballast AS SELECT randomblob(3000000) AS x")
    connection.execute("DROP TABLE ballast")
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


COMPLETE: dict[str, Act] = {
    "wal deleted": lambda log: side(log, "-wal"),
    "shm deleted": lambda log: side(log, "-shm"),
    "wal and shm deleted": lambda log: side(log, "-wal", "-shm"),
    "vacuum": shrunk,
    "position deleted": lambda log: executed(log, "DELETE FROM drained"),
}
NEW: dict[str, Act] = {
    "all deleted": lambda log: side(log, "", "-wal", "-shm"),
    "database deleted": lambda log: side(log, ""),
    "renamed": lambda log: log.rename(log.with_name("trace.db.1")),
    "copied and cut": copied_and_cut,
    "cut to half": lambda log: os.truncate(log, log.stat().st_size // 2),
}


def written_over(log: Path) -> None:
    """As `cp backup.db trace.db` does: the same file with the content of an older copy."""
    with log.open("r+b") as file:
        file.write(log.with_name("backup.db").read_bytes())


def executed(log: Path, statement: str) -> None:
    connection = sqlite.connect(log, write=True)
    connection.execute(statement)
    connection.close()


def checkpoint(log: Path) -> None:
    """Make the database larger than some pages: by default all rows of the test are in its write-ahead log."""
    executed(log, "PRAGMA wal_checkpoint")


@pytest.mark.parametrize("act", COMPLETE)
def test_a_log_that_loses_a_file_has_all_rows_in_the_end(tmp_path: Path, act: str) -> None:
    program = Program(tmp_path / "trace.db")
    program.waits_until_written(200)
    COMPLETE[act](program.log)
    program.waits_until_written(500)
    stored, offered, written, dropped = program.ended()
    assert (written, dropped) == (offered, 0)
    assert sorted(stored) == list(range(1, offered + 1))


@pytest.mark.parametrize("checkpointed", [False, True], ids=["in WAL", "checkpointed"])
@pytest.mark.parametrize("act", NEW)
def test_a_log_that_is_lost_starts_again_with_the_rows_since_then(
    tmp_path: Path,
    act: str,
    checkpointed: bool,  # noqa: FBT001 - a parameter
) -> None:
    program = Program(tmp_path / "folder" / "trace.db")
    program.waits_until_written(200)
    if checkpointed:
        checkpoint(program.log)
        program.waits_until_written(300)
    last = numbers_in(program.log)[-1]
    NEW[act](program.log)
    until(lambda: size_of(program.log) and set(numbers_of(program.log)) - {0})
    stored, offered, written, dropped = program.ended()
    assert dropped == 0
    assert sorted(stored) == list(range(stored[0], offered + 1))
    assert stored[0] <= last + 1
    assert written == len(stored)


@pytest.mark.parametrize("again", [0, 1, 2], ids=["in WAL", "checkpointed", "checkpointed twice"])
def test_a_log_with_the_content_of_a_backup_is_noticed_and_no_row_is_lost(tmp_path: Path, again: int) -> None:
    program = Program(tmp_path / "trace.db")
    program.waits_until_written(200)
    checkpoint(program.log)
    shutil.copy(program.log, tmp_path / "backup.db")
    for times in range(1, again + 1):
        program.waits_until_written(200 + 400 * times)
        checkpoint(program.log)
    program.waits_until_written(400 + 400 * again)
    written_over(program.log)
    program.waits_until_written(800 + 400 * again)
    stored, offered, written, dropped = program.ended()
    assert (written, dropped) == (offered, 0)
    assert stored == list(range(1, offered + 1))


def test_rows_that_a_trigger_drops_stay_in_the_spool_until_it_is_gone(tmp_path: Path) -> None:
    program = Program(tmp_path / "trace.db")
    program.waits_until_written(100)
    executed(program.log, "CREATE TRIGGER t BEFORE INSERT ON data_trace BEGIN SELECT RAISE(IGNORE); END")
    program.waits_for_state("CIRCUIT_OPEN")
    [writer] = writer_status.writers(program.log)
    assert "A trigger of the log discarded" in writer.last_error
    executed(program.log, "DROP TRIGGER t")
    stored, offered, written, dropped = program.ended()
    assert (stored, written, dropped) == (list(range(1, offered + 1)), offered, 0)


def test_a_program_that_also_writes_the_log_with_sqlite_changes_nothing(tmp_path: Path) -> None:
    program = Program(tmp_path / "trace.db")
    for rows in (100, 200, 300):
        program.waits_until_written(rows)
        checkpoint(program.log)
    stored, offered, written, dropped = program.ended()
    assert (stored, written, dropped) == (list(range(1, offered + 1)), offered, 0)
    assert list(tmp_path.glob("*.lost-*")) == []


def test_a_program_continues_after_the_whole_folder_was_deleted(tmp_path: Path) -> None:
    program = Program(tmp_path / "folder" / "trace.db")
    program.waits_until_written(200)
    shutil.rmtree(program.log.parent)
    until(lambda: numbers_of(program.log))
    stored, offered, written, dropped = program.ended()
    assert (written, dropped) == (offered, 0)
    assert stored == list(range(stored[0], offered + 1))


def size_of(log: Path) -> int:
    """Its size; 0 while it is lost: the drain may rename it at any time."""
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0


def numbers_of(log: Path) -> list[int]:
    """As `numbers_in`; none while the log is lost or not made."""
    try:
        return numbers_in(log)
    except Exception:  # noqa: BLE001 - any error of a log that is lost
        return []


@pytest.mark.parametrize("content", [b"this was a database once " * 1000, b""], ids=["text", "database"])
def test_rows_wait_in_the_spool_while_something_else_has_the_name_of_the_log(tmp_path: Path, content: bytes) -> None:
    program = Program(tmp_path / "trace.db")
    program.waits_until_written(200)
    last = numbers_in(program.log)[-1]
    other = tmp_path / "other"
    other.write_bytes(content)
    if not content:
        executed(other, "CREATE TABLE t (a)")
    other.replace(program.log)
    program.waits_for_state("CIRCUIT_OPEN")
    program.process.kill()
    program.process.communicate()
    assert recovery.recover(folder_of(str(program.log)), program.log) == 0
    assert program.log.read_bytes()[: len(content)] == content
    side(program.log, "")
    assert recovery.recover(folder_of(str(program.log)), program.log) > 0
    stored = numbers_in(program.log)
    assert stored == list(range(stored[0], stored[-1] + 1))
    assert stored[0] <= last + 1
    assert list(Path(folder_of(str(program.log))).glob("*.spool*")) == []
