"""Retention deletes rows from the log that the archive has, days from the archive, and nothing that is needed."""

import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from obs_core import subprocesses
from obs_core.archive import deletion, pruner, retention, verification
from obs_core.archive.limits import Keep
from obs_core.archive.manifest import Manifest, folder_of
from obs_core.archive.pruner import Step, steps
from obs_core.archive.rollups import DAY_NS
from obs_core.clock import DAY, HOUR, SECOND, now_ns
from obs_core.errors import ArchiveDamaged, ArchiveMoved
from obs_core.store import sqlite
from tests.support.archives import append, differences, logged, mixed, pieces, seal, statement
from tests.support.table import START_NS

ALL_ROWS = 400
KILLS = int(os.environ.get("OBS_TEST_KILLS", "4"))


def age_ns() -> int:
    """How old the first row of the log is, and five minutes: half of what is between two rows.

    It is asked for by each test: after the tests before it, the age of a whole run would be another row's.
    """
    return now_ns() - START_NS + 300 * SECOND


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed log of 400 rows over three days."""
    path = append(tmp_path_factory.mktemp("sealed") / "x.db", mixed(ALL_ROWS))
    seal(path, "--everything", "--batch-rows", "90")
    return path


@pytest.fixture
def path(sealed: Path, tmp_path: Path) -> Path:
    """A copy of it; `whole.db` next to it keeps all rows."""
    path = tmp_path / "x.db"
    for copy in (path, tmp_path / "whole.db"):
        statement(sealed, f"VACUUM INTO '{copy}'")
    shutil.copytree(folder_of(sealed), folder_of(path))
    return path


def run(path: Path, keep: Keep, needed_id: int = 2**63 - 1, grace_s: float = 0) -> list[Step]:
    return list(steps(path, keep, needed_id, grace_s))


def lowest(path: Path) -> int:
    return int(statement(path, "SELECT min(id) FROM data_trace")[0][0])


def test_rows_over_the_age_leave_the_log_and_stay_in_the_archive(path: Path) -> None:
    assert run(path, Keep(rows_ns=age_ns() - 30 * HOUR, newest=5)) == [
        Step("to be deleted from the log", 180), Step("deleted from the log", 180),
    ]  # fmt: skip
    assert lowest(path) == 181
    assert not differences(path, path.with_name("whole.db"))
    assert verification.problems(path) == []
    assert run(path, Keep(rows_ns=age_ns() - 30 * HOUR, newest=5)) == []


def test_rows_stay_for_some_time_after_the_manifest_says_that_they_go(path: Path) -> None:
    keep = Keep(rows_ns=age_ns() - 30 * HOUR, newest=5)
    assert [step.action for step in run(path, keep, grace_s=3_600)] == ["to be deleted from the log"]
    assert run(path, keep, grace_s=3_600) == []
    assert lowest(path) == 1
    assert [step.action for step in run(path, keep)] == ["deleted from the log"]


def test_the_newest_sealed_rows_and_rows_that_are_needed_stay(path: Path) -> None:
    run(path, Keep(rows_ns=1), needed_id=50)
    assert lowest(path) == 1  # 399 sealed rows are fewer than the newest that stay
    run(path, Keep(rows_ns=1, newest=100), needed_id=50)
    assert lowest(path) == 51
    run(path, Keep(rows_ns=1, newest=100))
    assert lowest(path) == 300


def test_a_log_over_its_size_loses_its_oldest_rows_first_and_then_days_of_the_archive(path: Path) -> None:
    append(path, mixed(2_000, first=ALL_ROWS, step_ns=600 * SECOND))
    seal(path)
    with sqlite.connect(path) as connection, Manifest(folder_of(path)) as manifest:
        before = retention.usage(connection, manifest, 0)
    run(path, Keep(max_bytes=before.archive_bytes + before.log_bytes // 2, newest=5))
    assert 1_200 < lowest(path) < 1_500
    assert len(pieces(path)) == 2_399
    run(path, Keep(max_bytes=before.archive_bytes // 2, newest=5))
    steps_of_it = run(path, Keep(max_bytes=before.archive_bytes // 2, newest=5))
    rows = pieces(path)
    assert [step.action for step in steps_of_it] in ([], ["deleted from the archive"])
    assert 0 < len(rows) < 2_399
    assert max(row["id"] for row in rows) == 2_399  # the oldest days go first
    assert verification.problems(path) == []


def test_days_over_the_age_leave_the_archive_and_their_rollups_stay_as_long_as_they_are_kept(path: Path) -> None:
    days = sorted({row["timestamp"] // DAY_NS for row in pieces(path)})
    rollups = [row for row in pieces(path, "r_calls") if row["slot"] * HOUR // DAY_NS == days[0]]
    age = now_ns() - (days[0] + 1) * DAY
    run(path, Keep(archive_ns=age, newest=5))
    run(path, Keep(archive_ns=age, newest=5))
    assert sorted({row["timestamp"] // DAY_NS for row in pieces(path)}) == days[1:]
    append(path, mixed(8, start_ns=START_NS + 7, first=9_000, step_ns=1_000))
    append(path, mixed(8, start_ns=START_NS + 9, first=9_100, step_ns=1_000))
    seal(path, "--everything", "--batch-rows", "7")  # late rows: the day is closed again
    kept = [row for row in pieces(path, "r_calls") if row["slot"] * HOUR // DAY_NS == days[0]]
    assert all(row in kept for row in rollups)
    run(path, Keep(archive_ns=1, rollups_ns=1, newest=0))
    run(path, Keep(archive_ns=1, rollups_ns=1, newest=0))
    assert {row["slot"] * HOUR // DAY_NS for row in pieces(path, "r_calls")} <= {days[-1]}
    assert verification.problems(path) == []


def test_a_damaged_piece_and_a_foreign_archive_delete_nothing(path: Path) -> None:
    with Manifest(folder_of(path)) as manifest:
        file = manifest.folder / manifest.pieces("rows")[0].file
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)
    with pytest.raises(ArchiveDamaged, match="no row is deleted"):
        run(path, Keep(rows_ns=1, newest=5))
    statement(path, "UPDATE data_trace SET data = 'other' WHERE id = 399")
    with pytest.raises(ArchiveMoved, match="nothing is deleted"):
        run(path, Keep(rows_ns=1, newest=5))
    assert lowest(path) == 1


def test_rows_that_the_archive_lacks_are_not_deleted(path: Path) -> None:
    statement(path, "DELETE FROM data_trace WHERE id = 9")  # the archive has one row more: the same check
    with pytest.raises(ArchiveDamaged, match="has 394 rows with the ids 1 to 394, the log 393"):
        run(path, Keep(rows_ns=1, newest=5))


def test_a_pruner_killed_at_any_time_loses_no_row_and_doubles_none(path: Path) -> None:
    whole = path.with_name("whole.db")
    chance = random.Random(KILLS)  # noqa: S311
    options = (f"--rows-ns={age_ns() - 50 * HOUR}", "--newest=5", "--grace-s=0", f"--archive-ns={2 * age_ns()}")
    for _ in range(KILLS):
        child = subprocess.Popen(
            subprocesses.command("obs_core.archive.pruner", str(path), *options),
            stdout=subprocess.PIPE, env=subprocesses.environment(),
        )  # fmt: skip
        assert child.stdout
        with child.stdout:
            child.stdout.readline()
            time.sleep(chance.random() * 0.1)
            child.kill()
        child.wait()
        _assert_each_row_once(path, whole)
    done = subprocess.run(
        subprocesses.command("obs_core.archive.pruner", str(path), *options),
        capture_output=True, env=subprocesses.environment(), check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    _assert_each_row_once(path, whole)
    assert lowest(path) == 301


def _assert_each_row_once(path: Path, whole: Path) -> None:
    """The rows above `pruned_id` in the log and those up to it in the archive are all rows of the log."""
    with Manifest(folder_of(path)) as manifest:
        sealed = manifest.sealed()
    assert sealed
    archived = [row["id"] for row in pieces(path) if row["id"] <= sealed.pruned_id]
    stored = [row["id"] for row in logged(path, 2**62) if row["id"] > sealed.pruned_id]
    assert sorted(archived) + stored == [row["id"] for row in logged(whole, 2**62)]
    assert not differences(path, whole)


def test_transactions_become_smaller_when_they_take_long() -> None:
    chunks = deletion.Chunks(2_000)
    sizes = []
    for seconds in (0.001, 0.001, 0.001, 0.001, 0.1, 0.01, 0.1):
        chunks.took(seconds)
        sizes.append(chunks.size)
    assert sizes == [400, 800, 1_600, 2_000, 1_000, 1_000, 500]


def test_writers_go_on_while_rows_are_deleted(path: Path) -> None:
    rows = iter(mixed(50, first=8_000))
    connection = sqlite.connect(path, write=True)

    def write(_seconds: float) -> None:
        append(path, [row] if (row := next(rows, None)) else [])

    assert deletion.delete_rows(connection, 390, time.monotonic() + 60, sleep=write) == 390
    assert statement(path, "SELECT count(*) FROM data_trace WHERE id > 400")[0][0] >= 1
    connection.close()


def test_free_pages_of_a_log_that_can_shrink_are_returned(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    connection = sqlite.connect(path, write=True, create=True)
    connection.executescript("PRAGMA auto_vacuum = 2; CREATE TABLE first (x)")
    connection.execute("DROP TABLE first")
    connection.close()
    append(path, mixed(5_000))
    connection = sqlite.connect(path, write=True)
    before = connection.execute("PRAGMA page_count").fetchone()[0]
    end_s = time.monotonic() + 60
    deletion.delete_rows(connection, 4_900, end_s, sleep=lambda _: None)
    assert deletion.return_pages(connection, end_s, sleep=lambda _: None) > before // 2
    assert connection.execute("PRAGMA page_count").fetchone()[0] < before // 2
    connection.close()


def test_a_log_without_an_archive_is_left_alone(tmp_path: Path) -> None:
    path = append(tmp_path / "x.db", mixed(10))
    assert run(path, Keep(rows_ns=1, newest=0)) == []
    assert pruner.main([str(path), "--rows-ns=1", "--newest=0"]) == 0
    assert lowest(path) == 1
