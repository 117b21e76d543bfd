"""No page has a serious accessibility finding of ours, in both themes, by axe-core."""

import re
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from obs_core.ui.kit.navigation import PAGES
from tests.browser.conftest import Serve, settled
from tests.browser.test_overview import stored

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NOT_OURS: Final = (
    ("list", "stSidebarNavItems"),  # Streamlit's navigation: groups between the list and its items
    ("listitem", "<li"),
    ("svg-img-alt", "window_brush"),  # Vega's own marks of a brush
)
EMPTY_LAYER: Final = re.compile(r"<g [^<>]*mark container[^<>]*></g>")
"""Vega's element for a layer of a chart without marks: there is nothing to name."""


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


def test_no_page_has_a_serious_finding_in_either_theme(serve: Serve, page: Page, tmp_path: Path) -> None:
    stored(tmp_path / "trace.db")
    address = serve(tmp_path / "trace.db")
    background = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    for key, title in PAGES.items():
        page.emulate_media(color_scheme="light")
        page.goto(f"{address}/{key}?every=off")
        page.get_by_role("heading", name=title, exact=True).wait_for()
        settled(page)
        light = page.evaluate(background)
        assert findings(page) == [], f"{title}, light"
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(f"{background} !== '{light}'")
        settled(page)
        assert findings(page) == [], f"{title}, dark"


def test_menus_and_the_main_buttons_of_forms_have_no_serious_finding(serve: Serve, page: Page, tmp_path: Path) -> None:
    stored(tmp_path / "trace.db")
    address = serve(tmp_path / "trace.db")
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{address}/overview?every=off")
        settled(page).keyboard.press("t")
        page.get_by_text("Shown: ").wait_for()
        settled(page)
        assert findings(page) == [], f"time picker, {scheme}"
        for view in ("Rules", "Webhooks"):
            page.goto(f"{address}/alerts?a_view={view}&every=off")
            page.get_by_test_id("stBaseButton-primary").first.wait_for()
            settled(page)
            assert findings(page) == [], f"{view}, {scheme}"
