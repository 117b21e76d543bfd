"""A server with a token, in a real browser: signing in, and every page under its content security policy."""

import re
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from obs_core.cli.main import main
from tests.browser.conftest import settled
from tests.support import dashboard

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
TOKEN = "a token of the test"  # noqa: S105 - the test's own
PAGES = ("overview", "trace_explorer", "code_inspector", "alerts", "logs")
MARKUP = "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/stolen'}))"


def test_after_signing_in_every_page_works_and_sends_nothing_elsewhere(page: Page, tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    assert main(["demo", "--seconds", "4", "--log", str(log)]) == 0
    page.set_default_timeout(60_000)
    said: list[str] = []
    asked: list[Request] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - Playwright marks the function
    with ExitStack() as stack:
        port = stack.enter_context(dashboard.running(log, {"OBS_TOKEN": TOKEN})).port
        address = f"http://127.0.0.1:{port}"
        page.goto(f"{address}/overview?from=now-1h")
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("That token is not right.", timeout=60_000)
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{address}/overview?from=now-1h**", timeout=60_000)
        said.clear()  # the 401 of the wrong token
        for name in PAGES:
            page.goto(f"{address}/{name}?from=now-1h")
            settled(page)
            expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=60_000)
        page.goto(f"{address}/trace_explorer?from=now-1h&token={TOKEN}")
        settled(page)
        page.frame_locator("iframe").first.locator(".ag-row").first.wait_for(timeout=60_000)
        expect(page).not_to_have_url(re.compile("token"), timeout=60_000)
        assert said == []
        assert {urlsplit(request.url).netloc for request in asked if request.url.startswith("http")} == {
            f"127.0.0.1:{port}"
        }
        with_token = [request.url for request in asked if "token" in parse_qs(urlsplit(request.url).query)]
        assert len(with_token) == 1  # the link itself
        assert not any("token" in request.headers.get("referer", "") for request in asked)
        with page.expect_console_message(lambda message: "Content Security Policy" in message.text, timeout=60_000):
            page.evaluate(MARKUP)
