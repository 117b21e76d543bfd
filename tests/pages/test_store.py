"""The pages on a ClickHouse database instead of a log."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from obs_core.clock import Window
from obs_core.query.engine import clickhouse_client, clickhouse_tables
from obs_core.query.engine.engine import Engine
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import overview, traces
from obs_core.ui.shell import answers
from tests.pages.conftest import Opened, page_text
from tests.support import clickhouse, otlp_documents, table
from tests.support.clickhouse_server import PASSWORD, running

ALWAYS = Window(0, 2**63 - 1)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A database with 40 traces."""
    name = clickhouse.database()
    clickhouse.store(name, otlp_documents.document(40))
    yield name
    clickhouse.drop(name)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits for a busy machine."""
    monkeypatch.setattr(clickhouse_client, "LEAST_S", 60)
    monkeypatch.setattr(clickhouse_tables, "ANSWER_S", 60.0)


@pytest.fixture
def stored(database: str, log_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine on a log with the same rows, while the pages show the database; their own log has one other row."""
    monkeypatch.setenv("OBS_STORE", f"chdb://memory/{database}")
    table.store(log_path, table.rows("0 own note 1 OK"))
    local = log_path.with_name("same.db")
    clickhouse.log(local, otlp_documents.document(40))
    with Engine(local) as engine:
        yield engine


def shown(app: AppTest) -> str:
    """The text of a page without an error."""
    assert not app.exception
    assert not app.warning
    assert not app.error
    return page_text(app)


def test_the_overview_has_the_figures_of_the_store(stored: Engine, opened: Opened) -> None:
    text = shown(opened("overview"))
    figures = overview.summary(stored, ALWAYS).iloc[0]
    assert f"{int(figures['errors']):,} of {int(figures['calls']):,} calls" in text
    for group in ("shop", "billing", "unknown_service"):
        assert group in text
    newest = overview.recent_errors(stored, ALWAYS)["data"].iloc[0]
    assert newest in text
    assert "what its senders still hold is not known" in text
    assert re.search(r"About chdb://memory/otel_\d+: It is a ClickHouse database of the OpenTelemetry Collector", text)
    assert "no values" in text
    assert "No writers are running" not in text


def test_the_trace_explorer_shows_rows_and_a_trace(stored: Engine, opened: Opened) -> None:
    failed = traces.page(stored, ALWAYS, row_filter=RowFilter(exception_type="ValueError")).to_dict("records")[0]
    assert "rows" in shown(opened("trace_explorer", t_exc="ValueError", t_facets="true"))
    text = shown(opened("trace_explorer", trace=failed["trace_id"], span=failed["span_id"]))
    assert failed["Exception"].partition(": ")[0] in text
    assert "http.method" in text


def test_the_code_inspector_says_that_there_is_no_source(stored: Engine, opened: Opened) -> None:
    assert "shop.load" in shown(opened("code_inspector"))
    text = shown(opened("code_inspector", f_fn="shop.load"))
    assert "no source" in text.lower()
    assert stored.extent() is not None


def test_the_logs_page_lists_rows_of_the_store(stored: Engine, opened: Opened) -> None:
    app = opened("logs")
    text = shown(app)
    assert "checkout" in text or "load" in text
    assert "own" not in {str(cell) for frame in app.dataframe for cell in frame.value.get("Process", [])}
    assert stored.extent() is not None


def test_alerts_say_that_they_use_the_own_log(stored: Engine, opened: Opened, log_path: Path) -> None:
    text = shown(opened("alerts"))
    assert f"Alert rules use this server's own log, {log_path.absolute()}; the pages show chdb://memory/" in text
    assert stored.extent() is not None


def test_a_store_that_is_away_is_said_and_shown_as_soon_as_it_answers(
    database: str, log_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert log_path
    monkeypatch.setenv("CLICKHOUSE_PASSWORD", PASSWORD)
    with running() as server:
        port = server.server_address[1]
    monkeypatch.setenv("OBS_STORE", f"clickhouse://obs@127.0.0.1:{port}/{database}?tls=no")
    app = opened("overview")
    assert not app.exception
    text = page_text(app)
    assert f"ClickHouse can't be reached at clickhouse://obs@127.0.0.1:{port}/{database}" in text
    assert "Record the demo" not in text
    assert PASSWORD not in text
    with running(port=port):
        while "can't be reached" in page_text(app):
            time.sleep(0.1)
            app.run()
        assert "calls" in shown(app)
        answers.close()


def test_a_setting_that_is_no_store_is_said_on_every_page(
    log_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.store(log_path, table.rows("0 own note 1 OK"))
    monkeypatch.setenv("OBS_STORE", "mysql://obs:p4ss@ch/otel")
    for page in ("overview", "trace_explorer", "alerts"):
        app = opened(page)
        assert not app.exception
        text = page_text(app)
        assert "OBS_STORE has an unknown scheme: “mysql”" in text
        assert "p4ss" not in text
