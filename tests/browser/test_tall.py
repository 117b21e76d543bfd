"""Tables use the height of a large screen, and are as high as ever on a small one."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Serve, settled
from tests.browser.test_overview import stored
from tests.support import table

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

TABLES = {"trace_explorer": ".st-key-t_frame iframe", "logs": ".st-key-l_rows", "code_inspector": ".st-key-f_pick"}
HEIGHTS_900 = {"trace_explorer": 460, "logs": 24 * 30 + 15, "code_inspector": 600}
HEAD = "seconds process function data kind trace_id span_id duration_ms status"


@pytest.fixture
def address(serve: Serve, tmp_path: Path) -> str:
    """A server on a log with 90 traces of 90 functions."""
    stored(tmp_path / "trace.db")
    drawn = "\n".join(f"{at} web m.serve{at} serve call u{at} s1 5 OK" for at in range(90))
    table.store(tmp_path / "trace.db", table.rows(f"{HEAD}\n{drawn}"))
    return serve(tmp_path / "trace.db")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_uses_the_height_of_the_screen(page: Page, address: str, name: str) -> None:
    page.set_viewport_size({"width": 2560, "height": 1440})
    page.goto(f"{address}/{name}?every=off&from=first&to=last")
    rows = page.locator(TABLES[name]).first
    rows.wait_for()
    page.wait_for_function("window.innerHeight === 1440")
    settled(page)
    box = rows.bounding_box()
    assert box is not None
    assert 1440 - 160 < box["y"] + box["height"] <= 1440, "little is left below it, and it fits the screen"
    page.set_viewport_size({"width": 1440, "height": 900})
    page.wait_for_function(
        f"Math.round(document.querySelector('{TABLES[name]}').getBoundingClientRect().height) === {HEIGHTS_900[name]}"
    )
