"""A killed sealer, a full disk and damaged files do nothing to an archive that the next run does not repair."""

import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from obs_core import subprocesses
from obs_core.archive import lease, progress
from obs_core.archive.manifest import Manifest, folder_of
from obs_core.cli.checks import storage
from obs_core.errors import ArchiveMoved, ObsError
from obs_core.model import CANONICAL
from obs_core.store import sqlite
from tests.support.archives import append, command, differences, mixed, pieces, seal, seal_without_close

KILLS = int(os.environ.get("OBS_TEST_KILLS", "6"))
CLOSE_KILLS = int(os.environ.get("OBS_TEST_KILLS", "3"))


def test_a_sealer_killed_at_any_time_leaves_each_row_once_and_no_stray_file(tmp_path: Path) -> None:
    path = append(tmp_path / "x.db", mixed(3_000))
    chance = random.Random(KILLS)  # noqa: S311
    killed = 0
    while killed < KILLS:
        sealer = subprocess.Popen(
            command(path, "--everything", "--batch-rows", "40"),
            stdout=subprocess.PIPE, env=subprocesses.environment(),
        )  # fmt: skip
        assert sealer.stdout
        with sealer.stdout:
            ended = not sealer.stdout.readline()
            time.sleep(chance.random() * 0.15)
            sealer.kill()
        sealer.wait()
        killed += 1
        if ended:
            break
        if killed % 3 == 0:
            append(path, mixed(200, first=3_000 + killed * 200))
    seal(path, "--everything", "--batch-rows", "1000")
    assert not differences(path)
    with Manifest(folder_of(path)) as manifest:
        newest = 3_000 + killed // 3 * 200
        sealed = manifest.sealed()
        assert sealed
        assert (sealed.from_id, newest - 200 <= sealed.until_id <= newest) == (0, True)


def test_a_day_close_killed_at_any_time_leaves_each_row_once_and_no_stray_file(tmp_path: Path) -> None:
    path = append(tmp_path / "x.db", mixed(1_000))
    chance = random.Random(CLOSE_KILLS)  # noqa: S311
    for _ in range(CLOSE_KILLS):
        shutil.rmtree(folder_of(path), ignore_errors=True)
        seal_without_close(path, batch_rows=240)
        before, known = progress.read(path), ""
        sealer = subprocess.Popen(command(path), stdout=subprocess.PIPE, env=subprocesses.environment())
        assert sealer.stdout
        with sealer.stdout:
            while progress.read(path) == before and sealer.poll() is None:
                time.sleep(0.001)
            time.sleep(chance.random() * 0.25)  # all seven days take 0.2 s
            sealer.kill()
            known = sealer.stdout.read().decode()
        sealer.wait()
        assert "error" not in known
        with Manifest(folder_of(path)) as manifest:
            sealed = manifest.sealed()
        assert sealed
        assert (sealed.from_id, sealed.until_id) == (0, 999)
        assert sorted(row["id"] for row in pieces(path)) == list(range(1, 1_000))
        seal(path)
        assert not differences(path)


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_piece_that_is_missing_or_cut_is_made_again_from_the_log(path: Path, damage: str) -> None:
    seal(path)
    with Manifest(folder_of(path)) as manifest:
        file = manifest.folder / manifest.pieces("rows")[1].file
    if damage == "missing":
        file.unlink()
    else:
        os.truncate(file, 500)
    assert [step["action"] for step in seal(path)] == ["repaired"]
    assert not differences(path)


def test_an_archive_that_was_deleted_is_made_again(path: Path) -> None:
    seal(path)
    for file in sorted(folder_of(path).rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    seal(path)
    assert not differences(path)


def test_only_one_sealer_runs_for_a_log(path: Path) -> None:
    with lease.held(folder_of(path)) as is_mine:
        assert is_mine
        assert [step["action"] for step in seal(path)] == ["another sealer is running"]
    seal(path)
    assert not differences(path)


def test_a_change_of_an_archive_that_moved_is_refused(path: Path) -> None:
    seal(path)
    with Manifest(folder_of(path), write=True) as manifest:
        sealed, [first, *_] = manifest.sealed(), manifest.pieces("rows")
        with pytest.raises(ArchiveMoved):
            manifest.change(None, sealed, [], [first], 0)
        manifest.change(sealed, sealed, [], [first], 0)
        with pytest.raises(ArchiveMoved):
            manifest.change(sealed, sealed, [], [first], 0)


def test_the_archive_is_for_its_owner_only(path: Path) -> None:
    seal(path)
    folder = folder_of(path)
    assert {file.stat().st_mode & 0o077 for file in (folder, *folder.rglob("*"))} == {0}


def test_a_planted_link_in_place_of_the_folder_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder_of(path).symlink_to(tmp_path / "elsewhere")
    [line] = seal(path, code=2)
    assert "it is a link" in line["error"]
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_missing_log_is_reported(tmp_path: Path) -> None:
    [line] = seal(tmp_path / "none.db", code=2)
    assert line["error"].startswith("No trace log at")
    assert not folder_of(tmp_path / "none.db").exists()


def test_a_log_of_another_program_is_not_sealed(tmp_path: Path) -> None:
    connection = sqlite.connect(tmp_path / "x.db", create=True)
    connection.execute("CREATE TABLE data_trace (Process TEXT, Timestamp REAL)")
    connection.close()
    [line] = seal(tmp_path / "x.db", code=2)
    assert "has no column Data" in line["error"]
    foreign = sqlite.connect(tmp_path / "y.db", create=True)
    names = ", ".join(f'"{name}"' for name in CANONICAL)
    foreign.execute(f"CREATE TABLE data_trace ({names})")
    foreign.close()
    [line] = seal(tmp_path / "y.db", code=2)
    assert line["error"].endswith("was made by another program.")
    assert "OBS_ARCHIVE=all" in line["hint"]
    assert storage.sealer(tmp_path / "y.db", 0).text.startswith("Another program made this log")


def test_a_manifest_that_is_no_database_is_an_error_with_a_hint(path: Path) -> None:
    seal(path)
    (folder_of(path) / "manifest.db").write_bytes(b"x" * 5_000)
    with pytest.raises(ObsError), Manifest(folder_of(path)) as manifest:
        manifest.sealed()
