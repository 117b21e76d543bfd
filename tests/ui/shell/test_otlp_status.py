"""What pages show about the OTLP receiver."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from obs_core.process_identity import birth_of
from obs_core.supervisor import status_file
from obs_core.supervisor.state import Child
from obs_core.ui.shell import answers
from tests.support import table

ROUTER = Path(__file__).parents[3] / "pages" / "_router.py"
RUNNING = Child("ingest", "running", 1, os.getpid(), birth_of(os.getpid()) or 0, 77, "http://127.0.0.1:43999")
TAKEN = replace(RUNNING, state="port in use", address=None, last_error="Port 4318 is in use by another program.")


@pytest.fixture
def log_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The log that the pages show."""
    monkeypatch.setenv("OBS_LOG", str(tmp_path / "trace.db"))
    yield tmp_path / "trace.db"
    answers.close()
    st.cache_resource.clear()


def page_text(log: Path, child: Child | None) -> str:
    """What the Overview shows in captions, warnings and code."""
    if child is not None:
        status_file.write(log, child)
    app = AppTest.from_file(ROUTER, default_timeout=30)
    app.query_params["from"], app.query_params["to"] = "first", "last"
    app.switch_page("overview.py").run()
    assert not app.exception
    return "\n".join(str(element.value) for element in (*app.caption, *app.warning, *app.code)).replace("\\", "")


@pytest.mark.parametrize(
    ("child", "text"),
    [
        (RUNNING, "OpenTelemetry programs can send to `http://127.0.0.1:43999`."),
        (replace(RUNNING, restarts=3), "Restarts: 3."),
        (TAKEN, "The OTLP receiver has been down since 00:00:00.000: Port 4318 is in use by another program."),
        (
            replace(RUNNING, state="off", address=None),
            "The OTLP receiver is off: it is disabled by OBS_OTLP.",
        ),
        (
            replace(RUNNING, state="off", address=None, last_error="old.db was made by another program."),
            "The OTLP receiver is off: old.db was made by another program.",
        ),
    ],
)
def test_the_overview_shows_the_status_of_the_receiver(log_path: Path, child: Child, text: str) -> None:
    table.store(log_path, table.rows("0 feed load - OK"))
    assert text in page_text(log_path, child)


def test_without_a_receiver_nothing_is_shown(log_path: Path) -> None:
    table.store(log_path, table.rows("0 feed load - OK"))
    assert "OpenTelemetry" not in page_text(log_path, None)


@pytest.mark.parametrize(
    ("child", "text"),
    [
        (RUNNING, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:43999\nOTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"),
        (TAKEN, "down since 00:00:00.000: Port 4318 is in use by another program."),
        (None, "Start one: python -m obs_core ingest"),
    ],
)
def test_the_welcome_page_shows_where_to_send(log_path: Path, child: Child | None, text: str) -> None:
    assert text in page_text(log_path, child)
