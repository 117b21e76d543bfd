"""A server of the test's own and a Chromium that looks at it."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.prepare import INSTALL, browser

ROOT = Path(__file__).parents[2]
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
IDLE = "[data-testid=stApp][data-test-script-state=notRunning][data-test-connection-state=CONNECTED]"
START_S = 60
Serve = Callable[[Path], str]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium instead of a downloaded one."""
    chromium = browser()
    if chromium is None:
        pytest.fail(f"The browser tests need Chromium: {' '.join(INSTALL)}", pytrace=False)
    return browser_type_launch_args | {"executable_path": chromium, "args": list(FLAGS)}


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a fresh server on a log, as `streamlit run` does; returns its address."""
    started: list[subprocess.Popen[bytes]] = []

    def fresh(log: Path) -> str:
        port = _free_port()
        address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
        environment = {**os.environ, "OBS_LOG": str(log), "OBS_OTLP": "off", "OBS_WATCH": "off"}
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL))
        _wait(f"{address}/_stcore/health")
        return address

    yield fresh
    for program in started:
        program.terminate()
        program.wait(30)


def settled(page: Page) -> Page:
    """The page once its script has run and nothing more is on the way."""
    page.wait_for_selector(IDLE, timeout=60_000)
    page.wait_for_timeout(300)
    page.wait_for_selector(IDLE, timeout=60_000)
    return page


def query_of(page: Page) -> str:
    """The page's address behind its host."""
    return re.sub(r"^https?://[^/]+", "", str(page.evaluate("location.href")))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(address: str) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own server's address
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("The server did not start.", pytrace=False)
