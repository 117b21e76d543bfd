"""The Code Inspector in a real browser: both themes, hostile source, and the way to a function."""

import time
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Dialog, Page, expect

from obs_core.clock import SECOND
from obs_core.model import Code, Row
from obs_core.source_code.locate import digest
from obs_core.store import log as store
from obs_core.store import sqlite
from tests.browser.conftest import Serve, query_of, settled

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SOURCE = (
    "def load(path):\n"
    '    """</pre><script>alert(1)</script><img src=x onerror=alert(2)>"""\n'
    "    text = 'user\u202efdp.exe'\n"
    "\x0c    return open(path)  # " + "x" * 100_000 + "\n"
)


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    """A log in which a function with a hostile source ran, and thirty others."""
    path = tmp_path / "trace.db"
    connection = store.open_log(path)
    start = time.time_ns() - 60 * SECOND
    with sqlite.transaction(connection):
        code = Code("app.load", "/nowhere/app.py", 1, SOURCE, digest(SOURCE), None, start)
        code_id = store.code_id(connection, code)
        load = Row("call", "web", "load", start, "shop", function="app.load", duration_ns=2_000_000, code_id=code_id)
        others = [load._replace(function=f"app.other_{number}", code_id=None) for number in range(30)]
        store.append(connection, [load, *others])
    connection.close()
    return path


def test_the_source_is_coloured_in_both_themes_and_runs_nothing(serve: Serve, page: Page, log_path: Path) -> None:
    opened: list[Dialog] = []
    page.on("dialog", lambda dialog: opened.append(dialog))  # noqa: PLW0108 - a bound method of a list has no attributes
    page.goto(f"{serve(log_path)}/code_inspector?f_fn=app.load&every=off")
    settled(page)
    keyword = page.locator(".obs-code .k").first
    expect(keyword).to_have_text("def")
    expect(page.locator(".obs-code .no").last).to_have_text("4")
    expect(page.locator(".obs-code .more")).to_contain_text("more characters")
    assert page.locator(".obs-code script, .obs-code img").count() == 0
    assert opened == []
    ink = "element => getComputedStyle(element).color"
    light = keyword.evaluate(ink)
    page.get_by_test_id("stMainMenu").click()
    page.get_by_test_id("stMainMenuPopover").get_by_text("Dark", exact=False).first.click()
    expect(keyword).not_to_have_css("color", light)


def test_typing_a_part_of_a_name_finds_the_function(serve: Serve, page: Page, log_path: Path) -> None:
    page.goto(f"{serve(log_path)}/code_inspector?every=off")
    settled(page)
    page.get_by_label("Find a function").press_sequentially("APP.LO")
    expect(page.get_by_test_id("stDataFrame").locator("table tbody tr")).to_have_count(1)
    page.wait_for_function("location.search.includes('f_q=APP.LO')")
    box = page.get_by_test_id("stDataFrame").bounding_box()
    assert box
    page.mouse.click(box["x"] + 60, box["y"] + 48)
    page.wait_for_function("location.search.includes('f_fn=app.load')")
    expect(page.locator(".obs-code .k").first).to_have_text("def")
    assert "f_fn=app.load" in query_of(page)
    settled(page)
    page.get_by_role("button", name="All functions").click()
    page.wait_for_function("!location.search.includes('f_fn')")


OLD = '''@trace
def total(items):
    """Add up.

    Prices are those of today.
    Nothing is free.
    """
    return sum(price(item) for item in items)
'''
NEW = OLD.replace("    return sum", "    items = sorted(items)\n    return sum")


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """A log in which an edit made a function twice as slow; it calls another one."""
    path = tmp_path / "edited.db"
    connection = store.open_log(path)
    start = time.time_ns() - 600 * SECOND
    with sqlite.transaction(connection):
        for version, source in enumerate((OLD, NEW)):
            start_ns = start + version * 200 * SECOND
            code_id = store.code_id(
                connection, Code("shop.total", "/nowhere/shop.py", 9, source, digest(source), None, start_ns)
            )
            for second in range(120):
                call = Row(
                    "call",
                    "web",
                    "total",
                    start_ns + second * SECOND,
                    "shop",
                    trace_id=f"{version}-{second}",
                    span_id="a",
                )
                call = call._replace(
                    function="shop.total", duration_ns=(1 + version) * (10**7 + second * 10**4), code_id=code_id
                )
                child = Row("call", "web", "price", call.timestamp, "shop", trace_id=call.trace_id, span_id="b")
                child = child._replace(parent_span_id="a", function="shop.price", duration_ns=10**6)
                value = Row(
                    "value", "web", "total.items", call.timestamp, "shop", "list", "[1]", trace_id=call.trace_id
                )
                store.append(connection, [call, child, value._replace(parent_span_id="a", function="shop.total")])
    connection.close()
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_effect_of_an_edit_is_shown(
    serve: Serve, page: Page, edited: Path, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{serve(edited)}/code_inspector?f_fn=shop.total&from=now-6h&every=off")
    settled(page)
    expect(page.get_by_text("This change made P95 2 times as slow")).to_be_visible()
    expect(page.get_by_text("2 versions in this window")).to_be_visible()
    added = page.locator(".obs-code .new .t")
    expect(added).to_have_text("    items = sorted(items)")
    lightness = "element => getComputedStyle(element).color.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
    assert (added.evaluate(lightness) > 3 * 128) == (scheme == "dark")
    hidden = page.locator(".obs-code details").get_by_text("Nothing is free.")
    expect(hidden).to_be_hidden()
    page.locator(".obs-code summary").click()
    expect(hidden).to_be_visible()
    page.locator(".obs-code").first.get_by_role("link", name="price").click()
    page.wait_for_function("location.search.includes('f_fn=shop.price')")
    assert "from=now-6h" in query_of(page)
    settled(page)
    expect(page.get_by_role("heading", name="shop.price")).to_be_visible()
    expect(page.get_by_text("not recorded").first).to_be_visible()
