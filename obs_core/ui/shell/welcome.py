"""What every page shows while the log is missing or empty: what is missing, and the ways to fill it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Final

import streamlit as st

from obs_core.errors import LogMissing, ObsError
from obs_core.settings import from_environment
from obs_core.ui.kit import formatting
from obs_core.ui.shell import answers, otlp_status
from obs_core.ui.shell.panel import panel

REFRESH_S: Final = 1
STOP_S: Final = 10
RECORDED_S: Final = 20.0
FOUR_LINES: Final = """\
from obs_core import trace

@trace
def price(symbol: str) -> float: ...
"""
_DEMO: Final = "python -m obs_core demo"


class Demo:
    """The demo as a program of its own; never in the server's process."""

    def __init__(self) -> None:
        """Not started yet."""
        self._program: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    def start(self, log: Path, seconds: float = RECORDED_S) -> None:
        """Record into `log` for `seconds`, unless a recording runs already."""
        if self.runs:
            return
        self.stop()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the program
        self._program = subprocess.Popen(
            [sys.executable, "-m", "obs_core", "demo", "--seconds", str(seconds)],
            env={**os.environ, "OBS_LOG": str(log.absolute())},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    @property
    def runs(self) -> bool:
        """Whether it is recording."""
        return self._program is not None and self._program.poll() is None

    @property
    def complaint(self) -> str:
        """Why a recording that ended left nothing: its last line; empty if none ended."""
        if self._output is None or self._program is None or self._program.poll() is None:
            return ""
        if self._program.returncode == 0:
            return "it ended, and there is no row in the log."
        self._output.seek(0)
        return (self._output.read().decode("utf-8", "replace").strip().splitlines() or ["it said nothing"])[-1]

    def stop(self) -> None:
        """End the recording, if one runs, and forget what it said."""
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


def needed() -> bool:
    """Whether there is nothing to show: no log, an empty one, or a file that is none."""
    try:
        return answers.engine().extent() is None
    except ObsError:
        return True


def draw() -> None:
    """Draw it, look every second, and give way to the page as soon as there is a row."""
    st.fragment(_part, run_every=REFRESH_S)()


def _part() -> None:
    if not needed():
        st.rerun()
    log = from_environment().log.absolute()
    _what_is_missing(log)
    recorder = demo()
    left, right = st.columns(2, gap="medium")
    with left, panel("Trace a program"):
        st.code(FOUR_LINES, language="python")
        st.caption(f"Run it with OBS_LOG={log}, or in this directory. Its calls appear here as they happen.")
    with right, panel("Or record the demo"):
        st.code(_DEMO, language="bash")
        st.caption("Three small real programs read what three instruments measured, one of which got stuck.")
        label = "Recording …" if recorder.runs else "Record the demo"
        st.button(label, type="primary", disabled=recorder.runs, on_click=recorder.start, args=(log,))
        if recorder.complaint:
            st.warning(f"The demo failed: {recorder.complaint}")
    with panel("Or send OpenTelemetry"):
        otlp_status.ways_to_send()


def _what_is_missing(log: Path) -> None:
    """One sentence: no log, an empty one, or one that can't be read and why."""
    try:
        answers.engine().extent()
    except LogMissing:
        st.info(f"There is no trace log yet at {formatting.escape_markdown(str(log))}.", icon=":material/inbox:")
    except ObsError as error:
        st.warning(formatting.escape_markdown(f"{error.message} {error.hint}"), icon=":material/error:")
    else:
        st.info(f"The trace log at {formatting.escape_markdown(str(log))} is empty.", icon=":material/inbox:")
