"""The pages on a phone: what they are about is on the first screen, and filters are one line until they are opened."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from obs_core.clock import SECOND, now_ns
from obs_core.store import log, sqlite
from obs_core.ui.kit.navigation import PAGES
from tests.browser.conftest import BEATS, Serve, query_of, settled, wait_for_beats
from tests.support import table

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

WIDTH, HEIGHT = 390, 844
HEAD = "seconds process process_group function data kind trace_id span_id parent_span_id duration_ms status exception"
FIELDS = {
    "trace_explorer": "Search",
    "logs": "Text filter",
    "code_inspector": "Find a function",
    "alerts": "Stale after (equal readings)",
}
TABLES = {
    "trace_explorer": "iframe",
    "logs": ".st-key-l_rows",
    "code_inspector": ".st-key-f_pick",
}


@pytest.fixture
def phone(page: Page, serve: Serve, tmp_path: Path) -> Page:
    """A page as wide as a phone, and `address` as the address of a server on a log with forty rows."""
    later = now_ns() - 180 * SECOND - table.START_NS
    drawn = "\n".join(
        f"{at} web shop m.serve{at} serve call t{at} s1 - 5 {'ERROR OSError:disk' if at % 4 == 0 else 'OK -'}"
        for at in range(40)
    )
    connection = log.open_log(tmp_path / "trace.db")
    with sqlite.transaction(connection):
        log.append(
            connection, [row._replace(timestamp=row.timestamp + later) for row in table.rows(f"{HEAD}\n{drawn}")]
        )
    connection.close()
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.add_init_script(BEATS)
    page.goto(serve(tmp_path / "trace.db") + "/overview?every=off")
    return settled(page)


def opened(phone: Page, link: str) -> Page:
    """The page that `link` opens, once it has its layout for phones."""
    address = str(phone.evaluate("location.origin"))
    phone.goto(f"{address}/{link}")
    phone.locator("[class*=_fold] summary").wait_for()
    return settled(phone)


def shown(phone: Page) -> str:
    """What the line says of the filters of the Trace Explorer."""
    line = "document.querySelector('.st-key-t_fold summary p')"
    return str(phone.evaluate(f"JSON.parse(getComputedStyle({line}, '::after').content)"))


@pytest.mark.parametrize("name", sorted(TABLES))
def test_the_first_rows_are_on_the_first_screen(phone: Page, name: str) -> None:
    opened(phone, f"{name}?every=off")
    rows = phone.locator(TABLES[name]).first
    rows.wait_for()
    phone.wait_for_timeout(1_000)  # charts above it have their height when they are drawn
    box = rows.bounding_box()
    assert box is not None
    assert box["y"] + 150 < HEIGHT, "the head of the table and its first rows"


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_filters_are_one_line_that_opens(phone: Page, name: str) -> None:
    opened(phone, f"{name}?every=off")
    line = phone.locator("[class*=_fold] summary")
    expect(phone.get_by_label(FIELDS[name]).first).not_to_be_visible()
    box = line.bounding_box()
    assert box is not None
    assert box["height"] < 50
    line.click()
    expect(phone.get_by_label(FIELDS[name]).first).to_be_visible()


def test_the_line_says_which_filters_are_on_and_stays_open_over_refreshes(phone: Page) -> None:
    opened(phone, "trace_explorer?every=1s&t_q=serve")
    line = phone.locator(".st-key-t_fold summary")
    expect(phone.get_by_text("40 traces")).to_be_visible()
    assert shown(phone) == " · search: serve · Newest first"
    line.click()
    phone.locator(".st-key-t_status").get_by_text("ERROR").click()
    expect(phone.get_by_text("10 traces")).to_be_visible()
    wait_for_beats(phone, 3)
    settled(phone)
    assert shown(phone) == " · status: ERROR · search: serve · Newest first"
    expect(phone.get_by_label("Search")).to_be_visible()
    expect(phone.get_by_text("10 traces")).to_be_visible()
    assert "t_status=ERROR" in query_of(phone)
    line.click()
    wait_for_beats(phone, 3)
    settled(phone)
    expect(phone.get_by_label("Search")).not_to_be_visible()
    assert {"t_status=ERROR", "t_q=serve"} <= set(query_of(phone).partition("?")[2].split("&"))


@pytest.mark.parametrize("name", PAGES)
def test_the_head_is_two_rows_with_the_window_and_a_menu(phone: Page, name: str) -> None:
    address = str(phone.evaluate("location.origin"))
    phone.goto(f"{address}/{name}?every=off&from=2026-01-01T00:00:00Z&to=2026-12-31T00:00:00Z")
    menu = phone.locator(".st-key-obs_menu button")
    menu.wait_for()
    settled(phone)
    boxes = [
        box
        for part in (".st-key-obs_bar", ".st-key-obs_window button", ".st-key-obs_menu button")
        if (box := phone.locator(part).first.bounding_box()) is not None
    ]
    bar, window, controls = boxes
    assert bar["height"] < 100
    assert window["y"] == controls["y"]
    assert 0 <= window["x"] < window["x"] + window["width"] <= controls["x"]
    assert controls["x"] + controls["width"] <= WIDTH
    assert phone.evaluate("document.documentElement.scrollWidth") <= WIDTH


def test_the_menu_has_group_refresh_share_and_help(phone: Page) -> None:
    opened(phone, "trace_explorer?every=1s")
    phone.locator(".st-key-obs_menu button").click()
    phone.get_by_role("combobox", name="Process group").click()
    phone.get_by_role("option", name="shop").click()
    phone.wait_for_url("**group=shop**")
    wait_for_beats(phone, 3)
    settled(phone)
    name = "document.querySelector('.st-key-obs_menu button p')"
    assert phone.evaluate(f"JSON.parse(getComputedStyle({name}, '::after').content)") == "shop · 1s"
    assert "group=shop" in query_of(phone)
    if not phone.get_by_text("Share", exact=True).is_visible():
        phone.locator(".st-key-obs_menu button").click()
    phone.get_by_text("Share", exact=True).click()
    expect(phone.get_by_text("Frozen link: always this window.")).to_be_visible()
    phone.get_by_text("Help", exact=True).click()
    expect(phone.get_by_text("Marks of alerts")).to_be_visible()


def test_the_title_of_a_trace_has_a_line_of_its_own(phone: Page) -> None:
    opened(phone, "trace_explorer?every=off&trace=t0")
    title = phone.locator(".obs-view-title")
    title.wait_for()
    box, close = title.bounding_box(), phone.locator(".st-key-t_close button").bounding_box()
    assert box is not None
    assert close is not None
    assert box["width"] > WIDTH - 60
    assert box["y"] + box["height"] <= close["y"]
    assert close["x"] + close["width"] <= WIDTH
