"""The head of every page in a real browser: window, live state, share and help in one row."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from obs_core.ui.kit.navigation import PAGES
from tests.browser.conftest import Serve, query_of, settled, window_name
from tests.browser.test_overview import stored

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_the_time_picker_zooms_shifts_takes_text_and_remembers(serve: Serve, page: Page, tmp_path: Path) -> None:
    stored(tmp_path / "trace.db")
    page.goto(f"{serve(tmp_path / 'trace.db')}/overview?every=off&from=now-24h")
    page.get_by_text("1 of 4 calls").wait_for()
    settled(page)
    assert window_name(page) == "Last 24 hours · UTC"
    page.get_by_role("button", name="Zoom to data").click()
    page.wait_for_url("**from=20*Z&to=20*Z")
    page.get_by_text("1 of 4 calls").wait_for()
    settled(page)
    page.keyboard.press("t")
    page.get_by_role("button", name="Later", exact=True).click()
    page.get_by_text("0 of 2 calls").wait_for()
    settled(page)
    page.get_by_role("button", name="Zoom out").click()
    page.get_by_text("of 4 calls").wait_for()
    settled(page)
    fields = page.get_by_placeholder("From")
    fields.fill("yesterday")
    page.get_by_role("button", name="Apply texts").click()
    page.get_by_text("“yesterday” is not a time.").wait_for()
    settled(page)
    assert "yesterday" not in query_of(page)
    fields.fill("now-3h")
    page.get_by_placeholder("To").fill("now")
    page.get_by_role("button", name="Apply texts").click()
    page.wait_for_url("**from=now-3h**")
    settled(page)
    assert window_name(page) == "Last 3 hours · UTC"
    expect(page.get_by_role("button", name="Apply texts")).to_have_count(0)
    page.keyboard.press("t")
    page.get_by_role("button", name="Last 24 hours").last.click()  # listed as recent
    page.wait_for_url("**from=now-24h**")


def test_every_page_has_its_head_in_one_row(serve: Serve, page: Page, tmp_path: Path) -> None:
    stored(tmp_path / "trace.db")
    address = serve(tmp_path / "trace.db")
    page.set_viewport_size({"width": 1440, "height": 900})
    for key, title in PAGES.items():
        page.goto(f"{address}/{key}?every=off")
        page.get_by_role("heading", name=title, exact=True).wait_for()
        settled(page)
        bar = page.locator(".st-key-obs_bar").bounding_box()
        assert bar is not None
        assert (bar["y"] < 20, bar["height"] < 60) == (True, True)
        assert page.title() == title
    page.keyboard.press("?")
    page.get_by_text("Marks of alerts").wait_for()
