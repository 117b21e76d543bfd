"""The pages and their states: what is looked at for accessibility (`test_accessibility`) and in `tests.screenshots`."""

from collections.abc import Callable
from typing import Final, NamedTuple

from playwright.sync_api import Locator, Page, expect

from obs_core.ui.kit.navigation import PAGES
from obs_core.ui.kit.width import NARROW_PX
from tests.browser.conftest import settled

PERIOD: Final = "from=first&to=last&every=off"


class State(NamedTuple):
    """A state of a page: the link that opens the page, and what a reader does then."""

    link: str
    act: Callable[[Page], None] = lambda _: None

    def show(self, page: Page, address: str) -> None:
        """Open the page, and bring it into this state."""
        given = "" if "from=" in self.link else PERIOD
        page.goto(f"{address}/{self.link}{'&' if '?' in self.link else '?'}{given}")
        page.locator(".obs-heading h1").wait_for()
        page.wait_for_function("window.obsKeys")  # the page takes keys
        if (page.viewport_size or {"width": NARROW_PX + 1})["width"] <= NARROW_PX:
            page.locator(".st-key-obs_menu").wait_for()
        settled(page)
        self.act(page)
        settled(page)


def _menu(name: str, shown: str) -> Callable[[Page], None]:
    """Open the menu of the button in the container `name`, which shows the text `shown`."""

    def act(page: Page) -> None:
        _unfold(page)
        visible(page.locator(f".st-key-{name} button")).click()
        visible(page.get_by_text(shown)).wait_for()

    return act


def _unfold(page: Page) -> None:
    """Open the line of the filters, where they are folded."""
    line = page.locator("[class*=_fold] summary")
    if line.count() and line.get_attribute("aria-expanded") != "true":
        line.first.click()
        settled(page)


def visible(locator: Locator) -> Locator:
    """The first visible one of `locator`."""
    return locator.filter(visible=True).first


def _key(key: str, shown: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.keyboard.press(key)
        visible(page.get_by_text(shown)).wait_for()

    return act


def _open_controls(page: Page) -> None:
    """Open the menu of the head on a phone."""
    page.locator(".st-key-obs_menu button").click()


def _help(page: Page) -> None:
    if page.locator(".st-key-obs_menu").count():
        _open_controls(page)
        visible(page.get_by_text("Help")).click()
    else:
        page.keyboard.press("?")
    visible(page.get_by_text("Marks of alerts")).wait_for()


def _share(page: Page) -> None:
    if page.locator(".st-key-obs_menu").count():
        _open_controls(page)
        visible(page.get_by_text("Share")).click()
    else:
        page.locator(".st-key-obs_share button").click()
    visible(page.get_by_text("Frozen link")).wait_for()


def _first_trace(page: Page) -> None:
    frame = page.frame_locator("iframe")
    frame.locator(".ag-row[row-index='0'] [col-id=Process] .label").click()
    page.locator("[class*=st-key-t_view]").first.wait_for()


def _first_row(page: Page) -> None:
    frame = page.frame_locator("iframe")
    frame.locator(".chevron.has").first.click()
    frame.locator(".ag-row.child").first.wait_for()


def _cell(key: str, then: str) -> Callable[[Page], None]:
    """Click the first row of the table `key`, which shows an element `then`."""

    def act(page: Page) -> None:
        page.locator(f".st-key-{key}").first.click(position={"x": 60, "y": 50})
        expect(page.locator(then).first).to_be_visible()

    return act


STATES: Final[dict[str, State]] = {
    **{key: State(key) for key in PAGES},
    "time_picker": State("overview", _key("t", "Shown: ")),
    "help": State("overview", _help),
    "share": State("overview", _share),
    "overview_no_rows": State("overview?from=2001-01-01T00:00Z&to=2001-01-02T00:00Z&every=off"),
    "overview_bad_link": State("overview?from=yesterday&every=never"),
    "explorer_rows": State("trace_explorer?t_view=Rows", _first_row),
    "explorer_trace": State("trace_explorer", _first_trace),
    "explorer_trace_page": State("trace_explorer?t_page=true", _first_trace),
    "explorer_errors": State("trace_explorer?t_view=Rows&t_status=ERROR"),
    "explorer_facets": State("trace_explorer?t_facets=true"),
    "explorer_no_rows": State("trace_explorer?t_q=nothing-has-this-text"),
    "explorer_filters": State("trace_explorer", _menu("t_more", "Attributes")),
    "explorer_export": State("trace_explorer", _menu("t_export", "Download CSV")),
    "explorer_unknown_trace": State("trace_explorer?trace=0123456789abcdef0123456789abcdef"),
    "inspector_function": State("code_inspector", _cell("f_pick", "text=Recorded source")),
    "inspector_unknown": State("code_inspector?f_fn=no.such.function"),
    "alerts_stale": State("alerts", _cell("a_streaks", "text=Readings")),
    "alerts_rules": State("alerts?a_view=Rules"),
    "alerts_rule_on_calls": State("alerts?a_view=Rules&r_kind=error_rate"),
    "alerts_webhooks": State("alerts?a_view=Webhooks"),
    "logs_row": State("logs", _cell("l_rows", ".st-key-l_selected")),
    "logs_no_rows": State("logs?l_q=nothing-has-this-text"),
    "logs_compare": State("logs", _menu("l_compare", "ompare")),
}
