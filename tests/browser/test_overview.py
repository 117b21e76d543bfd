"""The Overview in a real browser: calm while it refreshes, and every click leads where it says."""

import time
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

import psutil
import pytest
from playwright.sync_api import Page, expect

from obs_core.clock import SECOND, now_ns
from obs_core.store import log, sqlite
from tests.browser.conftest import BEATS, Serve, beats, query_of, settled, wait_for_beats
from tests.support import table

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SHOP = """
    seconds process process_group function data   kind  trace_id span_id parent_span_id duration_ms status exception
    0       web     shop          m.serve  serve  call  t1       s1      -              100         OK     -
    30      web     shop          m.load   load   call  t1       s2      s1             60          ERROR  OSError:disk
    31      web     shop          -        price  value t1       -       s2             -           OK     -
    90      worker  back          m.refill refill call  t2       s1      -              5           OK     -
    120     worker  back          m.refill refill call  t3       s1      -              5           OK     -
"""
TICKS = 20
SHIFTS = """
    window.shifts = [];
    new PerformanceObserver((list) => {
      for (const each of list.getEntries()) {
        window.shifts.push(each.value + ' ' + each.sources.map((s) => s.node && (s.node.className || s.node.nodeName)));
      }
    }).observe({ type: 'layout-shift' });
"""
FADES = """
    window.fades = [];
    const since = new Map();
    new MutationObserver(() => {
      for (const each of since.keys()) if (each.dataset.stale !== 'true') since.delete(each);
      for (const each of document.querySelectorAll('[data-stale=true]')) {
        if (!since.has(each)) since.set(each, performance.now());
      }
    }).observe(document.body, { attributes: true, attributeFilter: ['data-stale'], childList: true, subtree: true });
    const look = () => {
      for (const [each, start] of since) {
        if (getComputedStyle(each).opacity < 1) window.fades.push(performance.now() - start);
      }
      requestAnimationFrame(look);
    };
    look();
"""
"""For how many milliseconds each faded part had been out of date, frame by frame."""
HIDDEN = """(hidden) => {
    Object.defineProperty(document, 'visibilityState', { value: hidden ? 'hidden' : 'visible', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
}"""


def stored(path: Path, drawing: str = SHOP, *, age_s: int = 180, suffix: str = "") -> None:
    """The drawn rows, the first of them `age_s` old; `suffix` makes their ids others."""
    later = now_ns() - age_s * SECOND - table.START_NS
    rows = [
        row._replace(timestamp=row.timestamp + later, trace_id=row.trace_id and row.trace_id + suffix)
        for row in table.rows(drawing)
    ]
    connection = log.open_log(path)
    with sqlite.transaction(connection):
        log.append(connection, rows)
    connection.close()


CARD = """(name) => {
    const card = document.querySelector(`.st-key-o_${name}_panel`);
    const { left, top, right, bottom, width } = card.getBoundingClientRect();
    const content = [...card.querySelectorAll('canvas, p, svg.marks')];
    const last = Math.max(...content.map((each) => each.getBoundingClientRect().bottom));
    return { left, top, right, bottom, width, empty: bottom - last };
}"""
"""Where a card of the Overview is, and how high the empty area below its last content is."""


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    """A log with rows that are some minutes old."""
    stored(tmp_path / "trace.db")
    return tmp_path / "trace.db"


@pytest.fixture
def opened(serve: Serve, page: Page, log_path: Path) -> Page:
    """The page, refreshing every second."""
    page.add_init_script(BEATS)
    page.goto(f"{serve(log_path)}/overview?every=1s&from=now-15m")
    expect(page.get_by_text("1 of 4 calls")).to_be_visible()
    settled(page)
    return page


def refresh(page: Page, interval: str) -> None:
    """Select a refresh interval."""
    page.get_by_role("combobox", name="Refresh every").click()
    page.get_by_role("option", name=interval, exact=True).click()


def test_twenty_refreshes_with_new_rows_move_nothing_and_take_no_focus(opened: Page, log_path: Path) -> None:
    field = opened.get_by_role("combobox", name="Process group")
    field.click()
    opened.keyboard.type("ba")
    expect(opened.get_by_role("option").first).to_be_visible()
    settled(opened)
    opened.evaluate(SHIFTS)
    opened.evaluate(FADES)
    for tick in range(1, TICKS + 1):
        stored(log_path, age_s=170, suffix=f"again{tick}")
        expect(opened.get_by_text(f"{tick + 1} of {4 * (tick + 1)} calls")).to_be_visible()
    settled(opened)
    assert opened.evaluate("window.fades") == []
    assert opened.evaluate("window.shifts") == []
    assert opened.evaluate("document.activeElement.value") == "ba"


def test_a_hidden_tab_requests_nothing_and_catches_up_when_visible(opened: Page, log_path: Path) -> None:
    wait_for_beats(opened, 2)
    opened.evaluate(HIDDEN, True)  # noqa: FBT003 - the script's own argument
    opened.wait_for_timeout(1_500)
    stored(log_path, age_s=170, suffix="more")
    before = beats(opened)
    opened.wait_for_timeout(4_000)
    assert beats(opened) == before
    expect(opened.get_by_text("1 of 4 calls")).to_be_visible()
    opened.evaluate(HIDDEN, False)  # noqa: FBT003 - the script's own argument
    expect(opened.get_by_text("2 of 8 calls")).to_be_visible()


def test_a_refresh_longer_than_the_interval_is_not_requested_twice(opened: Page, log_path: Path) -> None:
    [server] = [child for child in psutil.Process().children() if "streamlit" in child.cmdline()]
    [worker] = [child for child in server.children() if "obs_core.query.engine.worker" in child.cmdline()]
    worker.suspend()
    try:
        stored(log_path, age_s=170, suffix="more")
        opened.wait_for_function("performance.now() - window.lastBeat > 2_500")  # the worker is replaced after 5 s
    finally:
        worker.resume()
    expect(opened.get_by_text("2 of 8 calls")).to_be_visible()
    wait_for_beats(opened, 2)


