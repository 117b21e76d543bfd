"""No page and no state of it has a serious accessibility finding of ours, in both themes, by axe-core."""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import settled
from tests.browser.states import STATES
from tests.browser.test_overview import stored
from tests.support import dashboard, table

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NOT_OURS: Final = (
    ("list", "stSidebarNavItems"),  # Streamlit's navigation: groups between the list and its items
    ("listitem", "<li"),
    ("label", "gdg-input"),  # of the table that Streamlit draws: the cell that was clicked
    ("svg-img-alt", "window_brush"),  # Vega's own marks of a brush
)
EMPTY_LAYER: Final = re.compile(r"<g [^<>]*mark container[^<>]*></g>")
"""Vega's element for a layer of a chart without marks: there is nothing to name."""
NARROW: Final = ("help", "share", "trace_explorer", "explorer_filters", "explorer_trace", "logs_row")
"""The states that have another layout on a phone."""

STUCK: Final = """
    seconds process data  kind  data_value
    0       gauge   level value 7
    1       gauge   level value 1
    2       gauge   level value 1
    3       gauge   level value 1
    4       gauge   level value 1
    5       gauge   level value 1
    6       gauge   level value 1
    7       gauge   level value 1
"""
"""A series that gets stuck."""


def findings(page: Page) -> list[str]:
    """The serious and critical findings that are ours: the rule, the element and why."""
    result: dict[str, Any] = Axe().run(page, options={"resultTypes": ["violations"]}).response
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary'][:200]}"
        for rule in result["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
        if not any(rule["id"] == name and text in node["html"] for name, text in NOT_OURS)
        and not EMPTY_LAYER.fullmatch(node["html"])
    ]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on a log with rows for every state."""
    log = tmp_path_factory.mktemp("accessible") / "trace.db"
    stored(log)
    table.store(log, table.rows(STUCK))
    with dashboard.running(log) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.mark.parametrize(("name", "width"), [*((name, 1440) for name in STATES), *((name, 390) for name in NARROW)])
def test_no_state_of_a_page_has_a_serious_finding_in_either_theme(
    address: str, page: Page, name: str, width: int
) -> None:
    background = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="light")
    STATES[name].show(page, address)
    light = page.evaluate(background)
    assert findings(page) == [], f"{name}, light"
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{background} !== '{light}'")
    settled(page)
    assert findings(page) == [], f"{name}, dark"
