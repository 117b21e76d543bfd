"""The demo that the button starts: a separate program."""

import time
from pathlib import Path

from obs_core.ui.shell.welcome import Demo


def test_the_demo_is_a_program_that_fills_the_log_and_can_be_stopped(tmp_path: Path) -> None:
    demo = Demo()
    assert not demo.is_running
    demo.start(tmp_path / "trace.db")
    first = demo._program
    assert demo.is_running
    demo.start(tmp_path / "trace.db")
    assert demo._program is first
    end = time.monotonic() + 30
    while not (tmp_path / "trace.db").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert (tmp_path / "trace.db").exists()
    assert demo.failure == ""
    demo.stop()
    assert not demo.is_running


def test_a_demo_without_rows_reports_it(tmp_path: Path) -> None:
    demo = Demo()
    demo.start(tmp_path, seconds=0.5)  # a directory is not a log
    assert demo._program is not None
    demo._program.wait(60)
    assert demo.failure
    demo.stop()
    assert not demo.failure


def test_a_failed_demo_shows_its_last_line(tmp_path: Path) -> None:
    demo = Demo()
    demo.start(tmp_path / "trace.db", seconds=-1)
    assert demo._program is not None
    assert demo._program.wait(60)
    assert "--seconds must be a number above 0." in demo.failure
    demo.stop()
