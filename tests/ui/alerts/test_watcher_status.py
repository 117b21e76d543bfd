"""What the page of alerts shows about the watcher: what fails in it, and why it was restarted."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from obs_core.process_identity import birth_of
from obs_core.supervisor import status_file
from obs_core.supervisor.state import Child
from obs_core.ui.shell import answers
from obs_core.watch import status_file as watch_status
from obs_core.watch.status_file import Fault
from tests.support import table

ROUTER = Path(__file__).parents[3] / "pages" / "_router.py"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The log that the pages show."""
    path = tmp_path / "trace.db"
    monkeypatch.setenv("OBS_LOG", str(path))
    table.store(path, table.rows("0 feed load - OK"))
    yield path
    answers.close()
    st.cache_resource.clear()


def page_text() -> str:
    app = AppTest.from_file(ROUTER, default_timeout=60)
    app.switch_page("alerts.py").run()
    assert not app.exception
    return "\n".join(str(element.value) for element in (*app.caption, *app.warning)).replace("\\", "")


def test_the_faults_of_the_watcher_are_shown_and_further_ones_counted(log: Path) -> None:
    faults = [Fault(f"rule r{n}", f"The rule “r{n}” is not evaluated *<b>*.", n + 1, 1) for n in range(7)]
    watch_status.write(log, faults)
    text = page_text()
    assert "The rule “r0” is not evaluated *<b>*. (since 1970-01-01" in text
    assert "(5 times since" in text
    assert "r5" not in text
    assert "2 more problems of the watcher are not shown." in text


def test_why_the_watcher_was_restarted_is_shown_for_some_minutes(log: Path) -> None:
    dashboard = os.getpid()
    reason = "It did not respond for 30 s and was stopped."
    ended = {"restarts": 1, "last_end": reason, "last_end_ns": time.time_ns()}
    child = Child("watch", "running", time.time_ns(), dashboard, birth_of(dashboard) or 0, 77, str(log), **ended)  # type: ignore[arg-type]
    status_file.write(log, child)
    text = page_text()
    assert "The watcher was restarted after" in text
    assert reason in text
