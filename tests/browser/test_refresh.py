"""What a reader did is still there after the refreshes that follow."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from obs_core.clock import DAY, SECOND
from tests.browser.conftest import BEATS, Serve, query_of, settled, wait_for_beats
from tests.browser.test_overview import stored

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
WAIT_MS = 60_000
REFRESHES = 3


@pytest.fixture
def old_log(tmp_path: Path) -> Path:
    """A log that ended three days ago, as an imported one."""
    stored(tmp_path / "trace.db", age_s=3 * DAY // SECOND)
    return tmp_path / "trace.db"


def refreshed(page: Page) -> Page:
    """The page a few refreshes later."""
    settled(page)
    wait_for_beats(page, REFRESHES)
    return settled(page)


@pytest.mark.parametrize("name", ["overview", "logs"])
def test_the_window_that_a_page_offers_stays(name: str, serve: Serve, page: Page, old_log: Path) -> None:
    page.add_init_script(BEATS)
    page.goto(f"{serve(old_log)}/{name}?every=1s")
    page.get_by_role("button", name="Show it").click(timeout=WAIT_MS)
    expect(page.get_by_role("button", name="Show it")).to_have_count(0, timeout=WAIT_MS)
    refreshed(page)
    expect(page.get_by_role("button", name="Show it")).to_have_count(0)
    expect(page.get_by_role("combobox", name="From")).to_have_value("last-5m")
    assert query_of(page) == f"/{name}?every=1s&from=last-5m&to=last"


def test_all_groups_stay_shown(serve: Serve, page: Page, old_log: Path) -> None:
    page.add_init_script(BEATS)
    page.goto(f"{serve(old_log)}/overview?every=1s&from=last-1h&to=last&group=nobody")
    page.get_by_role("button", name="Show all groups").click(timeout=WAIT_MS)
    expect(page.get_by_text("1 of 4 calls")).to_be_visible(timeout=WAIT_MS)
    refreshed(page)
    expect(page.get_by_text("1 of 4 calls")).to_be_visible()
    assert "group=" not in query_of(page)