def test_writers_and_silent_processes_open_and_stay_open(opened: Page) -> None:
    opened.get_by_text("Writers and silent processes").click()
    expect(opened.get_by_text("No writers are running.")).to_be_visible()
    wait_for_beats(opened, 3)
    expect(opened.get_by_text("No silent processes: all 2 wrote")).to_be_visible()


def test_off_stops_the_refreshes(opened: Page, log_path: Path) -> None:
    refresh(opened, "off")
    settled(opened)
    stored(log_path, age_s=100, suffix="more")
    before = beats(opened)
    opened.wait_for_timeout(3_000)
    assert beats(opened) == before
    expect(opened.get_by_text("1 of 4 calls")).to_be_visible()


def test_a_brush_over_the_calls_becomes_the_window_of_the_link(opened: Page) -> None:
    chart = opened.get_by_test_id("stVegaLiteChart").first.locator("svg")
    box = chart.bounding_box()
    assert box
    opened.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 80)
    opened.mouse.down()
    opened.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 80, steps=6)
    opened.mouse.up()
    opened.wait_for_function("!location.search.includes('now-15m')")
    settled(opened)
    given = dict(part.split("=") for part in query_of(opened).partition("?")[2].split("&"))
    start, end = (datetime.fromisoformat(unquote(given[name])).timestamp() for name in ("from", "to"))
    assert time.time() - 15 * 60 < start < end < time.time() + 5


def test_no_refresh_is_requested_while_a_button_is_down(opened: Page) -> None:
    box = opened.get_by_test_id("stVegaLiteChart").first.locator("svg").bounding_box()
    assert box
    opened.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 80)
    opened.mouse.down()
    opened.wait_for_function("performance.now() - window.lastBeat > 2_500")
    opened.mouse.up()
    wait_for_beats(opened, 2)


def test_a_click_on_a_segment_shows_its_group_alone_and_keeps_the_window(opened: Page) -> None:
    opened.locator("path[aria-roledescription='arc mark']").nth(1).click()
    expect(opened.get_by_role("combobox", name="Process group")).to_have_value("back")
    expect(opened.get_by_text("0 of 2 calls")).to_be_visible()
    assert "group=back" in query_of(opened)
    assert "from=now-15m" in query_of(opened)


def test_a_frozen_link_shows_the_same_later_and_a_live_one_moves(opened: Page, log_path: Path) -> None:
    opened.get_by_role("button", name="Share").click()
    expect(opened.get_by_test_id("stCode")).to_have_count(2)
    frozen, live = (link.inner_text().strip() for link in opened.get_by_test_id("stCode").all())
    opened.wait_for_timeout(6_000)
    stored(log_path, "\n".join(SHOP.splitlines()[:3]), age_s=0, suffix="late")
    opened.goto(frozen)
    expect(opened.get_by_text("1 of 4 calls")).to_be_visible()
    opened.goto(live)
    expect(opened.get_by_text("1 of 5 calls")).to_be_visible()


def test_the_theme_switches_without_a_run(opened: Page) -> None:
    refresh(opened, "off")
    settled(opened)
    ground = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    light = opened.evaluate(ground)
    opened.emulate_media(color_scheme="dark")
    opened.wait_for_function(f"{ground} !== '{light}'")
    expect(opened.get_by_text("1 of 4 calls")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(opened: Page, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 900})
    opened.wait_for_timeout(1_500)
    main = "document.querySelector('[data-testid=stMain]')"
    assert opened.evaluate(f"{main}.scrollWidth") <= opened.evaluate(f"{main}.clientWidth")


@pytest.mark.parametrize("width", [1440, 2560])
def test_cards_next_to_each_other_are_equally_high_without_an_empty_area(
    serve: Serve, page: Page, tmp_path: Path, width: int
) -> None:
    groups = "\n".join(f"{at} p{at} g{at % 3} m.f f call e{at} s1 - 5 ERROR OSError:disk" for at in range(12))
    stored(tmp_path / "errors.db", f"{SHOP.strip().splitlines()[0]}\n{groups}")
    page.set_viewport_size({"width": width, "height": 1200})
    page.goto(f"{serve(tmp_path / 'errors.db')}/overview?every=off")
    page.locator(".st-key-o_groups_panel svg.marks").wait_for()
    settled(page)
    errors, grouped, issues = (page.evaluate(CARD, name) for name in ("errors", "groups", "kinds"))
    assert errors["top"] == pytest.approx(grouped["top"], abs=1)
    assert errors["bottom"] == pytest.approx(grouped["bottom"], abs=1)
    assert (issues["left"], issues["right"]) == pytest.approx((errors["left"], grouped["right"]), abs=1)
    assert max(card["empty"] for card in (errors, grouped, issues)) < 60


def test_without_errors_the_groups_take_the_whole_width(serve: Serve, page: Page, tmp_path: Path) -> None:
    stored(tmp_path / "calm.db", "\n".join(line for line in SHOP.splitlines() if "ERROR" not in line))
    page.goto(f"{serve(tmp_path / 'calm.db')}/overview?every=off")
    page.get_by_text("No errors in this window.").wait_for()
    page.locator(".st-key-o_groups_panel canvas").first.wait_for()
    settled(page)
    errors, grouped = (page.evaluate(CARD, name) for name in ("errors", "groups"))
    assert grouped["width"] == pytest.approx(errors["width"], abs=1)
    assert errors["bottom"] < grouped["top"]
    assert errors["empty"] < 60
