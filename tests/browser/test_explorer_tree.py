"""The tree of the Trace Explorer in a real browser: attributes, long levels, large traces, and links that reopen it."""

import csv
import json
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, FrameLocator, Page, expect

from obs_core.clock import SECOND
from obs_core.model import Row
from tests.browser.conftest import Serve, query_of, settled
from tests.browser.test_explorer import HOSTILE, LONG, cell, count_of, eventually, grid
from tests.support import table

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.xdist_group("browser")]

LARGE = 30_000
WIDE = 450
DEEP = {"a": {"b": [1, {"c": None}]}}


def minute_ago() -> int:
    return time.time_ns() - 60 * SECOND


def order() -> list[Row]:
    """A call with hostile attributes and two rows under it; one of them has attributes that are no JSON."""
    start = minute_ago()
    held = {f"key{at}": text for at, text in enumerate(HOSTILE)} | {text: at for at, text in enumerate(HOSTILE)}
    serve = Row("call", "web", "serve", start, trace_id="t1", span_id="s1", duration_ns=SECOND)
    attributes = json.dumps({"attributes": held | {"deep": DEEP}, "events": [{"name": "unseen"}]})
    return [
        serve._replace(attributes=attributes),
        serve._replace(data="load", span_id="s2", parent_span_id="s1", timestamp=start + 1, attributes='{"attributes"'),
        Row("value", "web", "price", start + 2, data_value="101.5", trace_id="t1", parent_span_id="s1"),
        Row("call", "web", "alone", start - SECOND, attributes=json.dumps({"attributes": {"user.id": "u-77"}})),
    ]


def large() -> list[Row]:
    """A trace of 30,000 calls: 450 right under its root, the others eight to a call; one of the last ones failed."""
    start = minute_ago()
    return [
        Row(
            "call",
            "web",
            f"f{at}",
            start + at * 1_000,
            status="ERROR" if at == LARGE - 2 else "OK",
            trace_id="large",
            span_id=f"s{at}",
            parent_span_id=None if at == 0 else "s0" if at <= WIDE else f"s{(at - WIDE - 1) // 8 + 1}",
            duration_ns=50_000_000,
        )
        for at in range(LARGE)
    ]


def chevron(frame: FrameLocator, data: str) -> None:
    """Open or close the row that shows `data`."""
    cell_of = f"xpath=//*[@col-id='Data' and normalize-space()='{data}']"
    frame.locator(cell_of).locator("xpath=..").locator(".chevron").click()


def test_attributes_are_muted_rows_below_their_row_and_run_nothing(serve: Serve, page: Page, tmp_path: Path) -> None:
    table.store(tmp_path / "trace.db", order())
    opened: list[Dialog] = []
    page.on("dialog", lambda dialog: opened.append(dialog))  # noqa: PLW0108 - a bound method of a list takes no marks
    page.goto(f"{serve(tmp_path / 'trace.db')}/trace_explorer?t_view=Rows&every=off&t_size=500")
    settled(page)
    frame = grid(page)
    eventually(page, lambda: count_of(frame, "serve") == 1)
    page.set_viewport_size({"width": 1280, "height": 1_400})
    chevron(frame, "serve")
    attributes = frame.locator(".ag-row.attribute")
    eventually(page, lambda: attributes.count() > 5)
    first = attributes.first
    assert first.locator("[col-id=Process]").inner_text().strip() == "attribute"
    assert first.locator("[col-id=Data]").inner_text() == "key0"
    assert first.locator("[col-id='Data Type']").inner_text() == "string"
    assert first.locator("[col-id='Data Value']").inner_text() == LONG[:300] + "…"
    quiet = "element => getComputedStyle(element).color"
    assert first.locator("[col-id=Data]").evaluate(quiet) == "rgb(95, 107, 122)"
    seen: dict[str, str] = {}
    body = frame.locator(".ag-body-viewport")
    for top in range(0, 700, 120):
        body.evaluate(f"element => {{ element.scrollTop = {top}; }}")
        page.wait_for_timeout(100)
        seen |= dict(
            zip(
                attributes.locator("[col-id=Data]").all_inner_texts(),
                attributes.locator("[col-id='Data Value']").all_inner_texts(),
                strict=True,
            )
        )
    assert [seen[f"key{at}"] for at in range(1, 6)] == list(HOSTILE[1:6])
    assert [seen[name] for name in HOSTILE[1:6]] == ["1", "2", "3", "4", "5"]
    assert (seen["key6"], seen["key7"]) == ("user<U+202E>fdp.exe", "nul\N{REPLACEMENT CHARACTER}byte")
    assert json.loads(seen["deep"]) == DEEP
    assert len(seen) == 17
    assert frame.locator(".ag-row img, .ag-row script").count() == 0
    assert opened == []
    page.goto(f"{page.url.partition('?')[0]}?t_view=Rows&every=off&t_fn=serve&t_open=1&trace=t1&span=s2")
    settled(page)
    eventually(page, lambda: _at_end(frame.locator(".ag-body-viewport")) and count_of(frame, "load") == 1)
    eventually(page, lambda: frame.locator(".ag-row-selected [col-id=Data]").all_inner_texts() == ["load"])
    page.get_by_role("treegrid").get_by_text("price").click()
    eventually(page, lambda: frame.locator(".ag-row-selected [col-id=Data]").all_inner_texts() == ["price"])


