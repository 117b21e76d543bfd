"""What a reader did is still there after the refreshes that follow."""

from contextlib import closing
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from obs_core.alerts import ledger
from obs_core.alerts.rules import parsing, sources
from obs_core.clock import DAY, SECOND, now_ns
from obs_core.model import Row
from obs_core.watch.follower import Follower
from tests.browser.conftest import BEATS, Serve, query_of, settled, wait_for_beats, window_name
from tests.browser.test_overview import stored
from tests.support import table

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
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
    page.get_by_role("button", name="Show it").click()
    expect(page.get_by_role("button", name="Show it")).to_have_count(0)
    refreshed(page)
    expect(page.get_by_role("button", name="Show it")).to_have_count(0)
    assert window_name(page) == "All data · UTC"
    assert query_of(page) == f"/{name}?every=1s&from=first&to=last"


def test_all_groups_stay_shown(serve: Serve, page: Page, old_log: Path) -> None:
    page.add_init_script(BEATS)
    page.goto(f"{serve(old_log)}/overview?every=1s&from=last-1h&to=last&group=nobody")
    page.get_by_role("button", name="Show all groups").click()
    expect(page.get_by_text("1 of 4 calls")).to_be_visible()
    refreshed(page)
    expect(page.get_by_text("1 of 4 calls")).to_be_visible()
    assert "group=" not in query_of(page)


def repeated(process: str) -> list[Row]:
    """A value that is read ten times, a second apart, until now."""
    end_ns = now_ns()
    return [
        Row("value", process, "price", end_ns - second * SECOND, data_type="int", data_value="7")
        for second in range(10, 0, -1)
    ]


def evaluated(log: Path) -> None:
    """What a watcher does with the rows that came since."""
    with closing(Follower(log)) as follower:
        follower.tick(now_ns())


def test_the_highlight_stays_with_the_alert_of_the_card(serve: Serve, page: Page, tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    table.store(log, [*repeated("slow"), *repeated("warm")])
    rules = ({"name": "stuck", "kind": "stale"}, {"name": "dead", "kind": "stale", "severity": "critical"})
    with closing(ledger.open_ledger(log)) as connection:
        for rule, process in zip(rules, ("*", "late"), strict=True):
            sources.add(connection, log, parsing.parse_rule(rule | {"process": process}), now_ns())
    evaluated(log)
    page.add_init_script(BEATS)
    page.goto(f"{serve(log)}/alerts?every=1s")
    firing = page.get_by_test_id("stDataFrame").first
    firing.wait_for()
    settled(page)
    firing.click(position={"x": 250, "y": 75})
    card = page.get_by_text("stuck · ").first
    card.wait_for()
    series = card.inner_text().removeprefix("stuck · ")
    row = firing.locator("tr", has=page.locator("[role=gridcell][aria-selected=true]"))
    expect(row).to_contain_text(series)
    before = row.get_attribute("aria-rowindex")
    table.store(log, repeated("late"))
    evaluated(log)
    expect(firing.locator("[role=gridcell]", has_text="dead").first).to_be_attached()
    refreshed(page)
    expect(row).to_contain_text(series)
    assert row.get_attribute("aria-rowindex") != before
    expect(page.get_by_text(f"stuck · {series}").first).to_be_visible()
    expect(page).to_have_title("(4) Alerts")
    link = "document.querySelector('[data-testid=stSidebarNavLink][href*=\"/alerts\"]')"
    assert "4 alerts firing" in page.evaluate(f"getComputedStyle({link}, '::after').content")


@pytest.fixture
def live_log(tmp_path: Path) -> Path:
    stored(tmp_path / "trace.db")
    return tmp_path / "trace.db"


def test_an_open_row_pauses_the_logs_until_resumed(serve: Serve, page: Page, live_log: Path) -> None:
    page.add_init_script(BEATS)
    page.goto(f"{serve(live_log)}/logs?every=1s")
    rows = page.get_by_test_id("stDataFrame").first
    rows.wait_for()
    settled(page)
    rows.click(position={"x": 600, "y": 75})
    expect(page.get_by_text("Paused · 0 new rows")).to_be_visible()
    lit = rows.locator("[role=gridcell][aria-selected=true]")
    before = lit.text_content()
    address = query_of(page)
    stored(live_log, age_s=130, suffix="new")  # late rows: only their start is before the pause
    stored(live_log, age_s=-1, suffix="next")
    refreshed(page)
    assert rows.locator("[role=gridcell]", has_text="m.serve").count() == 0
    expect(page.get_by_text("5 rows, newest first")).to_be_visible()
    expect(lit).to_have_text(str(before))
    assert query_of(page) == address
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("5 rows, newest first")).to_have_count(0)
    refreshed(page)
    expect(page.get_by_text("Paused")).to_have_count(0)
    expect(lit).to_have_text(str(before))
    assert query_of(page) == address


def test_an_open_row_pauses_the_traces(serve: Serve, page: Page, live_log: Path) -> None:
    page.add_init_script(BEATS)
    page.goto(f"{serve(live_log)}/trace_explorer?t_view=Rows&every=1s")
    grid = page.frame_locator("iframe").first
    row = grid.get_by_role("row", name="load").first
    row.get_by_role("gridcell").first.click()
    expect(page.get_by_text("Paused · 0 new rows")).to_be_visible()
    refreshed(page)
    count = grid.get_by_role("row").count()
    stored(live_log, age_s=130, suffix="new")
    refreshed(page)
    assert grid.get_by_role("row").count() == count
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Paused")).to_have_count(0)
    expect(grid.get_by_role("row")).not_to_have_count(count)


def test_with_refresh_off_nothing_moves_until_the_reader_refreshes(serve: Serve, page: Page, live_log: Path) -> None:
    page.goto(f"{serve(live_log)}/overview?every=off")
    expect(page.get_by_text("1 of 4 calls")).to_be_visible()
    settled(page)
    stored(live_log, age_s=170, suffix="more")
    page.get_by_text("Most changed").click()
    page.wait_for_url("**o_by=*")
    settled(page)
    expect(page.get_by_text("1 of 4 calls")).to_be_visible()
    page.get_by_role("button", name="Refresh", exact=True).click()
    expect(page.get_by_text("2 of 8 calls")).to_be_visible()


def test_a_page_that_is_slow_to_open_keeps_its_link(serve: Serve, page: Page, live_log: Path) -> None:
    page.add_init_script(BEATS)
    address = serve(live_log)
    page.goto(f"{address}/overview?every=1s")
    refreshed(page)
    [server] = [child for child in psutil.Process().children() if "streamlit" in child.cmdline()]
    [worker] = [child for child in server.children() if "obs_core.query.engine.worker" in child.cmdline()]
    worker.suspend()
    try:
        stored(live_log, age_s=170, suffix="more")
        page.goto(f"{address}/trace_explorer?t_view=Rows&every=1s&from=now-6h")
        page.wait_for_timeout(3_500)  # the worker is replaced after 5 s
    finally:
        worker.resume()
    grid = page.frame_locator("iframe").first
    expect(grid.get_by_role("row", name="load").first).to_be_visible()
    refreshed(page)
    assert query_of(page) == "/trace_explorer?t_view=Rows&every=1s&from=now-6h"
