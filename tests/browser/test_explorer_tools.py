"""The Trace Explorer's filters, columns, exports and large traces in a real browser."""

import csv
import json
import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from obs_core.clock import SECOND
from obs_core.model import Row
from tests.browser.conftest import Serve, query_of, settled
from tests.browser.test_explorer import eventually, grid, shop
from tests.support import table

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.xdist_group("browser")]

CODES = (200, 404, 500, 503)


def requests() -> list[Row]:
    """Calls with an attribute each, and a value that a spreadsheet would run."""
    start = time.time_ns() - 60 * SECOND
    rows = [
        Row(
            "call",
            "web",
            f"call_{code}",
            start + code,
            process_group="shop",
            status="ERROR" if code >= 500 else "OK",
            attributes=json.dumps(
                {"attributes": {"http.status_code": code, "<img src=x onerror=alert(1)>": "hostile"}}
            ),
        )
        for code in CODES
    ]
    return [*rows, Row("value", "web", "price", start, data_value="=1+1", data_type="str")]


def shown(page: Page) -> list[str]:
    return grid(page).locator(".ag-center-cols-container [col-id=Data]").all_inner_texts()


def test_conditions_are_typed_and_taken_away_and_stand_in_the_link(serve: Serve, page: Page, tmp_path: Path) -> None:
    table.store(tmp_path / "trace.db", requests())
    page.goto(f"{serve(tmp_path / 'trace.db')}/trace_explorer?t_view=Rows&every=off")
    settled(page)
    eventually(page, lambda: len(shown(page)) == 5)
    page.get_by_role("button", name="More filters").click()
    page.get_by_role("textbox", name="Attributes").press_sequentially("http.status_code >= 500", delay=20)
    eventually(page, lambda: shown(page) == ["call_503", "call_500"])
    assert "t_where=http.status_code" in query_of(page)
    page.reload()
    settled(page)
    eventually(page, lambda: shown(page) == ["call_503", "call_500"])
    page.get_by_role("button", name="http.status_code").click()
    eventually(page, lambda: len(shown(page)) == 5)
    assert "t_where" not in query_of(page)


def test_a_click_on_a_facet_narrows_and_another_one_widens(serve: Serve, page: Page, tmp_path: Path) -> None:
    table.store(tmp_path / "trace.db", requests())
    page.goto(f"{serve(tmp_path / 'trace.db')}/trace_explorer?t_view=Rows&every=off&t_facets=true")
    settled(page)
    page.get_by_role("button", name="2 · ERROR").click()
    eventually(page, lambda: shown(page) == ["call_503", "call_500"])
    assert "t_status=ERROR" in query_of(page)
    page.get_by_role("button", name="2 · ERROR").click()
    eventually(page, lambda: len(shown(page)) == 5)
    page.get_by_role("button", name="4 · shop").click()
    eventually(page, lambda: "price" not in shown(page))
    assert "group=shop" in query_of(page)


def test_pinned_columns_come_with_the_link_and_a_hostile_name_runs_nothing(
    serve: Serve, page: Page, tmp_path: Path
) -> None:
    table.store(tmp_path / "trace.db", requests())
    opened: list[str] = []
    page.on("dialog", lambda dialog: opened.append(dialog.message))
    hostile = "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"
    script = "%3A%3AJSCODE%3A%3Aalert(2)%3A%3AJSCODE%3A%3A"
    link = (
        f"/trace_explorer?t_view=Rows&every=off&t_cols=Group&t_cols=http.status_code&t_cols={hostile}&t_cols={script}"
    )
    page.goto(f"{serve(tmp_path / 'trace.db')}{link}")
    settled(page)
    frame = grid(page)
    expect(frame.get_by_role("columnheader", name="http.status_code")).to_be_attached()
    codes = frame.locator(".ag-center-cols-container [col-id=pinned_1]").all_inner_texts()
    assert codes == ["503", "500", "404", "200", ""]
    assert frame.locator(".ag-center-cols-container [col-id=pinned_2]").first.inner_text() == "hostile"
    assert opened == []


