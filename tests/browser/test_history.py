"""One action is one step in the browser's history, and the shared controls come along."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import BEATS, Serve, query_of, settled, wait_for_beats, window_name
from tests.browser.test_overview import stored

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
CONTROLS = "from=now-6h&every=1s"


@pytest.fixture
def address(serve: Serve, page: Page, tmp_path: Path) -> str:
    """The server's address, on a log with rows that are some minutes old."""
    stored(tmp_path / "trace.db")
    page.add_init_script(BEATS)
    return serve(tmp_path / "trace.db")


def steps(page: Page) -> int:
    return int(page.evaluate("history.length"))


def refreshed(page: Page) -> Page:
    """The page a few refreshes later."""
    settled(page)
    wait_for_beats(page, 3)
    return settled(page)


def test_one_back_leads_from_a_trace_to_the_function_with_its_window_and_interval(page: Page, address: str) -> None:
    page.goto(f"{address}/code_inspector?{CONTROLS}&f_fn=m.load")
    expect(page.get_by_role("heading", name="Newest calls")).to_be_visible()
    refreshed(page)
    before = steps(page)
    page.get_by_test_id("stDataFrame").first.click(position={"x": 100, "y": 45})
    page.get_by_role("heading", name="Trace Explorer").wait_for()
    refreshed(page)
    assert {"from=now-6h", "every=1s", "trace=t1", "span=s2"} == set(query_of(page).partition("?")[2].split("&"))
    assert steps(page) == before + 1
    page.go_back()
    page.get_by_role("heading", name="Newest calls").wait_for()
    refreshed(page)
    assert query_of(page) == f"/code_inspector?{CONTROLS}&f_fn=m.load"
    assert window_name(page) == "Last 6 hours · UTC"


def test_a_brush_is_one_step_and_back_shows_the_window_before(page: Page, address: str) -> None:
    page.goto(f"{address}/overview?every=1s")
    chart = page.get_by_test_id("stVegaLiteChart").first
    chart.wait_for()
    settled(page)
    before, box = steps(page), chart.bounding_box()
    assert box is not None
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.6, height)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, height, steps=5)
    page.mouse.up()
    page.wait_for_url("**from=20*to=20*")
    settled(page)
    assert steps(page) == before + 1
    page.go_back()
    page.wait_for_url("**/overview?every=1s")
    refreshed(page)
    assert query_of(page) == "/overview?every=1s"
    assert window_name(page) == "All data to now · UTC"  # of a log of some minutes


def test_back_across_pages_keeps_the_window_and_interval_and_a_copied_link_has_them(page: Page, address: str) -> None:
    controls = f"{CONTROLS}&exact=1"
    page.goto(f"{address}/overview?{controls}")
    page.get_by_text("1 of 4 calls").wait_for()
    refreshed(page)
    before, names = steps(page), ("Logs", "Alerts", "Code Inspector")
    for name in names:
        link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True)
        link.focus()
        assert str(link.get_attribute("href")).endswith(f"?{controls}")
        link.click()
        page.get_by_role("heading", name=name, exact=True).wait_for()
        settled(page)
    assert steps(page) == before + len(names)
    for name in ("Alerts", "Logs", "Overview"):
        page.go_back()
        page.get_by_role("heading", name=name, exact=True).wait_for()
        refreshed(page)
        assert set(query_of(page).partition("?")[2].split("&")) == set(controls.split("&"))
        assert window_name(page) == "Last 6 hours · UTC"


def test_the_page_before_can_be_opened_after_back_and_nothing_is_logged(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    stored(tmp_path / "trace.db", "\n".join(f"{second / 10} web tick 1 OK" for second in range(250)))
    logged: list[str] = []
    page.on("console", lambda message: logged.append(message.text) if message.type == "error" else None)
    page.goto(f"{serve(tmp_path / 'trace.db')}/trace_explorer?every=off&t_view=Rows")
    for number in (1, 2):
        expect(page.get_by_text(f"page {number} ·")).to_be_visible()
        settled(page)
        page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_text("page 3 ·")).to_be_visible()
    previous = page.get_by_role("button", name="Previous", exact=True)
    for number in (2, 1):
        settled(page)
        previous.click()
        expect(page.get_by_text(f"page {number} ·")).to_be_visible()
    settled(page)
    page.go_back()
    expect(page.get_by_text("page 2 ·")).to_be_visible()
    settled(page)
    previous.click()
    expect(page.get_by_text("page 1 ·")).to_be_visible()
    assert logged == []
