"""A full disk during sealing, day close, retention and backup: nothing is lost, and a sentence says so."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from obs_core import subprocesses
from obs_core.archive.manifest import Manifest, folder_of
from tests.support import disk
from tests.support.archives import append, command, differences, logged, mixed, seal, seal_without_close, statement
from tests.support.disk import fill

ROWS = 3_000
MORE = 6_000
LIMIT_KB = 64


class Full:
    """A folder on a disk of its own that can be filled; without such disks here, files are limited instead."""

    def __init__(self, folder: Path, *, mounted: bool) -> None:
        """A folder, which is `mounted` if it is a disk of its own."""
        self.folder, self.mounted = folder, mounted

    def run(self, arguments: list[str]) -> "subprocess.CompletedProcess[str]":
        """Run a command while the disk is full."""
        ballast = fill(self.folder) if self.mounted else None
        try:
            return run(arguments if self.mounted else disk.limited(arguments, LIMIT_KB))
        finally:
            if ballast:
                ballast.unlink()

    def error(self, arguments: list[str]) -> str:
        """What a sealer or pruner says then; nothing else is on its error output."""
        ended = self.run(arguments)
        assert (ended.returncode, ended.stderr) == (2, ""), ended
        said = json.loads(ended.stdout.splitlines()[-1])
        return f"{said['error']} {said['hint']}"


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Full]:
    """A filesystem of 16 MB."""
    (tmp_path / "small").mkdir()
    with disk.small_filesystem(tmp_path / "small", 16 << 20) as mounted:
        yield Full(tmp_path / "small", mounted=mounted)


@pytest.fixture
def path(full: Full) -> Path:
    """A log of 3,000 rows over three weeks on it."""
    return append(full.folder / "x.db", mixed(ROWS))


def run(arguments: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        arguments, capture_output=True, text=True, env=subprocesses.environment(), check=False, timeout=120
    )


def test_sealing(path: Path, full: Full) -> None:
    append(path, mixed(MORE, first=ROWS, step_ns=1_000_003))  # one day of more than the limit
    assert "is full" in full.error(command(path, "--everything"))
    assert len(logged(path, 2**62)) == ROWS + MORE
    seal(path, "--everything", "--batch-rows", "9000")
    assert not differences(path)


def test_day_close(path: Path, full: Full) -> None:
    append(path, mixed(MORE, first=ROWS, step_ns=1_000_003))
    seal_without_close(path, batch_rows=900)
    with Manifest(folder_of(path)) as manifest:
        before = manifest.pieces()
    assert "is full" in full.error(command(path, "--everything"))
    with Manifest(folder_of(path)) as manifest:
        assert len(manifest.pieces()) <= len(before)
    assert {step["action"] for step in seal(path)} == {"closed"}
    assert not differences(path)


def test_retention(path: Path, full: Full, tmp_path: Path) -> None:
    seal(path)
    whole = tmp_path / "whole.db"
    statement(path, f"VACUUM INTO '{whole}'")
    pruner = subprocesses.command("obs_core.archive.pruner", str(path), "--rows-ns=1", "--newest=5", "--grace-s=0")
    assert "full" in full.error(pruner)
    assert run(pruner).returncode == 0
    assert not differences(path, whole)
    assert statement(path, "SELECT min(id) FROM data_trace") == [(ROWS - 5,)]


def test_backup(path: Path, full: Full, tmp_path: Path) -> None:
    seal(path)
    copy = path.with_name("copy.tar")
    backup = [sys.executable, "-m", "obs_core", "backup", "--log", str(path)]
    ended = full.run([*backup, str(copy)])
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "can't be written" in ended.stderr
    assert "full" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list(path.parent.glob("copy*"))
    assert not differences(path)
    assert run([*backup, str(tmp_path / "copy.tar")]).returncode == 0
