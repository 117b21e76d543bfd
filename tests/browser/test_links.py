"""Links to a fresh server, in a real browser."""

import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from obs_core.clock import SECOND
from tests.browser.conftest import Serve, query_of, settled
from tests.support import table

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SHOP = """
    seconds process process_group function data   kind  trace_id span_id parent_span_id duration_ms status exception
    0       web     shop          m.serve  serve  call  t1       s1      -              100         OK     -
    1       web     shop          m.load   load   call  t1       s2      s1             60          ERROR  OSError:disk
    2       web     shop          -        price  value t1       -       s2             -           OK     -
    3       worker  back          m.refill refill call  t2       s1      -              5           OK     -
"""


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    """A log with rows that are a minute old."""
    path = tmp_path / "trace.db"
    later = time.time_ns() - 60 * SECOND - table.START_NS
    table.store(path, [row._replace(timestamp=row.timestamp + later) for row in table.rows(SHOP)])
    return path


def test_a_deep_link_on_a_fresh_server_opens_its_page_in_the_frame(serve: Serve, page: Page, log_path: Path) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    address = serve(log_path)
    page.goto(f"{address}/alerts?from=now-6h&a_threshold=7")
    settled(page)
    expect(page.get_by_role("heading", name="Alerts", exact=True)).to_be_visible()
    navigation = page.get_by_test_id("stSidebarNav")
    for name in ("Overview", "Trace Explorer", "Code Inspector", "Alerts", "Logs"):
        expect(navigation.get_by_role("link", name=name, exact=True)).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Stale after (equal readings)")).to_have_value("7")
    assert query_of(page) == "/alerts?from=now-6h&a_threshold=7"
    assert all(url.startswith((address, address.replace("http", "ws"), "data:", "blob:")) for url in asked)


def test_the_root_opens_the_overview_and_leaves_no_history_entry(serve: Serve, page: Page, log_path: Path) -> None:
    page.goto(f"{serve(log_path)}/?from=now-15m")
    settled(page)
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()
    assert query_of(page) == "/overview?from=now-15m"
    assert page.evaluate("history.length") == 2