def test_a_click_on_an_attribute_selects_its_row_and_the_card_shows_it_whole(
    serve: Serve, page: Page, tmp_path: Path
) -> None:
    log = tmp_path / "trace.db"
    table.store(log, order())
    page.goto(f"{serve(log)}/trace_explorer?t_view=Rows&every=1s")
    settled(page)
    frame = grid(page)
    chevron(frame, "alone")
    eventually(page, lambda: count_of(frame, "user.id") == 1)
    frame.locator(cell(frame, "user.id")).click()
    eventually(page, lambda: "t_row=4" in query_of(page))
    frame.locator(cell(frame, "load")).click()
    eventually(page, lambda: count_of(frame, "(not JSON)") == 1 and "span=s2" in query_of(page))
    frame.locator(cell(frame, "serve", "Process")).click()
    eventually(page, lambda: "span=s1" in query_of(page) and count_of(frame, "key0") == 1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    eventually(page, lambda: frame.locator(".ag-row-selected [col-id=Data]").all_inner_texts() == ["serve"])
    expect(page.get_by_test_id("stCode").filter(has_text=LONG)).to_have_count(1)
    for key in ("ArrowUp", "ArrowLeft", "ArrowLeft"):  # to the row, to its first cell, and closed
        page.keyboard.press(key)
    eventually(page, lambda: count_of(frame, "key0") == 0)
    table.store(log, [Row("call", "web", "newest", time.time_ns())])
    expect(page.get_by_text("Paused · 1 new row")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    eventually(page, lambda: count_of(frame, "newest") == 1)
    assert (count_of(frame, "user.id"), count_of(frame, "(not JSON)"), count_of(frame, "key0")) == (1, 1, 0)
    expect(page.get_by_text("5 rows", exact=True)).to_be_visible()
    assert "t_open=4_2&" in f"{query_of(page)}&"


def test_a_link_opens_what_was_open_and_the_file_holds_rows_of_the_log_alone(
    serve: Serve, page: Page, tmp_path: Path
) -> None:
    table.store(tmp_path / "trace.db", order())
    page.goto(f"{serve(tmp_path / 'trace.db')}/trace_explorer?t_view=Rows&every=off&trace=t1&span=s1&t_open=4_2")
    settled(page)
    frame = grid(page)
    assert (count_of(frame, "user.id"), count_of(frame, "(not JSON)"), count_of(frame, "key0")) == (1, 1, 0)
    eventually(page, lambda: frame.locator(".ag-row-selected [col-id=Data]").all_inner_texts() == ["serve"])
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".st-key-t_view")).to_have_count(0, timeout=60_000)
    page.get_by_role("button", name="Export").click()
    page.get_by_text("Do not escape formulas").click()
    eventually(page, lambda: "t_raw=true" in query_of(page))
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download CSV").click()
    with waiting.value.path().open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["Data"] for row in rows) == ["alone", "load", "price", "serve"]
    page.reload()
    settled(page)
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_role("switch", name="Do not escape formulas")).to_be_checked(timeout=30_000)


def test_a_trace_of_30_000_rows_opens_level_by_level(serve: Serve, page: Page, tmp_path: Path) -> None:
    table.store(tmp_path / "trace.db", large())
    page.goto(f"{serve(tmp_path / 'trace.db')}/trace_explorer?t_view=Rows&every=off&t_fn=f0&trace=large&span=s0")
    settled(page)
    frame = grid(page)
    status = page.get_by_role("status").filter(has_text="rows")
    expect(status).to_have_text("30,000 rows")
    chevron(frame, "f0")
    body = frame.locator(".ag-body-viewport")
    more = frame.locator(".ag-row").get_by_text("Show 200 more")  # not its tooltip
    for shown in (200, 400):
        last = f"f{shown}"
        eventually(page, lambda last=last: _at_end(body) and count_of(frame, last) == 1)
        more.click()
    eventually(page, lambda: _at_end(body) and count_of(frame, f"f{WIDE}") == 1)
    expect(more).to_have_count(0)
    assert "t_open=1~3" in query_of(page)
    chevron(frame, f"f{WIDE}")
    eventually(page, lambda: _at_end(body) and count_of(frame, f"f{9 * WIDE}") == 1)
    page.get_by_label("Collapse to this level").select_option("2")
    expect(status).to_have_text("451 of 30,000 rows")
    eventually(page, lambda: "t_level=2" in query_of(page))
    page.get_by_role("button", name="Next error").click()
    fall = page.get_by_role("treegrid", name="Calls and values of the trace")
    expect(fall.get_by_role("row", selected=True)).to_contain_text(f"f{LARGE - 2}")
    assert fall.get_by_role("row").count() < 60
    eventually(page, lambda: f"span=s{LARGE - 2}" in query_of(page))
    page.reload()
    settled(page)
    expect(page.get_by_label("Collapse to this level")).to_have_value("2")
    expect(fall.get_by_role("row", selected=True)).to_contain_text(f"f{LARGE - 2}")
    eventually(page, lambda: _at_end(body) and count_of(frame, f"f{9 * WIDE}") == 1)
    page.get_by_role("button", name="Expand all").click()
    expect(status).to_have_text("30,000 rows")
    eventually(page, lambda: "t_level" not in query_of(page))


def _at_end(body: object) -> bool:
    """Scroll the table to its end."""
    body.evaluate("element => { element.scrollTop = element.scrollHeight; }")  # type: ignore[attr-defined]
    return True


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_labels_of_the_filters_are_in_one_line(serve: Serve, browser: Browser, tmp_path: Path, scheme: str) -> None:
    table.store(tmp_path / "trace.db", order())
    page = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme).new_page()  # type: ignore[arg-type]
    page.goto(f"{serve(tmp_path / 'trace.db')}/trace_explorer?t_view=Rows&every=off")
    settled(page)
    boxes = [
        page.locator(f".st-key-{key} [data-testid=stWidgetLabel]").bounding_box()
        for key in ("t_q", "t_process", "t_status", "t_kind", "t_sort")
    ]
    assert len({round(box["y"]) for box in boxes if box}) == 1
    assert None not in boxes
    page.context.close()
