"""`backup`, `restore` and `verify`."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest

from obs_core import subprocesses
from obs_core.archive.manifest import folder_of
from obs_core.cli.main import main
from obs_core.watch.follower import Follower
from tests.support.archives import append, differences, logged, mixed, seal

KILLS = int(os.environ.get("OBS_TEST_KILLS", "4"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log with an archive, alerts and rules."""
    (tmp_path / "here").mkdir()
    path = append(tmp_path / "here" / "x.db", mixed(300))
    (path.parent / "rules.toml").write_text('[[rule]]\nname = "e"\nkind = "error_rate"\nabove = 0.5\nwindow = 60\n')
    follower = Follower(path)
    follower.tick(1)
    follower.close()
    seal(path)
    return path


def test_a_backup_made_while_rows_arrive_is_restored_whole(path: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        first = 300
        while not stop.is_set():
            append(path, mixed(7, first=first))
            first += 7

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert main(["backup", str(tmp_path / "copy.tar"), "--log", str(path)]) == 0
    finally:
        stop.set()
        writer.join()
    target = tmp_path / "there" / "y.db"
    target.parent.mkdir()
    assert main(["restore", str(tmp_path / "copy.tar"), "--log", str(target)]) == 0
    rows = logged(target, 2**62)
    assert rows == logged(path, 2**62)[: len(rows)]
    assert len(rows) >= 300
    assert not differences(target)
    assert main(["verify", "--log", str(target)]) == 0
    assert (target.parent / "rules.toml").read_text() == (path.parent / "rules.toml").read_text()
    follower = Follower(target)
    follower.tick(2)
    assert follower.at_id == rows[-1]["id"]
    follower.close()
    assert {file.stat().st_mode & 0o077 for file in (target, *folder_of(target).rglob("*"))} == {0}
    assert not list(target.parent.glob("*.restore"))


def test_nothing_is_overwritten_and_no_damaged_copy_is_restored(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.tar"
    assert main(["backup", str(copy), "--log", str(path)]) == 0
    assert copy.stat().st_mode & 0o077 == 0
    assert main(["backup", str(copy), "--log", str(path)]) == 2
    assert main(["restore", str(copy), "--log", str(path)]) == 2
    with tarfile.open(copy) as tar:
        [offset] = [member.offset_data for member in tar if member.name.startswith("archive/rows/")][:1]
    content = bytearray(copy.read_bytes())
    content[offset + 100] ^= 4
    (tmp_path / "bad.tar").write_bytes(content)
    assert main(["restore", str(tmp_path / "bad.tar"), "--log", str(tmp_path / "y.db")]) == 2
    assert "has another checksum" in capsys.readouterr().err
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        tar.add(path, "log.db")
        tar.add(path, "../outside.db")
    assert main(["restore", str(tmp_path / "evil.tar"), "--log", str(tmp_path / "y.db")]) == 2
    assert not (tmp_path / "y.db").exists()
    assert not (tmp_path / "outside.db").exists()


def test_a_backup_that_is_killed_leaves_no_file_that_looks_complete(path: Path, tmp_path: Path) -> None:
    copy, part = tmp_path / "copy.tar", tmp_path / "copy.tar.part"
    chance = random.Random(KILLS)  # noqa: S311
    whole = logged(path, 2**62)
    for number in range(KILLS):
        part.unlink(missing_ok=True)
        child = subprocess.Popen(
            [sys.executable, "-m", "obs_core", "backup", str(copy), "--log", str(path)],
            env=subprocesses.environment(), stdout=subprocess.DEVNULL,
        )  # fmt: skip
        while not part.exists() and not copy.exists() and child.poll() is None:
            time.sleep(0.001)
        time.sleep(chance.random() * 0.06)  # a backup of this log takes 0.05 s
        child.send_signal(signal.SIGKILL)
        child.wait()
        if copy.exists():
            assert main(["restore", str(copy), "--log", str(tmp_path / f"{number}.db")]) == 0
            assert logged(tmp_path / f"{number}.db", 2**62) == whole
            shutil.rmtree(folder_of(tmp_path / f"{number}.db"))
            for name in (f"{number}.db.alerts.db", "rules.toml"):
                (tmp_path / name).unlink()
            copy.unlink()
    assert main(["backup", str(copy), "--log", str(path)]) == 0
    assert main(["restore", str(copy), "--log", str(tmp_path / "y.db")]) == 0
    assert not differences(tmp_path / "y.db")
    assert not list(tmp_path.glob("copy.tar.*"))


def test_verify_finds_a_damaged_log_and_archive(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    next((folder_of(path) / "rows").iterdir()).unlink()
    assert main(["verify", "--log", str(path)]) == 1
    assert "is missing" in capsys.readouterr().out
    content = bytearray(path.read_bytes())
    content[8192:12288] = b"x" * 4096
    path.write_bytes(content)
    assert main(["verify", "--log", str(path)]) == 1
    assert main(["verify", "--log", str(path.with_name("none.db"))]) == 2
