"""The frame around the pages: navigation, shared controls, and the welcome page while there are no rows."""

from pathlib import Path

import pytest

from obs_core.store import log
from obs_core.ui.kit.navigation import PAGES
from tests.pages.conftest import Opened, page_text
from tests.support import table

SHOP = """
    seconds  process  process_group  data    kind   trace_id  span_id  duration_ms  status
    0        web      shop           serve   call   t1        s1       100          OK
    1        worker   back           refill  call   t2        s1       5            OK
"""


@pytest.mark.parametrize(("name", "title"), PAGES.items())
def test_every_page_opens_from_its_link(name: str, title: str, log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened(name)
    assert not app.exception
    assert f"<h1>{title}</h1>" in page_text(app)
    assert not app.warning


def test_without_the_new_pages_only_the_logs_are_left(
    log_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.store(log_path, table.rows(SHOP))
    monkeypatch.setenv("ENABLE_NEW_OBSERVABILITY", "false")
    monkeypatch.setenv("OBS_ROLLOUT", "deprecated")  # the way back wins
    for name in PAGES:
        text = page_text(opened(name))
        assert "<h1>Logs</h1>" in text
        assert "will be removed" not in text


def test_the_logs_page_is_retired_in_two_steps(log_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    table.store(log_path, table.rows(SHOP))
    monkeypatch.setenv("OBS_ROLLOUT", "deprecated")
    app = opened("logs", l_q="web")
    assert "This page will be removed." in page_text(app)
    (link,) = [link for link in app.get("page_link") if link.proto.label == "Open these rows there"]
    assert (link.proto.page, "t_q=web" in link.proto.query_string) == ("trace_explorer", True)
    monkeypatch.setenv("OBS_ROLLOUT", "removed")
    assert "<h1>Logs</h1>" not in page_text(opened("logs"))


@pytest.mark.parametrize("name", PAGES)
def test_a_missing_log_is_reported_with_three_ways_to_record_rows(name: str, log_path: Path, opened: Opened) -> None:
    app = opened(name)
    assert not app.exception
    text = page_text(app)
    assert f"No trace log yet at {log_path}" in text
    assert "from obs_core import trace" in text
    assert "python -m obs_core demo" in text
    assert "http://127.0.0.1:4318" in text
    assert [button.label for button in app.button if "demo" in button.label] == ["Record the demo"]
    assert not log_path.exists()


def test_an_empty_log_is_reported(log_path: Path, opened: Opened) -> None:
    log.open_log(log_path).close()
    assert f"The trace log at {log_path} is empty." in page_text(opened("alerts"))


@pytest.mark.parametrize("content", [b"", b"this is not a database at all, however long it is" * 100])
def test_a_file_that_is_not_a_log_is_reported(content: bytes, log_path: Path, opened: Opened) -> None:
    log_path.write_bytes(content)
    text = page_text(opened("logs"))
    assert str(log_path) in text
    assert "data_trace" in text or "not a SQLite database" in text


def test_the_page_appears_with_the_first_row(log_path: Path, opened: Opened) -> None:
    app = opened("logs")
    table.store(log_path, table.rows(SHOP))
    assert "refill" in page_text(app.run())


def test_invalid_parameters_fall_back_and_are_reported(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("logs", **{"from": "first", "to": "yesterday", "every": "7s"})
    assert not app.exception
    text = page_text(app)
    assert "“yesterday” is not a time. The last hour is shown instead." in text
    assert "“7s” is not a valid refresh interval" in text
    assert "refill" not in text  # nor half of the window that was asked for
    app.run()  # the URL is valid by now
    assert "“7s” is not a valid refresh interval" in page_text(app)


def test_a_notice_about_a_link_stays_until_it_is_dismissed(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("logs", **{"from": "first", "to": "yesterday", "every": "7s"})
    app.button(key="link_notes_dismiss").click().run()
    assert "“" not in page_text(app)
    assert "“" not in page_text(app.run())


def test_the_group_of_a_link_filters_the_page_and_an_empty_group_is_reported(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    assert "refill" not in page_text(opened("logs", group="shop"))
    app = opened("logs", group="nobody")
    assert "No rows of the group “nobody” in this window" in page_text(app)
    next(button for button in app.button if button.label == "Show all groups").click().run()
    assert "refill" in page_text(app)


def test_data_outside_the_window_is_offered(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("overview", **{"from": "now-5m", "to": "now"})
    assert "No rows in this window; the last data is from 2026-01-01 00:00:01.000" in page_text(app)
    next(button for button in app.button if button.label == "Show it").click().run()
    assert (app.text_input(key="from").value, app.text_input(key="to").value) == ("first", "last")
    assert "Error rate" in page_text(app)
