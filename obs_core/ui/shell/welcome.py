"""The welcome page, shown while the log is missing or empty: what is missing, and how to record rows."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Final

import streamlit as st

from obs_core.errors import LogMissing, ObsError
from obs_core.settings import from_environment, store_url
from obs_core.ui.kit import formatting
from obs_core.ui.shell import answers, otlp_status
from obs_core.ui.shell.panel import panel, report

CHECK_INTERVAL_S: Final = 1
STOP_S: Final = 10
RECORDED_S: Final = 20.0
FOUR_LINES: Final = """\
from obs_core import trace

@trace  # its result and exceptions; its arguments too: @trace(args=True)
def price(symbol: str) -> float: ...
"""
_DEMO: Final = "python -m obs_core demo"


class Demo:
    """The demo as a separate program; never in the process of the server."""

    def __init__(self) -> None:
        """Not started yet."""
        self._program: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    def start(self, log: Path, seconds: float = RECORDED_S) -> None:
        """Record into `log` for `seconds`, unless a recording is running."""
        if self.is_running:
            return
        self.stop()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as the program runs
        self._program = subprocess.Popen(
            [sys.executable, "-m", "obs_core", "demo", "--seconds", str(seconds)],
            env={**os.environ, "OBS_LOG": str(log.absolute())},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    @property
    def is_running(self) -> bool:
        """Whether it is recording."""
        return self._program is not None and self._program.poll() is None

    @property
    def failure(self) -> str:
        """Why a recording that ended left no rows: the last line of its output; empty if none ended."""
        if self._output is None or self._program is None or self._program.poll() is None:
            return ""
        if self._program.returncode == 0:
            return "it finished, but the log has no rows."
        self._output.seek(0)
        return (self._output.read().decode("utf-8", "replace").strip().splitlines() or ["no output"])[-1]

    def stop(self) -> None:
        """Stop the recording, if one is running, and drop its output."""
        if self._program is not None and self._program.poll() is None:
            self._program.terminate()
            self._program.wait(STOP_S)
        if self._output is not None:
            self._output.close()
        self._program = self._output = None


@st.cache_resource(show_spinner=False, on_release=lambda demo: demo.stop())
def demo() -> Demo:
    """The demo of this server."""
    return Demo()


def is_needed() -> bool:
    """Whether there is nothing to show: no log, an empty log, or a file that is not a log."""
    try:
        return answers.log_extent() is None
    except ObsError:
        return True


def draw() -> None:
    """Draw the welcome page, check the log every second, and rerun as soon as it has a row."""
    st.fragment(_draw_once, run_every=CHECK_INTERVAL_S)()


def _draw_once() -> None:
    if not is_needed():
        st.rerun()
    if store_url():
        _empty_store()
        return
    log = from_environment().log.absolute()
    _missing_log(log)
    recorder = demo()
    left, right = st.columns(2, gap="medium")
    with left, panel("Trace a program"):
        st.code(FOUR_LINES, language="python")
        st.caption(f"Run it with OBS_LOG={log}, or in this directory. Its calls appear here as they happen.")
    with right, panel("Or record the demo"):
        st.code(_DEMO, language="bash")
        st.caption("Three small programs read three instruments; one instrument is stuck.")
        label = "Recording …" if recorder.is_running else "Record the demo"
        st.button(label, type="primary", disabled=recorder.is_running, on_click=recorder.start, args=(log,))
        if recorder.failure:
            st.warning(f"The demo failed: {recorder.failure}")
    with panel("Or send OpenTelemetry"):
        otlp_status.ways_to_send()


def _empty_store() -> None:
    """Draw one sentence: the store has no rows, or why it can't be read."""
    try:
        answers.engine().extent()
        text, icon = f"{answers.engine().address} has no rows yet.", ":material/inbox:"
    except ObsError as error:
        text, icon = f"{error.message} {error.hint}", ":material/cloud_off:"
    st.info(formatting.escape_markdown(text), icon=icon)


def _missing_log(log: Path) -> None:
    """Draw one sentence: the log is missing or empty, or why it is not readable."""
    try:
        answers.log_extent()
    except LogMissing:
        st.info(f"No trace log yet at {formatting.escape_markdown(str(log))}.", icon=":material/inbox:")
    except ObsError as error:
        report("Log", formatting.escape_markdown(f"{error.message} {error.hint}"))
    else:
        st.info(f"The trace log at {formatting.escape_markdown(str(log))} is empty.", icon=":material/inbox:")
