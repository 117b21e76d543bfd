"""The frame around the pages: which there are, what they share, and what they say while there is nothing to show."""

from pathlib import Path

import pytest

from obs_core.store import log
from obs_core.ui.kit.navigation import PAGES
from tests.pages.conftest import Opened, words
from tests.support import table

SHOP = """
    seconds  process  process_group  data    kind   trace_id  span_id  duration_ms  status
    0        web      shop           serve   call   t1        s1       100          OK
    1        worker   back           refill  call   t2        s1       5            OK
"""


@pytest.mark.parametrize(("name", "title"), PAGES.items())
def test_each_page_opens_from_its_link(name: str, title: str, log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened(name)
    assert not app.exception
    assert f"<h1>{title}</h1>" in words(app)
    assert not app.warning


def test_without_the_new_pages_only_the_logs_are_left(
    log_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.store(log_path, table.rows(SHOP))
    monkeypatch.setenv("ENABLE_NEW_OBSERVABILITY", "false")
    for name in PAGES:
        assert "<h1>Logs</h1>" in words(opened(name))


@pytest.mark.parametrize("name", PAGES)
def test_a_missing_log_is_said_with_the_three_ways_to_fill_it(name: str, log_path: Path, opened: Opened) -> None:
    app = opened(name)
    assert not app.exception
    said = words(app)
    assert f"There is no trace log yet at {log_path}" in said
    assert "from obs_core import trace" in said
    assert "python -m obs_core demo" in said
    assert "http://127.0.0.1:4318" in said
    assert [button.label for button in app.button if "demo" in button.label] == ["Record the demo"]
    assert not log_path.exists()


def test_an_empty_log_is_said_to_be_empty(log_path: Path, opened: Opened) -> None:
    log.open_log(log_path).close()
    assert f"The trace log at {log_path} is empty." in words(opened("alerts"))


@pytest.mark.parametrize("content", [b"", b"this is no database at all, however long it is" * 100])
def test_a_file_that_is_no_log_is_said(content: bytes, log_path: Path, opened: Opened) -> None:
    log_path.write_bytes(content)
    said = words(opened("logs"))
    assert str(log_path) in said
    assert "data_trace" in said or "not a SQLite database" in said


def test_the_page_comes_as_soon_as_the_first_row_is_there(log_path: Path, opened: Opened) -> None:
    app = opened("logs")
    table.store(log_path, table.rows(SHOP))
    assert "refill" in words(app.run())


def test_broken_parameters_fall_back_and_are_said(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("logs", **{"from": "first", "to": "yesterday", "every": "7s"})
    assert not app.exception
    said = words(app)
    assert "“yesterday” is not a time" in said
    assert "“7s” is no pace of refreshing" in said
    assert "refill" in said
    app.run()  # the URL is mended by now
    assert "“7s” is no pace of refreshing" in words(app)


def test_what_is_wrong_with_a_link_is_said_until_it_is_dismissed(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("logs", **{"from": "first", "to": "yesterday", "every": "7s"})
    app.button(key="link_notes_dismiss").click().run()
    assert "“" not in words(app)
    assert "“" not in words(app.run())


def test_a_group_of_the_link_narrows_the_page_and_one_without_rows_is_said(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    assert "refill" not in words(opened("logs", group="shop"))
    app = opened("logs", group="nobody")
    assert "No row of the group “nobody” in this window" in words(app)
    next(button for button in app.button if button.label == "Show all groups").click().run()
    assert "refill" in words(app)


def test_data_outside_the_window_is_offered(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("overview", **{"from": "now-5m", "to": "now"})
    assert "Nothing in this window; the last data is from 2026-01-01 00:00:01.000" in words(app)
    next(button for button in app.button if button.label == "Show it").click().run()
    assert app.selectbox(key="from").value == "last-5m"
    assert "Error rate" in words(app)
