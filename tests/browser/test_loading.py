"""While a question takes long, what does not need it is there, and the rest says that it is on its way.

The question is held back by stopping the processes that answer it.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import settled
from tests.browser.test_overview import stored
from tests.support import dashboard

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

WORKER = "obs_core.query.engine.worker"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[dashboard.Dashboard]:
    """A server on a log with calls and an error."""
    stored(tmp_path / "trace.db")
    with dashboard.running(tmp_path / "trace.db", output=sys.stderr.fileno()) as running:
        yield running


def workers(server: dashboard.Dashboard) -> list[psutil.Process]:
    """The processes that answer analytical questions."""
    children = psutil.Process(server.process.pid).children(recursive=True)
    return [child for child in children if WORKER in child.cmdline()]


def test_what_needs_no_slow_answer_is_there_before_it(server: dashboard.Dashboard, page: Page) -> None:
    address = f"http://127.0.0.1:{server.port}/overview?every=off"
    page.goto(address)
    settled(page)
    stopped = workers(server)
    assert stopped
    for worker in stopped:
        worker.suspend()
    page.goto(f"{address}&from=now-2h")  # another window: nothing is in the cache
    errors = page.locator(".st-key-o_errors_panel")
    expect(errors.locator("canvas").first).to_be_visible()
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()
    expect(page.get_by_role("status", name="Loading").first).to_be_visible()
    for worker in stopped:
        with suppress(psutil.NoSuchProcess):  # it was over its time limit, and has been replaced
            worker.resume()
    expect(page.get_by_text("1 of 4 calls")).to_be_visible()
    settled(page)
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)
