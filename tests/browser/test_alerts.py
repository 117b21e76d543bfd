"""An alert end to end: a rule is built and backtested, fires, notifies its webhook, and resolves."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page

from obs_core.alerts import ledger
from obs_core.alerts.deliver import webhook_store
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.clock import SECOND, now_ns
from obs_core.model import Row
from tests.browser.conftest import Serve, query_of, settled
from tests.support import alertmanager, dashboard, receivers, table

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
WAIT_MS = 60_000
BEFORE_S = 200  # longer than the window in which three crossings make an alert flapping


@contextmanager
def watcher(log: Path) -> Iterator[None]:
    """`python -m obs_core watch` on this log."""
    command = [sys.executable, "-m", "obs_core", "watch", "--log", str(log), "--tick", "0.2"]
    program = subprocess.Popen(command, cwd=dashboard.ROOT, env=dict(os.environ), stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        program.terminate()
        program.wait(30)


def readings(values: list[str], ago_s: int = 0) -> list[Row]:
    """Readings that began so long ago, a millisecond apart."""
    start_ns = now_ns() - ago_s * SECOND
    return [
        Row("value", "feed", "price", start_ns + index * 1_000_000, data_type="float", data_value=value)
        for index, value in enumerate(values)
    ]


def messages_of(receiving: receivers.Receiving) -> list[tuple[str, str]]:
    """The status and the rule of each message that the receiver got."""
    bodies = [alertmanager.message(post.body) for post in receiving.posts]
    return [(body["status"], body["alerts"][0]["labels"]["alertname"]) for body in bodies]


def comes(page: Page, receiving: receivers.Receiving, message: tuple[str, str]) -> None:
    """Wait until the receiver got this message, while the page keeps running."""
    for _ in range(WAIT_MS // 200):
        if message in messages_of(receiving):
            return
        page.wait_for_timeout(200)
    pytest.fail(f"The receiver got {messages_of(receiving)}.", pytrace=False)


def test_a_rule_is_built_fires_notifies_its_webhook_and_resolves(page: Page, serve: Serve, tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    table.store(log, readings(["1", "2", "2", "2", "2", "3"], BEFORE_S))
    with receivers.receiver(receivers.answers("200 OK")) as receiving:
        with closing(ledger.open_ledger(log)) as connection:
            webhook = Webhook("ops", receiving.url, group_wait_ns=0, group_interval_ns=SECOND)
            webhook_store.add(connection, webhook, now_ns())
        address = serve(log)
        with watcher(log):
            settled_at(page, f"{address}/alerts?a_view=Rules&r_process=feed&r_data=price")
            name = page.get_by_role("textbox", name="Name", exact=True)
            name.fill("stuck price")
            name.press("Enter")
            threshold = page.get_by_role("textbox", name="Warn above")
            threshold.fill("3")
            threshold.press("Enter")
            settled(page)
            page.get_by_role("button", name="Backtest").click()
            page.get_by_text("It would have fired 1 time").wait_for()
            page.get_by_test_id("stVegaLiteChart").first.wait_for()
            assert "r_threshold=3" in query_of(page)
            page.get_by_role("button", name="Save rule").click()
            page.get_by_text("State history of stuck price").wait_for()

            table.store(log, readings(["7"] * 5))
            comes(page, receiving, ("firing", "stuck price"))
            settled_at(page, f"{address}/alerts?a_rule=stuck%20price")
            page.get_by_text("● firing · warning").wait_for()

            table.store(log, readings(["8"]))
            comes(page, receiving, ("resolved", "stuck price"))
            page.get_by_text("✓ resolved · warning").wait_for()


def settled_at(page: Page, address: str) -> None:
    """The page at this address, once it has been drawn."""
    page.goto(address)
    settled(page)


def test_a_panels_rule_opens_in_the_builder_with_its_limit_and_the_window_and_group_come_along(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    log, now = tmp_path / "trace.db", now_ns()
    calls = [
        Row("call", "feed", "load", now - second * SECOND, process_group="orders", function="load", duration_ns=10**8)
        for second in range(1, 20)
    ]
    table.store(log, calls)
    settled_at(page, f"{serve(log)}/overview?from=now-15m&group=orders&every=off")
    latency = page.get_by_test_id("stVerticalBlock").filter(has=page.get_by_role("heading", name="Latency")).last
    latency.get_by_role("link", name="Make a rule").first.click()
    above = page.get_by_role("textbox", name="Above")
    above.wait_for()
    settled(page)
    assert above.input_value() == "150"
    assert page.get_by_role("textbox", name="Process group").input_value() == "orders"
    assert {"from=now-15m", "group=orders", "r_kind=latency"} <= set(query_of(page).partition("?")[2].split("&"))
    page.go_back()
    page.get_by_text("Calls and errors").wait_for()
    figures = page.get_by_test_id("stHorizontalBlock").filter(has_text="All calls are counted").last
    figures.get_by_role("button", name="Make a rule").click()
    page.get_by_role("link", name="Error rate above").click()
    above.wait_for()
    settled(page)
    assert above.input_value() == "0.05"
    assert {"from=now-15m", "group=orders"} <= set(query_of(page).partition("?")[2].split("&"))
