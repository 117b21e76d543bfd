"""The demo that the button starts: a program of its own."""

import time
from pathlib import Path

from obs_core.ui.shell.welcome import Demo


def test_the_demo_is_a_program_that_fills_the_log_and_can_be_stopped(tmp_path: Path) -> None:
    demo = Demo()
    assert not demo.runs
    demo.start(tmp_path / "trace.db")
    first = demo._program
    assert demo.runs
    demo.start(tmp_path / "trace.db")
    assert demo._program is first
    end = time.monotonic() + 30
    while not (tmp_path / "trace.db").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert (tmp_path / "trace.db").exists()
    assert demo.complaint == ""
    demo.stop()
    assert not demo.runs


def test_a_demo_that_left_nothing_says_so(tmp_path: Path) -> None:
    demo = Demo()
    demo.start(tmp_path, seconds=0.5)  # a directory can't be a log
    assert demo._program is not None
    demo._program.wait(60)
    assert demo.complaint
    demo.stop()
    assert not demo.complaint


def test_a_demo_that_fails_says_its_last_line(tmp_path: Path) -> None:
    demo = Demo()
    demo.start(tmp_path / "trace.db", seconds=-1)
    assert demo._program is not None
    assert demo._program.wait(60)
    assert "--seconds must be a number above 0." in demo.complaint
    demo.stop()
