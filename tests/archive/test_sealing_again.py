"""Days are sealed again from their own pieces: the log need not have the rows any more."""

import os
import shutil
from pathlib import Path

import pytest

from obs_core.archive import verification
from obs_core.archive.manifest import Manifest, folder_of
from obs_core.archive.rollups import DAY_NS
from tests.support.archives import append, differences, mixed, pieces, prune, seal, statement
from tests.support.table import START_NS


@pytest.fixture
def whole(path: Path) -> Path:
    """A copy of the log that keeps its rows."""
    seal(path, "--everything", "--batch-rows", "90")
    copy = path.with_name("whole.db")
    statement(path, f"VACUUM INTO '{copy}'")
    prune(path, 280)
    return copy


def files(path: Path, what: str) -> list[Path]:
    with Manifest(folder_of(path)) as manifest:
        return [manifest.folder / piece.file for piece in manifest.pieces(what)]


def test_late_rows_close_a_day_again_without_the_rows_of_the_log(path: Path, whole: Path) -> None:
    before = {row["id"]: (row["covered_ns"], row["caller"]) for row in pieces(path)}
    for log in (path, whole):
        append(log, mixed(20, start_ns=START_NS + 7, first=5_000, step_ns=1_000))
    assert [step["action"] for step in seal(path)] == ["sealed", "closed", "closed"]
    assert not differences(path, whole)
    after = {row["id"]: (row["covered_ns"], row["caller"]) for row in pieces(path)}
    assert after.items() >= before.items()
    assert verification.problems(path) == []
    assert statement(path, "SELECT min(id) FROM data_trace") == [(281,)]


def test_damaged_rollups_are_made_again_without_the_rows_of_the_log(path: Path, whole: Path) -> None:
    for what in ("r_rows", "r_calls", "r_traces"):
        files(path, what)[0].unlink()
    assert [step["action"] for step in seal(path)] == ["repaired"]
    assert not differences(path, whole)


def test_rows_that_only_a_damaged_piece_has_are_given_up_on_request_only(path: Path, whole: Path) -> None:
    damaged = files(path, "rows")[0]
    shutil.move(damaged, path.with_suffix(".away"))
    for log in (path, whole):
        append(log, mixed(20, first=400))
    *steps, error = seal(path, code=2)
    assert error["error"] == f"{damaged} is damaged, and the log no longer has its rows."
    assert [step["action"] for step in steps if step["action"] != "closed"] == ["sealed"]
    assert damaged in files(path, "rows")
    shutil.move(path.with_suffix(".away"), damaged)
    seal(path)
    assert not differences(path, whole)
    os.truncate(damaged, 500)
    assert "repaired" in {step["action"] for step in seal(path, "--everything", "--drop-lost")}
    days = {row["timestamp"] // DAY_NS for row in pieces(path)}
    assert START_NS // DAY_NS not in days
    assert verification.problems(path) == []


def test_rows_of_a_damaged_piece_that_the_log_still_has_come_from_it(path: Path, whole: Path) -> None:
    files(path, "rows")[-1].unlink()
    assert [step["action"] for step in seal(path)] == ["repaired"]
    assert not differences(path, whole)


def test_an_archive_with_deleted_rows_is_not_removed_because_another_log_is_at_the_path(
    path: Path, whole: Path
) -> None:
    path.unlink()
    append(path, mixed(10, first=9_000))
    [error] = seal(path, code=2)
    assert "has rows that were deleted from another log" in error["error"]
    shutil.copy(whole, path)
    assert not differences(path)
