"""The Trace Explorer in Chromium: `python -m benchmarks.explorer_browser [--log PATH] [--only PART …] [ROWS]`.

`expand`: from the click on a closed call until its children are in the table; by the chevron, which only opens, and
by the row, which opens its trace, too. `trace`: from the click on a trace of 20,000 calls that nobody has opened yet
until its waterfall is drawn. `csv`: all rows of the log as CSV: the rate compared with sqlite3 with csv.writer, the
memory of the server, and the clicks of a session at the same time, compared with idle ones and those while any program
computes. The floor is a page with one message that a click changes.
"""

import argparse
import csv
import io
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.explorer import COLUMNS
from benchmarks.logs import multiplied
from benchmarks.overview_browser import opened, server
from obs_core.model import Row
from obs_core.store import log, sqlite
from tests.browser.conftest import FLAGS
from tests.browser.prepare import browser

CLICKS = 9
ROUNDS = 5
LARGE = 20_000
PARTS = ("expand", "trace", "csv")
FLOOR = """
import streamlit as st
st.button("Next")
st.session_state["said"] = st.session_state.get("said", 0) + 1
st.html(f"<p class='said'>{st.session_state['said']}</p>")
"""
TIMED = """() => new Promise((done, failed) => {
    const table = document.querySelector('iframe[title*=agGrid]')?.contentDocument;
    const press = (node) => ['mousedown', 'mouseup', 'click'].forEach((kind) =>
        node.dispatchEvent(new MouseEvent(kind, { bubbles: true, view: node.ownerDocument.defaultView })));
    const rows = () => table.querySelectorAll('.ag-center-cols-container .ag-row').length;
    const state = () => STATE;
    const before = state(), start = performance.now();
    const target = TARGET;
    press(target);
    const look = () => state() !== before ? done(performance.now() - start)
        : performance.now() - start > 30000 ? failed(new Error('nothing came')) : requestAnimationFrame(look);
    look();
})"""
CLOSED = "[...table.querySelectorAll('.chevron.has[aria-label=collapsed]')].at(2)"
OPEN = "table.querySelector('.chevron.has[aria-label=expanded]')"
DATA_CELL = ".closest('.ag-row').querySelector('[col-id=Data]')"
CHILDREN = "table.querySelectorAll('.ag-center-cols-container .ag-row.child').length"
DRAWN = """(() => {
    const inside = [...document.querySelectorAll('[data-testid^=stBidiComponent]')].map((one) => one.shadowRoot ?? one);
    return inside.some((one) => one.querySelector('.wf .layer .row') && one.querySelector('.wf .count').textContent);
})()"""


class Served(NamedTuple):
    """What a client saw of a file: seconds, bytes, and the server's memory in MB before, at most and after."""

    took_s: float
    size: int
    before_mb: float
    peak_mb: float
    after_mb: float


def clicked_ms(page: Page, target: str, state: str) -> float:
    """The time from a click on `target` until `state` (both JavaScript) is another one; then the page comes to rest."""
    took = float(page.evaluate(TIMED.replace("STATE", state).replace("TARGET", target)))
    page.wait_for_timeout(700)
    return took


def await_table(page: Page) -> None:
    """Wait until the table has rows that can be opened."""
    page.frame_locator("iframe[title*=agGrid]").locator(".chevron.has").first.wait_for(timeout=60_000)
    page.wait_for_timeout(1_000)


def expanded_ms(page: Page, clicks: int, cell: str = "") -> list[float]:
    """The times until a call's children are there; each is closed again."""
    times = []
    for _ in range(clicks):
        times.append(clicked_ms(page, CLOSED + cell, CHILDREN))
        clicked_ms(page, OPEN, CHILDREN)
    return times


def expand_ms(page: Page, cell: str = "") -> float:
    """The median time until a call's children are there."""
    await_table(page)
    return median(expanded_ms(page, CLICKS + 1, cell)[1:])


def floor_ms(chromium: Browser, folder: Path) -> float:
    """The median time until a message has changed, on a page that holds nothing else."""
    script = folder / "floor.py"
    script.write_text(FLOOR, encoding="utf-8")
    with server(folder / "none.db", script) as (address, _):
        page = opened(chromium, address, "")
        said = "document.querySelector('.said').textContent"
        button = "document.querySelector('[data-testid=stButton] button')"
        return median([clicked_ms(page, button, said) for _ in range(CLICKS + 1)][1:])


def large(path: Path) -> Path:
    """A log of traces of 20,000 calls each, one for each click."""
    now = time.time_ns()
    with closing(log.open_log(path, synchronous="OFF")) as connection:
        for trace in range(CLICKS + 1):
            rows = (
                Row(
                    "call",
                    "web",
                    "root" if at == 0 else f"f{at % 37}",
                    now - (trace + 2) * 60_000_000_000 + at * 1_000_000,
                    process_group=f"group{at % 5}",
                    status="ERROR" if at % 500 == 499 else "OK",
                    trace_id=f"large{trace}",
                    span_id=f"s{at}",
                    parent_span_id=f"s{at // 8}" if at else None,
                    duration_ns=(LARGE - at) * 1_000_000,
                )
                for at in range(LARGE)
            )
            with sqlite.transaction(connection):
                log.append(connection, list(rows))
    return path


