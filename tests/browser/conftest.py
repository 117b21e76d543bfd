"""A server of the test's own and a Chromium that looks at it."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.prepare import INSTALL, browser
from tests.support import dashboard

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
IDLE = "[data-testid=stApp][data-test-script-state=notRunning][data-test-connection-state=CONNECTED]"
WAIT_MS = 60_000
"""A wait ends with its event; this is how long a busy machine may take."""
DESCRIPTORS = 256
"""The files that a process may open on macOS, unless its user changes that."""

BEATS = """
    window.beats = 0;
    window.lastBeat = performance.now();
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (...given) {
      window.beats += 1;
      window.lastBeat = performance.now();
      return send.apply(this, given);
    };
"""
Serve = Callable[[Path], str]

expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium instead of a downloaded one."""
    chromium = browser()
    if chromium is None:
        pytest.fail(f"The browser tests need Chromium: {' '.join(INSTALL)}", pytrace=False)
    return browser_type_launch_args | {"executable_path": chromium, "args": list(FLAGS)}


@pytest.fixture
def context(context: BrowserContext) -> BrowserContext:
    """Its pages wait as long as a busy machine may take."""
    context.set_default_timeout(WAIT_MS)
    return context


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a fresh server on a log, as `streamlit run` does; returns its address."""
    with ExitStack() as started:

        def fresh(log: Path) -> str:
            server = started.enter_context(dashboard.running(log, most_descriptors=DESCRIPTORS))
            return f"http://127.0.0.1:{server.port}"

        yield fresh


def settled(page: Page) -> Page:
    """The page once its script has run and nothing more is on the way."""
    page.wait_for_selector(IDLE)
    page.wait_for_timeout(300)
    page.wait_for_selector(IDLE)
    return page


def beats(page: Page) -> int:
    """How often the page has sent something to the server; needs the init script `BEATS`."""
    return int(page.evaluate("window.beats"))


def wait_for_beats(page: Page, more: int) -> None:
    """Wait until the page has sent so much more: without actions, each is a refresh."""
    page.wait_for_function(f"window.beats >= {beats(page) + more}")


def query_of(page: Page) -> str:
    """The page's address behind its host."""
    return re.sub(r"^https?://[^/]+", "", str(page.evaluate("location.href")))


def window_name(page: Page) -> str:
    """The window and its zone as the head of the page names them."""
    button = "document.querySelector('.st-key-obs_window button p')"
    return str(page.evaluate(f"JSON.parse(getComputedStyle({button}, '::after').content)"))
