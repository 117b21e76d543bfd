"""The Overview in Chromium: `python -m benchmarks.overview_browser [--log PATH] [ROWS]` (by default 100000).

From a click in the navigation until every card is drawn, compared with the same click for a page with one caption (the
floor of the same run); the memory of the server and its worker compared with a server with an empty log; and the
processor time of ten sessions that refresh every 5 s while the log grows.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.logs import multiplied
from benchmarks.overview import ROOT, longer
from obs_core.store import log
from tests.browser.conftest import FLAGS, IDLE
from tests.browser.prepare import browser

RUNS = 9
SESSIONS = 10
WATCHED_S = 30
DRAWN = """(name) => new Promise((done) => {
    const cards = { Overview: () => document.querySelectorAll('.obs-cards section').length === 6
        && document.querySelectorAll('[data-testid=stVegaLiteChart] svg').length === 3
        && document.querySelectorAll('[data-testid=stDataFrame] canvas').length >= 4 };
    const heading = () => document.querySelector('.obs-heading h1')?.textContent;
    const drawn = () => heading() === name && (cards[name] || (() => true))();
    const idle = () => document.querySelector("IDLE");
    const start = performance.now();
    [...document.querySelectorAll('[data-testid=stSidebarNav] a')].find((a) => a.textContent.includes(name)).click();
    const look = () => drawn() && idle() ? done(performance.now() - start) : requestAnimationFrame(look);
    look();
})""".replace("IDLE", IDLE)


@contextmanager
def server(path: Path, script: Path = ROOT / "streamlit_app.py") -> Iterator[tuple[str, psutil.Process]]:
    """A server of its own on the log at `path`, of the dashboard or another `script`: its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    environment = {**os.environ, "OBS_LOG": str(path), "OBS_OTLP": "false"}
    program = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health"):  # noqa: S310 - our own server
                break
        except OSError:
            time.sleep(0.1)
    try:
        yield address, psutil.Process(program.pid)
    finally:
        program.terminate()
        program.wait(30)


def memory_mb(program: psutil.Process) -> float:
    """What the server and what it started hold in memory."""
    return sum(process.memory_info().rss for process in (program, *program.children(recursive=True))) / 1e6


def processor_s(program: psutil.Process) -> float:
    """The processor time of the server and what it started."""
    times = [process.cpu_times() for process in (program, *program.children(recursive=True))]
    return sum(spent.user + spent.system for spent in times)


def opened(chromium: Browser, address: str, link: str) -> Page:
    """A new session that looks at `link`."""
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{address}/{link}")
    page.wait_for_selector(IDLE, timeout=60_000)
    page.wait_for_timeout(1_000)
    return page


def clicks_ms(page: Page, name: str, away: str) -> float:
    """The median time from a click on `name` in the navigation until its cards are drawn."""
    times = []
    for _ in range(RUNS + 1):
        page.evaluate(DRAWN, away)
        page.wait_for_timeout(1_500)
        times.append(float(page.evaluate(DRAWN, name)))
    return median(times[1:])


def main() -> None:
    """Print the figures."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("rows", nargs="?", type=int, default=100_000)
    asked.add_argument("--log", type=Path, help="a log that is there already; it gets some rows more")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = given.log or multiplied(Path(folder) / "long.db", given.rows, time.time_ns())
        empty = Path(folder) / "empty.db"
        log.open_log(empty).close()
        chromium = playwright.chromium.launch(executable_path=browser(), args=list(FLAGS))
        with server(empty) as (address, program):
            page = opened(chromium, address, "overview")
            floor_ms = clicks_ms(page, "Alerts", "Logs")
            empty_mb = memory_mb(program)
        with server(path) as (address, program):
            page = opened(chromium, address, "overview?from=now-24h&every=off")
            took_ms = clicks_ms(page, "Overview", "Logs")
            full_mb = memory_mb(program)
            page.context.close()
            pages = [opened(chromium, address, "overview?from=now-24h") for _ in range(SESSIONS)]
            start, used = time.monotonic(), processor_s(program)
            while time.monotonic() - start < WATCHED_S:
                longer(path)
                pages[0].wait_for_timeout(1_000)
            share = (processor_s(program) - used) / (time.monotonic() - start)
        chromium.close()
    print(f"click until all cards are drawn {took_ms:7.0f} ms   floor: a page with one message {floor_ms:5.0f} ms")
    print(f"memory                          {full_mb:7.0f} MB   floor: with an empty log {empty_mb:5.0f} MB")
    print(f"{SESSIONS} sessions, a row a second      {share:7.1%} of one processor")


if __name__ == "__main__":
    main()
