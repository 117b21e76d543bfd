"""`python -m obs_core lake`, and what `doctor` says about the lake."""

import subprocess
from pathlib import Path

import pytest

from obs_core import subprocesses
from obs_core.cli.checks import storage
from obs_core.clock import SECOND, now_ns
from obs_core.settings import from_environment
from tests.support.archives import append, mixed
from tests.support.lakes import Shared


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        subprocesses.command("obs_core", "lake", *arguments),
        env=subprocesses.environment(**environment), capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_it_writes_the_log_and_says_how_far_each_host_is(shared: Shared, tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", mixed(70))
    written = run("write", "--log", str(log), **shared.environment)
    assert (written.returncode, written.stderr) == (0, "written: 70\n")
    status = run("status", **shared.environment)
    assert status.returncode == 0
    assert f"{log}: complete until 20" in status.stdout
    assert status.stdout.endswith(", 0 newer ids\n")
    settings = from_environment({"OBS_STORE": shared.store})
    (finding,) = storage.lake(log, settings, now_ns())
    assert finding.state == "ok"
    assert finding.text.startswith("This log is number 1 in postgres://obs@127.0.0.1")
    assert finding.text.endswith("pages read the log itself.")
    (late,) = storage.lake(log, settings, now_ns() + 3_600 * SECOND)
    assert late.state == "warning"


def test_a_server_that_is_not_there_is_an_error_with_a_hint(tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", mixed(7))
    store = "ducklake:postgres://obs:se%20cret@127.0.0.1:1/obs?data=s3://b/obs"
    failed = run("write", "--log", str(log), OBS_STORE=store)
    assert failed.returncode == 2
    assert "The shared lake postgres://obs@127.0.0.1:1/obs?data=s3://b/obs can't be reached" in failed.stderr
    assert "cret" not in failed.stderr
    (finding,) = storage.lake(log, from_environment({"OBS_STORE": store}), now_ns())
    assert finding.state == "warning"
    assert "can't be reached" in finding.text
    assert "Rows stay in the log" in finding.hint


@pytest.mark.parametrize(
    ("store", "state", "text"),
    [
        ("ducklake:postgres://pg/obs?data=s3://b/o", "warning", "Nothing of this log was written"),
        ("ducklake:postgres://pg", "error", "the name of the database is missing"),
        ("duck:postgres://pg", "warning", "names no store that is known"),
    ],
)
def test_a_lake_that_is_not_written_is_reported(tmp_path: Path, store: str, state: str, text: str) -> None:
    (finding,) = storage.lake(tmp_path / "x.db", from_environment({"OBS_STORE": store}), 0)
    assert finding.state == state
    assert text in finding.text


def test_without_a_store_nothing_is_said(tmp_path: Path) -> None:
    assert list(storage.lake(tmp_path / "x.db", from_environment({}), 0)) == []
    assert "OBS_STORE is not set" in run("status", OBS_STORE="").stderr