def trace_ms(page: Page) -> float:
    """The median time until a trace's waterfall is there; each click opens another trace."""
    await_table(page)
    times = []
    for trace in range(CLICKS + 1):
        row = f"table.querySelector('.ag-row[row-index=\"{trace}\"] [col-id=Data]')"
        times.append(clicked_ms(page, row, DRAWN))
        clicked_ms(page, OPEN, CHILDREN)
        page.get_by_role("button", name="Close").click()
        page.locator(".wf").wait_for(state="detached")
        page.wait_for_timeout(700)
    return median(times[1:])


def downloaded(address: str, program: psutil.Process) -> Served:
    """What the server and its memory did while a client read all of the file."""
    before = peak = program.memory_info().rss
    start, size = time.perf_counter(), 0
    with urllib.request.urlopen(address, timeout=600) as answer:  # noqa: S310 - our own server
        while part := answer.read(1 << 18):
            size += len(part)
            peak = max(peak, program.memory_info().rss)
    took = time.perf_counter() - start
    return Served(took, size, before / 1e6, peak / 1e6, program.memory_info().rss / 1e6)


@contextmanager
def streaming(address: str) -> Iterator[None]:
    """A client that reads the file again and again meanwhile."""
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            with urllib.request.urlopen(address, timeout=600) as answer:  # noqa: S310 - our own server
                while answer.read(1 << 18) and not over.is_set():
                    pass

    client = threading.Thread(target=read)
    client.start()
    try:
        yield
    finally:
        over.set()
        client.join()


@contextmanager
def computing() -> Iterator[None]:
    """A program meanwhile that needs a core, at the priority of the one that writes the file, and nothing else."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"], preexec_fn=lambda: os.nice(10)) as program:  # noqa: PLW1509 - no other thread runs
        yield
        program.kill()


def plain_csv_s(path: Path) -> float:
    """What sqlite3 and csv.writer need for the same rows, in seconds."""
    start = time.perf_counter()
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as bare, io.StringIO() as buffer:
        writer = csv.writer(buffer)
        for row in bare.execute(f"SELECT {COLUMNS} FROM data_trace ORDER BY timestamp"):
            writer.writerow(row)
            if buffer.tell() > 1 << 16:
                buffer.seek(0)
                buffer.truncate()
    return time.perf_counter() - start


def of_csv(chromium: Browser, path: Path, rows: int) -> None:
    """Print the figures of the file."""
    with server(path) as (address, program):
        page = opened(chromium, address, "trace_explorer?from=now-24h&every=off")
        link = f"{address}/export/rows.csv?from=first"
        runs = [downloaded(link, program) for _ in range(3)]
        plain = median(plain_csv_s(path) for _ in range(3))
        await_table(page)
        expanded_ms(page, 2)
        idle, while_computing, busy = [], [], []
        for _ in range(ROUNDS):  # in turns: the machine is not equally quiet all the time
            idle += expanded_ms(page, CLICKS)
            with computing():
                while_computing += expanded_ms(page, CLICKS)
            with streaming(link):
                time.sleep(1)
                busy += expanded_ms(page, CLICKS)
    best = sorted(runs)[1]
    print(f"CSV, {rows:,} rows, {best.size / 1e6:.0f} MB  {rows / best.took_s:9,.0f} rows/s  {best.took_s:.1f} s"
          f"   floor: sqlite3 and csv.writer {plain:.1f} s   x {best.took_s / plain:.2f}")  # fmt: skip
    memory = ", ".join(f"{run.before_mb:.0f} / {run.peak_mb:.0f} / {run.after_mb:.0f}" for run in runs)
    print(f"memory before / at most / after     {memory} MB")
    print(f"expand while it streams             {described(busy)}   floor: idle {described(idle)}"
          f"   x {median(busy) / median(idle):.2f}")  # fmt: skip
    print(f"   while any program computes       {described(while_computing)}"
          f"   x {median(busy) / median(while_computing):.2f}")  # fmt: skip


def described(times: Sequence[float]) -> str:
    """The median and the slowest tenth, as they are printed."""
    return f"{median(times):5.0f} ms (p90 {quantiles(times, n=10)[-1]:.0f})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("rows", nargs="?", type=int, default=1_000_000)
    asked.add_argument("--log", type=Path, help="a log of that many rows that is there already")
    asked.add_argument("--only", action="append", choices=PARTS)
    given = asked.parse_args(arguments)
    parts = given.only or PARTS
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        chromium = playwright.chromium.launch(executable_path=browser(), args=list(FLAGS))
        floor = floor_ms(chromium, folder)

        def shown(what: str, path: Path, link: str, measure: Callable[[Page], float]) -> None:
            with server(path) as (address, _):
                took = measure(opened(chromium, address, link))
            print(f"{what:35} {took:7.0f} ms   floor: a page with one message {floor:5.0f} ms", flush=True)

        path = given.log or folder / "long.db"
        if not given.log and parts != ["trace"]:
            multiplied(path, given.rows, time.time_ns())
        if "expand" in parts:
            link = "trace_explorer?from=now-24h&every=off"
            shown("expand by the chevron", path, link, expand_ms)
            shown("expand by the row, with its trace", path, link, lambda page: expand_ms(page, DATA_CELL))
        if "trace" in parts:
            link = "trace_explorer?from=now-24h&every=off&t_q=root"
            shown(f"a trace of {LARGE:,} calls drawn", large(folder / "large.db"), link, trace_ms)
        if "csv" in parts:
            of_csv(chromium, path, given.rows)
        chromium.close()


if __name__ == "__main__":
    main()