def test_everything_that_fits_is_downloaded_and_its_size_is_said_before(
    serve: Serve, page: Page, tmp_path: Path
) -> None:
    table.store(tmp_path / "trace.db", requests())
    page.goto(f"{serve(tmp_path / 'trace.db')}/trace_explorer?t_view=Rows&every=off&t_size=50")
    settled(page)
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_text("5 rows, about")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download CSV").click()
    assert waiting.value.suggested_filename.startswith("rows_")
    with waiting.value.path().open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["Data"] for row in rows} == {"price", *(f"call_{code}" for code in CODES)}
    assert next(row["Data Value"] for row in rows if row["Data"] == "price") == "'=1+1"


def test_a_trace_of_20_000_calls_is_walked_by_levels_and_errors(serve: Serve, page: Page, tmp_path: Path) -> None:
    start = time.time_ns() - 60 * SECOND
    calls = [
        Row(
            "call",
            "web",
            f"f{at % 37}",
            start + at * 1_000,
            status="ERROR" if at == 19_999 else "OK",
            trace_id="large",
            span_id=f"s{at}",
            parent_span_id=f"s{at // 8}" if at else None,
            duration_ns=50_000_000,
        )
        for at in range(20_000)
    ]
    table.store(tmp_path / "trace.db", calls)
    page.goto(f"{serve(tmp_path / 'trace.db')}/trace_explorer?t_view=Rows&trace=large&span=s0&every=off")
    settled(page)
    fall = page.get_by_role("treegrid", name="Calls and values of the trace")
    status = page.get_by_role("status").filter(has_text="rows")
    expect(status).to_have_text("20,000 rows")
    assert fall.get_by_role("row").count() < 60
    page.get_by_label("Collapse to this level").select_option("2")
    expect(status).to_have_text("8 of 20,000 rows")
    page.get_by_role("button", name="Next error").click()
    eventually(page, lambda: "span=s19999" in query_of(page))
    expect(fall.get_by_role("row", selected=True)).to_contain_text(f"f{19_999 % 37}")


def test_traces_come_first_a_header_sorts_a_drag_zooms_and_a_phone_shows_what_failed(
    serve: Serve, page: Page, tmp_path: Path
) -> None:
    table.store(tmp_path / "trace.db", shop())
    page.goto(f"{serve(tmp_path / 'trace.db')}/trace_explorer?every=off")
    settled(page)
    eventually(page, lambda: shown(page) == ["serve"])
    assert grid(page).locator(".ag-center-cols-container [col-id=Errors]").all_inner_texts() == ["1"]
    page.get_by_test_id("stButtonGroup").get_by_text("Rows", exact=True).click()
    eventually(page, lambda: "price" in shown(page))
    assert "t_view=Rows" in query_of(page)
    grid(page).locator(".ag-header-cell[col-id=Duration]").click()
    eventually(page, lambda: shown(page)[:2] == ["serve", "load"])
    assert "t_sort=Slowest" in query_of(page)
    expect(grid(page).locator(".ag-header-cell[col-id=Duration]")).to_have_attribute("aria-sort", "descending")
    page.set_viewport_size({"width": 390, "height": 844})
    second = grid(page).locator(".ag-row .second").filter(has_text="OSError:disk")
    expect(second).to_be_visible()
    for column in ("Status", "Duration"):
        cell = grid(page).locator(f".ag-row .ag-cell[col-id={column}]").first
        eventually(page, lambda cell=cell: right_of(cell) <= 390)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator(".st-key-t_fold").wait_for(state="detached")
    settled(page)
    chart = page.get_by_test_id("stVegaLiteChart").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    height = box["y"] + box["height"] * 0.4
    page.mouse.move(box["x"] + box["width"] * 0.4, height)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, height, steps=5)
    page.mouse.up()
    page.wait_for_url("**from=20*to=20*")


def right_of(cell: Locator) -> float:
    """The right edge of `cell` in the window; infinite while it is not drawn."""
    box = cell.bounding_box()
    return box["x"] + box["width"] if box else float("inf")
