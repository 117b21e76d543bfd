"""The Trace Explorer in a real browser: clicks, keys, refreshes, themes, shared links and hostile rows."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, FrameLocator, Page, expect

from obs_core.clock import SECOND
from obs_core.model import Row
from tests.browser.conftest import Serve, query_of, settled
from tests.support import table

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SHOP = """
    seconds  process  process_group  data    kind   trace_id  span_id  parent_span_id  duration_ms  status  exception
    0        web      shop           serve   call   t1        s1       -               100          OK      -
    1        web      shop           load    call   t1        s2       s1              60           ERROR   OSError:disk
    2        web      shop           price   value  t1        -        s2              -            OK      -
"""
LONG = "x" * 24_999 + "y"
HOSTILE = (
    LONG,
    "\u05e9\u05dc\u05d5\u05dd (1) \u0627\u0644\u0633\u0644\u0627\u0645",
    "=1+1",
    "<img src=x onerror=alert(1)>",
    "</span><script>alert(2)</script>",
    "::JSCODE::alert(3)::JSCODE::",
    "user\u202efdp.exe",
    "nul\0byte",
)


def now_ns() -> int:
    return time.time_ns() - 60 * SECOND


def shop() -> list[Row]:
    """A trace of three rows, and forty calls before it, all of the last minutes."""
    later = now_ns() - table.START_NS
    trace = [row._replace(timestamp=row.timestamp + later, data_value="101.5") for row in table.rows(SHOP)]
    return [
        *trace,
        *(Row("call", "web", f"tick_{number:02}", now_ns() - (number + 9) * SECOND) for number in range(40)),
    ]


def grid(page: Page) -> FrameLocator:
    """The table, once it has rows."""
    expect(page.locator("iframe[title*=agGrid]")).to_have_count(1)  # a table of another width has left
    frame = page.frame_locator("iframe[title*=agGrid]")
    expect(frame.locator(".ag-row").first).to_be_visible()
    return frame


def row_of(frame: FrameLocator, data: str) -> int:
    """The index of the first row that shows `data`."""
    cells = frame.locator(".ag-center-cols-container [col-id=Data]")
    return cells.all_inner_texts().index(data)


def cell(frame: FrameLocator, data: str, column: str = "Process") -> str:
    """A selector of the cell of `column` in the first row that shows `data`; the first is next to an open view."""
    return f'.ag-row[row-index="{row_of(frame, data)}"] [col-id="{column}"]'


def count_of(frame: FrameLocator, data: str) -> int:
    return frame.locator(".ag-center-cols-container [col-id=Data]").all_inner_texts().count(data)


def row_count(frame: FrameLocator) -> int:
    """The number of rows that the table has, drawn or not."""
    return int(frame.locator("[aria-rowcount]").first.get_attribute("aria-rowcount") or 0)


def focused_row(frame: FrameLocator) -> str:
    """The data of the row with the keyboard focus."""
    focused = "() => document.activeElement.closest('.ag-row').querySelector('[col-id=Data]').innerText"
    return str(frame.locator("body").evaluate(focused))


def server_of(address: str) -> int:
    """The process that serves `address`."""
    port = address.rpartition(":")[2]
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"--server.port\0{port}\0" in (folder / "cmdline").read_text():
                return int(folder.name)
    raise LookupError(address)


@contextmanager
def paused(process: int) -> Iterator[None]:
    """Stop a process for a while: its answers come late."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def eventually(page: Page, claim: object) -> None:
    """Wait until `claim()` holds, for at most 60 seconds."""
    assert callable(claim)
    for _ in range(300):
        if claim():
            return
        page.wait_for_timeout(200)
    assert claim()


