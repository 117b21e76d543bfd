"""What the Overview and `doctor` say about a sealer: a real one that is stopped, killed, and out of space."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from obs_core import subprocesses
from obs_core.archive import progress, space
from obs_core.cli.checks import storage
from obs_core.clock import HOUR, SECOND, now_ns
from tests.pages.conftest import Opened, log_path, opened, page_text
from tests.support.archives import append, command, mixed, seal

__all__ = ["log_path", "opened"]
ROWS = 2_000


@pytest.fixture
def sealer(log_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A sealer of a log of 2,000 rows that is stopped after its third step, with 120 rows sealed."""
    append(log_path, mixed(ROWS))
    child = subprocess.Popen(
        command(log_path, "--everything", "--batch-rows", "40"),
        stdout=subprocess.PIPE, env=subprocesses.environment(),
    )  # fmt: skip
    assert child.stdout
    with child.stdout:
        lines = [json.loads(child.stdout.readline()) for _ in range(3)]
        child.send_signal(signal.SIGSTOP)
        assert lines[-1]["rows"] == 40
        yield child
    child.kill()
    child.wait()


def test_the_first_sealing_is_shown_until_the_sealer_is_killed(
    sealer: "subprocess.Popen[bytes]", log_path: Path, opened: Opened
) -> None:
    last = progress.read(log_path)
    assert last
    assert (last.rows, last.sealed_rows % 40, last.sealed_rows >= 120) == (ROWS, 0, True)
    assert last.older_rows == ROWS - 1 - last.sealed_rows
    share = f"{last.sealed_rows:,} of 2,000 ({last.sealed_rows * 100 // ROWS} %)"
    assert f"Older rows are being archived: {share}" in page_text(opened("overview"))
    found = storage.sealer(log_path, last.time_ns + 3 * SECOND)
    assert (found.state, found.text) == (
        "ok", f"Running (pid {sealer.pid}), last step 3 s ago: {share} rows are archived.",
    )  # fmt: skip
    stuck = storage.sealer(log_path, last.time_ns + HOUR)
    assert stuck.text.startswith(f"pid {sealer.pid} makes no progress, last step 3,600 s ago")
    assert (stuck.state, bool(stuck.hint)) == ("warning", True)
    assert not space.measure(log_path, now_ns())[0]  # an archive that is being made is no growth of the log
    sealer.kill()
    sealer.wait()
    assert "archived" not in page_text(opened("overview"))
    assert storage.sealer(log_path, now_ns()).text.startswith("Not running, last step")
    seal(log_path)
    assert "1,999 of 2,000 (99 %)" in storage.sealer(log_path, now_ns()).text
    assert "archived" not in page_text(opened("overview"))


def test_a_sealer_that_stops_because_the_disk_is_full_says_so(log_path: Path, opened: Opened) -> None:
    append(log_path, mixed(20_000, step_ns=1_000_003))
    subprocess.run(
        ["/bin/sh", "-c", 'ulimit -f 128; exec "$@"', "sh", *command(log_path, "--everything")],
        stdout=subprocess.DEVNULL, env=subprocesses.environment(), check=False, timeout=120,
    )  # fmt: skip
    app = opened("overview")
    assert "is full. Free some space" in page_text(app)
    found = storage.sealer(log_path, now_ns())
    assert (found.state, "is full" in found.text, "Free some space" in found.hint) == ("warning", True, True)
    seal(log_path)
    assert "is full" not in page_text(opened("overview"))
    assert storage.sealer(log_path, now_ns()).state == "ok"


@pytest.mark.parametrize(
    ("sealed", "rows", "text"),
    [
        (3_200_000, 10_000_000, "3.2 of 10 M (32 %)"),
        (0, 1_250_000, "0 of 1.2 M (0 %)"),
        (9_999_999, 10_000_000, "9.9 of 10 M (99 %)"),
        (60_000, 250_000, "60,000 of 250,000 (24 %)"),
        (0, 0, "0 of 1 (0 %)"),
    ],
)
def test_the_share_is_said_in_a_few_words(sealed: int, rows: int, text: str) -> None:
    assert progress.Progress(1, 0, 0, False, sealed, rows, 0).share_text == text  # noqa: FBT003


def test_an_odd_file_is_no_progress(tmp_path: Path) -> None:
    folder = tmp_path / "x.db.d"
    folder.mkdir()
    for content in ("", "[]", "{}", '{"pid": 1}', '{"pid": "one"}', "x" * 5_000):
        (folder / progress.NAME).write_text(content)
        assert progress.read(tmp_path / "x.db") is None


def test_the_size_and_when_it_is_full_is_said_while_a_watcher_runs(log_path: Path, opened: Opened) -> None:
    append(log_path, mixed(400))
    seal(log_path)
    assert storage.size(log_path).text.startswith("No watcher runs")
    recorder = space.Recorder(log_path, 2_000_000_000, is_default=True)
    recorder.after_tick(log_path, now_ns())
    _, sample = space.measure(log_path, now_ns())
    sizes = f"{sample.log_bytes / 1e3:.0f} kB, its archive {sample.archive_bytes / 1e3:.1f} kB"
    assert f"The log has {sizes}, of at most 2.00 GB." in page_text(opened("overview"))
    # almost nothing 20 hours ago, and three times as much as now is left: 60 hours
    earlier = [space.Sample(now_ns() - 20 * HOUR, 1, 1)]
    recorder = space.Recorder(log_path, sample.bytes * 4, is_default=False)
    recorder._samples = earlier
    recorder.after_tick(log_path, now_ns())
    assert ": full in 2 days at this rate." in page_text(opened("overview"))
    found = storage.size(log_path)
    assert "; full in 2 days at this rate." in found.text
    assert found.hint.startswith("Then the oldest rows are deleted.")
    unlimited = space.Recorder(log_path, None, is_default=True)
    unlimited.after_tick(log_path, now_ns())
    assert "The log has" not in page_text(opened("overview"))  # the disk is not full soon
    assert "nothing limits them but the disk" in storage.size(log_path).text
