"""A server without a log, as a new user sees it."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Serve, settled

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_one_click_records_the_demo_and_the_page_fills(serve: Serve, page: Page, tmp_path: Path) -> None:
    page.goto(f"{serve(tmp_path / 'logs' / 'new.db')}/overview")
    settled(page)
    expect(page.get_by_text("No trace log yet at")).to_be_visible()
    for text in ("@trace", "python -m obs_core demo"):
        expect(page.get_by_test_id("stMain").get_by_text(text, exact=False).first).to_be_visible()
    page.get_by_role("button", name="Record the demo").click()
    expect(page.get_by_text("Recent errors")).to_be_visible()
    expect(page.get_by_text("No trace log yet at")).to_have_count(0)
    expect(page.get_by_text("harbour").first).to_be_attached()