def test_rows_open_by_click_and_key_and_stay_open_over_refreshes(serve: Serve, page: Page, tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    table.store(log, shop())
    page.goto(f"{serve(log)}/trace_explorer?t_view=Rows&every=1s")
    settled(page)
    frame = grid(page)
    frame.locator(f"{cell(frame, 'serve')} >> xpath=.. >> .chevron").click()
    eventually(page, lambda: count_of(frame, "load") == 2)
    assert "trace=" not in query_of(page), "the chevron opens, it does not select"
    frame.locator(f"{cell(frame, 'serve')} >> xpath=.. >> .chevron").click()
    eventually(page, lambda: count_of(frame, "load") == 1)
    frame.locator(cell(frame, "serve", "Process")).click()
    eventually(page, lambda: count_of(frame, "load") == 2 and "span=s1" in query_of(page))
    for shown in (1, 2):
        page.keyboard.press("Enter")
        eventually(page, lambda shown=shown: count_of(frame, "load") == shown)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    eventually(page, lambda: count_of(frame, "price") == 2)
    table.store(log, [Row("call", "web", "newest", time.time_ns())])
    expect(page.get_by_text("Paused · 1 new row")).to_be_visible()
    assert count_of(frame, "newest") == 0
    assert count_of(frame, "price") == 2
    page.keyboard.press("ArrowLeft")
    eventually(page, lambda: count_of(frame, "price") == 1)
    page.get_by_role("button", name="Resume").click()
    eventually(page, lambda: count_of(frame, "newest") == 1)
    assert frame.locator(".ag-row-selected [col-id=Data]").all_inner_texts() == ["serve"]
    body = frame.locator(".ag-body-viewport")
    body.evaluate("element => { element.scrollTop = 300; }")
    before = row_count(frame)
    table.store(log, [Row("call", "web", "newer", time.time_ns())])
    expect(page.get_by_text("45 rows")).to_be_visible()
    eventually(page, lambda: row_count(frame) == before + 1)
    assert body.evaluate("element => element.scrollTop") == 300


def test_a_late_answer_keeps_the_clicked_row_selected_and_the_keyboard_on_it(
    serve: Serve, page: Page, tmp_path: Path
) -> None:
    log = tmp_path / "trace.db"
    table.store(log, shop())
    address = serve(log)
    page.goto(f"{address}/trace_explorer?t_view=Rows&every=1s")
    settled(page)
    frame = grid(page)
    with paused(server_of(address)):
        frame.locator(cell(frame, "serve", "Process")).click()
        table.store(log, [Row("call", "web", "newest", time.time_ns())])
        page.wait_for_timeout(1_500)  # the next refresh is due, and still has the address from before the answer
    eventually(page, lambda: count_of(frame, "load") == 2 and "span=s1" in query_of(page))
    held = page.get_by_text("Paused · 1 new row")  # the open row pauses the page, before that refresh or after it
    eventually(page, lambda: count_of(frame, "newest") == 1 or held.is_visible())
    assert focused_row(frame) == "serve"
    page.keyboard.press("Enter")
    eventually(page, lambda: count_of(frame, "load") == 1)
    with paused(server_of(address)):
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowDown")
        assert focused_row(frame) == "tick_00"
        page.wait_for_timeout(1_500)
    eventually(page, lambda: count_of(frame, "load") == 2)
    assert focused_row(frame) == "tick_00"
    assert frame.locator(".ag-row-selected [col-id=Data]").all_inner_texts() == ["serve"]
    assert "span=s1" in query_of(page)


def test_back_and_forward_lead_from_the_trace_to_its_function_and_back(
    serve: Serve, page: Page, tmp_path: Path
) -> None:
    log = tmp_path / "trace.db"
    table.store(log, shop())
    link = "/trace_explorer?t_view=Rows&every=off&trace=t1&span=s2&t_status=ERROR"
    page.goto(f"{serve(log)}{link}")
    settled(page)
    page.get_by_role("link", name="Open in the Code Inspector").click()
    eventually(page, lambda: query_of(page).startswith("/code_inspector") and "f_fn=load" in query_of(page))
    settled(page)
    page.go_back()
    fall = page.get_by_role("treegrid", name="Calls and values of the trace")
    expect(fall.get_by_role("row", selected=True)).to_contain_text("load")
    expect(page.get_by_role("button", name="status: ERROR")).to_be_visible()
    assert "trace=t1" in query_of(page)
    page.go_forward()
    expect(page.get_by_role("heading", name="Code Inspector", exact=True)).to_be_visible()
    assert "f_fn=load" in query_of(page)


def test_what_is_wrong_with_a_link_is_dismissed_with_a_click(serve: Serve, page: Page, tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    table.store(log, shop())
    page.goto(f"{serve(log)}/trace_explorer?t_view=Rows&every=off&t_status=BAD&t_after=none")
    settled(page)
    note = page.get_by_text("t_after is ignored")
    expect(note).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()
    expect(note).to_have_count(0)
    assert sorted(query_of(page).partition("?")[2].split("&")) == ["every=off", "t_view=Rows"]


def test_a_call_that_is_clicked_opens_its_trace_and_the_link_opens_it_elsewhere(
    serve: Serve, page: Page, browser: Browser, tmp_path: Path
) -> None:
    log = tmp_path / "trace.db"
    table.store(log, shop())
    page.goto(f"{serve(log)}/trace_explorer?t_view=Rows&t_status=ERROR&every=off")
    settled(page)
    frame = grid(page)
    frame.locator(cell(frame, "load")).click()
    fall = page.get_by_role("treegrid", name="Calls and values of the trace")
    expect(fall.get_by_role("row")).to_have_count(3, timeout=60_000)
    expect(fall.get_by_role("row", selected=True)).to_contain_text("load")
    expect(page.get_by_text("OSError:disk").last).to_be_visible(timeout=60_000)
    fall.get_by_text("price").click()
    eventually(page, lambda: "span=row-3" in query_of(page))
    fall.get_by_text("load", exact=True).click()
    eventually(page, lambda: "span=s2" in query_of(page))
    link = page.evaluate("location.href")

    teammate = browser.new_context().new_page()
    teammate.goto(link)
    settled(teammate)
    theirs = teammate.get_by_role("treegrid", name="Calls and values of the trace")
    expect(theirs.get_by_role("row", selected=True)).to_contain_text("load")
    assert "t_status=ERROR" in query_of(teammate)
    assert count_of(grid(teammate), "serve") == 0
    teammate.context.close()


def test_the_waterfall_is_walked_by_keys(serve: Serve, page: Page, tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    table.store(log, shop())
    page.goto(f"{serve(log)}/trace_explorer?t_view=Rows&trace=t1&span=s1&every=off")
    settled(page)
    fall = page.get_by_role("treegrid", name="Calls and values of the trace")
    expect(fall.get_by_role("row")).to_have_count(3)
    fall.focus()
    page.keyboard.press("ArrowLeft")
    expect(fall.get_by_role("row")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    expect(fall.get_by_role("row")).to_have_count(3)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    eventually(page, lambda: "span=s2" in query_of(page))


def test_the_table_follows_the_theme_without_a_reload(serve: Serve, page: Page, tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    table.store(log, shop())
    page.goto(f"{serve(log)}/trace_explorer?t_view=Rows&every=off")
    settled(page)
    frame = grid(page)
    root = frame.locator(".ag-root-wrapper")
    cell_of = frame.locator(cell(frame, "serve", "Data"))
    looks = "element => [getComputedStyle(element).backgroundColor, getComputedStyle(element).color]"
    root.evaluate("element => { element.ownerDocument.defaultView.stayed = true; }")
    assert (root.evaluate(looks)[0], cell_of.evaluate(looks)[1]) == ("rgb(255, 255, 255)", "rgb(31, 41, 51)")
    page.get_by_test_id("stMainMenu").click()
    page.get_by_test_id("stMainMenuPopover").get_by_text("Dark", exact=False).first.click()
    eventually(page, lambda: root.evaluate(looks)[0] == "rgb(15, 20, 25)")
    assert cell_of.evaluate(looks)[1] == "rgb(227, 232, 238)"
    page.get_by_test_id("stMainMenuPopover").get_by_text("Light", exact=False).first.click()
    eventually(page, lambda: root.evaluate(looks)[0] == "rgb(255, 255, 255)")
    assert root.evaluate("element => element.ownerDocument.defaultView.stayed") is True


def test_hostile_rows_run_nothing_and_read_as_what_they_are(serve: Serve, page: Page, tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    rows = [
        Row("call", text, text, now_ns() + number, text, text, text, exception=text, trace_id="t", span_id=str(number))
        for number, text in enumerate(HOSTILE)
    ]
    table.store(log, rows)
    opened: list[Dialog] = []
    page.on("dialog", lambda dialog: opened.append(dialog))  # noqa: PLW0108 - a bound method of a list takes no marks
    page.goto(f"{serve(log)}/trace_explorer?t_view=Rows&trace=t&span=0&every=off")
    settled(page)
    frame = grid(page)
    expect(page.get_by_role("treegrid", name="Calls and values of the trace").get_by_role("row")).to_have_count(8)
    assert set(frame.locator(".ag-center-cols-container [col-id=Data]").all_inner_texts()) == {
        LONG[:300] + "…", *HOSTILE[1:6], "user<U+202E>fdp.exe", "nul\N{REPLACEMENT CHARACTER}byte",
    }  # fmt: skip
    assert page.get_by_test_id("stCode").filter(has_text="y").first.inner_text().strip() == LONG
    page.get_by_role("button", name="Close").click()
    frame.locator('.ag-row[row-index="0"] [col-id=Exception]').hover()
    page.wait_for_timeout(1_000)
    assert frame.locator(".ag-row img, .ag-row script, .ag-tooltip img").count() == 0
    assert page.locator("img[src='x']").count() == 0
    assert opened == []


def test_a_trace_is_a_view_over_the_table_that_the_keyboard_walks(serve: Serve, page: Page, tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    other = Row("call", "worker", "refill", now_ns() - 5 * SECOND, trace_id="t2", span_id="s1", duration_ns=SECOND)
    table.store(log, [*shop(), other])
    page.goto(f"{serve(log)}/trace_explorer?t_view=Rows&trace=t1&every=off")
    settled(page)
    view, title = page.locator(".st-key-t_view"), page.get_by_role("heading", name="web: serve")
    expect(title).to_have_text("web: serve · 2.00 s · 2 spans · 1 error", timeout=60_000)
    heading, size = title.bounding_box(), page.viewport_size
    assert heading is not None
    assert size is not None
    assert heading["y"] < 60, "the first thing on the screen"
    fall = page.get_by_role("treegrid", name="Calls and values of the trace")
    expect(fall.get_by_role("row").first).to_contain_text("web")  # its service
    expect(fall.get_by_role("row", selected=True)).to_contain_text("load")
    for key in ("k", "Enter"):
        page.keyboard.press(key)
    eventually(page, lambda: "span=s1" in query_of(page))
    for key in ("j", "j", "Enter"):
        page.keyboard.press(key)
    eventually(page, lambda: "span=row-3" in query_of(page))
    page.keyboard.press("e")
    eventually(page, lambda: "span=s2" in query_of(page))
    page.keyboard.press("/")
    page.keyboard.type("web serve")
    expect(page.get_by_text("1 found")).to_be_visible()
    page.keyboard.press("Enter")
    eventually(page, lambda: "span=s1" in query_of(page))
    for key in ("Escape", "Escape", "j", "z"):
        page.keyboard.press(key)
    whole = page.get_by_role("button", name="Whole trace")
    whole.click()
    expect(whole).to_be_hidden()
    page.keyboard.press("J")
    expect(page.get_by_role("heading", name="worker: refill")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Previous trace").click()
    expect(title).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Whole page").click()
    eventually(page, lambda: "t_page=true" in query_of(page))
    box = page.locator(".st-key-t_view_page").bounding_box()
    assert box is not None
    assert box["width"] == size["width"]
    page.keyboard.press("Escape")
    expect(title).to_have_count(0, timeout=60_000)
    frame = grid(page)
    frame.locator(cell(frame, "refill")).click()
    expect(page.get_by_role("heading", name="worker: refill")).to_be_visible(timeout=60_000)
    page.keyboard.press("Escape")
    expect(view).to_have_count(0, timeout=60_000)
    assert "trace=" not in query_of(page)
