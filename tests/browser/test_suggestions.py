"""Suggestions while a reader types: the server looks among all names and values, and sends the best."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from obs_core import model
from obs_core.clock import SECOND, now_ns
from obs_core.store import log, sqlite
from tests.browser.conftest import BEATS, Serve, query_of, settled, wait_for_beats
from tests.support import table

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NAMES = 120
MOST = 50
HEAD = "seconds process process_group function data kind trace_id span_id parent_span_id duration_ms status exception"


@pytest.fixture
def address(serve: Serve, tmp_path: Path) -> str:
    """A server on a log with 120 processes, each with a variable and an attribute of its own, all in two rows."""
    later = now_ns() - 600 * SECOND - table.START_NS
    drawn = "\n".join(f"{at} proc{at % NAMES:03} shop - var{at % NAMES:03} value t{at} - - - OK -" for at in range(240))
    rows = [
        row._replace(
            timestamp=row.timestamp + later,
            attributes=json.dumps({"attributes": {"http.route": f"/item/{number % NAMES:03}"}}),
        )
        for number, row in enumerate(table.rows(f"{HEAD}\n{drawn}"))
    ]
    assert "attributes" in model.Row._fields
    connection = log.open_log(tmp_path / "trace.db")
    with sqlite.transaction(connection):
        log.append(connection, rows)
    connection.close()
    return serve(tmp_path / "trace.db")


def offered(page: Page, field: str, *, key: str) -> list[str]:
    """The suggestions that the browser lists under a field."""
    values = f"[...document.querySelectorAll('#obs-suggest-{key} option')].map((each) => each.value)"
    assert page.get_by_label(field, exact=True).first.evaluate("(field) => field.list?.id") == f"obs-suggest-{key}"
    return [str(text) for text in page.evaluate(values)]


@pytest.mark.parametrize(("field", "key", "prefix"), [("Process", "r_process", "proc"), ("Variable", "r_data", "var")])
def test_the_rule_form_suggests_names_by_what_is_typed(
    page: Page, address: str, field: str, key: str, prefix: str
) -> None:
    page.add_init_script(BEATS)
    page.goto(f"{address}/alerts?a_view=Rules&every=1s")
    control = page.get_by_label(field, exact=True).first
    control.click()
    settled(page)
    first = offered(page, field, key=key)
    assert len(first) == MOST
    assert f"{prefix}117" not in first
    control.press_sequentially("11")
    page.wait_for_function(f"document.querySelectorAll('#obs-suggest-{key} option').length === 11")
    assert set(offered(page, field, key=key)) == {f"{prefix}{number}" for number in (*range(110, 120), "011")}
    control.press_sequentially("7")
    page.wait_for_function(f"document.querySelectorAll('#obs-suggest-{key} option').length === 1")
    wait_for_beats(page, 3)
    settled(page)
    expect(control).to_have_value("117")
    expect(control).to_be_focused()
    assert offered(page, field, key=key) == [f"{prefix}117"]
    assert f"{key}=117" in query_of(page)


def test_the_filter_suggests_values_of_attributes(page: Page, address: str) -> None:
    page.goto(f"{address}/trace_explorer?t_view=Rows&every=off")
    settled(page)
    page.get_by_role("button", name="More filters").click()
    control = page.get_by_label("Attributes", exact=True).first
    control.click()
    page.locator("#obs-suggest-t_where option").first.wait_for(state="attached")
    assert len(offered(page, "Attributes", key="t_where")) == MOST
    control.press_sequentially("http.route = /item/11")
    page.wait_for_function("document.querySelectorAll('#obs-suggest-t_where option').length === 10")
    assert offered(page, "Attributes", key="t_where") == [f"http.route = /item/{number}" for number in range(110, 120)]
    control.press_sequentially("7")
    expect(page.get_by_text("2 rows")).to_be_visible()
