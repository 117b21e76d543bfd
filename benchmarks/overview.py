"""What the Overview costs: `python -m benchmarks.overview [--log PATH] [ROWS …]` (by default 100000).

Server side, one page is one run of the router through Streamlit's AppTest with no answer kept (script and worker); a
tick is the same run again, with all answers kept (unchanged) or with a row more in the log (changed). Its floor is the
run of a page that holds a heading alone, in the same process. Medians of `RUNS` runs in ms, the ratio to the floor, and
the processor time of this process and its worker, which a busy machine lengthens less.
"""

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil
import streamlit as st
from streamlit.testing.v1 import AppTest

from benchmarks.logs import multiplied
from obs_core.clock import Window
from obs_core.query.questions import overview
from obs_core.store import sqlite
from obs_core.ui.kit import stat_card
from obs_core.ui.shell import answers
from obs_core.ui.shell.scope import PageScope

RUNS = 9
EVERYTHING = PageScope(Window(0, 2**62), None, live=False, from_text="first", to_text="last")
ROOT = Path(__file__).parents[1]
HEADING = "import streamlit as st\nst.title('Nothing')\n"


class Figure(NamedTuple):
    """What one thing costs: elapsed and processor time in ms."""

    name: str
    ms: float
    cpu_ms: float


def cpu_ms() -> float:
    """The processor time so far of this process and those that it started."""
    own = psutil.Process()
    times = [process.cpu_times() for process in (own, *own.children())]
    return sum(spent.user + spent.system for spent in times) * 1e3


def measured(name: str, run: Callable[[], object], before: Callable[[], object] = lambda: None) -> Figure:
    """Return the median cost of `run`; `before` runs ahead of each and does not count."""
    elapsed, used = [], []
    for _ in range(RUNS + 1):
        before()
        cpu, start = cpu_ms(), time.perf_counter()
        run()
        elapsed.append((time.perf_counter() - start) * 1e3)
        used.append(cpu_ms() - cpu)
    return Figure(name, median(elapsed[1:]), sum(used[1:]) / RUNS)


def opened(window: str) -> AppTest:
    """The page on `window` (the `from` of its link), as somebody sees it who opens the link."""
    app = AppTest.from_file(ROOT / "pages" / "_router.py", default_timeout=60)
    app.query_params["from"] = window
    return app.switch_page("overview.py").run()


def longer(log: Path) -> None:
    """Add a row to the log, a copy of its newest one under another id."""
    with closing(sqlite.connect(log, write=True)) as connection, sqlite.transaction(connection):
        columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(data_trace)") if name != "id"]
        values = ", ".join("hex(randomblob(8))" if name == "span_id" else name for name in columns)
        connection.execute(
            f"INSERT INTO data_trace ({', '.join(columns)}) SELECT {values} FROM data_trace ORDER BY id DESC LIMIT 1"
        )


def server_side(log: Path, window: str) -> list[Figure]:
    """The page and its ticks on `log`."""
    os.environ["OBS_LOG"] = str(log)
    bare = AppTest.from_string(HEADING)
    bare.run()
    figures = [measured("floor: a heading alone", bare.run)]
    answers.prewarm()
    while (
        answers.ask(overview.summary, EVERYTHING).attrs["way"] != "mirror"
    ):  # as on a server that has run for a moment
        time.sleep(1)
        answers.clear_cache()
    app = opened(window)
    if app.exception or app.warning:
        sys.exit(f"The page failed: {[element.value for element in (*app.exception, *app.warning)]}")
    figures += [
        first_cards(app),
        measured("page, no answer kept", app.run, answers.clear_cache),
        measured("tick, unchanged", app.run),
        measured("tick, a row more", app.run, lambda: longer(log)),
    ]
    answers.close()
    st.cache_resource.clear()
    return figures


def first_cards(app: AppTest) -> Figure:
    """From the start of a run with no answer kept until the row of figures is drawn."""
    drawn: list[float] = []
    row = stat_card.row

    def noted(cards: Sequence[str], *, low: bool = False) -> None:
        row(cards, low=low)
        drawn.append(time.perf_counter())

    times = []
    stat_card.row = noted
    try:
        for _ in range(RUNS):
            answers.clear_cache()
            drawn.clear()
            start = time.perf_counter()
            app.run()
            times += [(end - start) * 1e3 for end in drawn[:1]]
    finally:
        stat_card.row = row
    return Figure("figures, no answer kept", median(times or [0.0]), 0.0)


def printed(title: str, figures: list[Figure]) -> None:
    """Print figures with their ratio to the first one, which is the floor."""
    print(title)
    for name, ms, cpu in figures:
        print(f"  {name:28} {ms:9.1f} ms   x {ms / figures[0].ms:6.1f}   processor {cpu:8.1f} ms")


def main() -> None:
    """Print the figures."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("rows", nargs="*", type=int, default=[100_000])
    asked.add_argument("--log", type=Path, help="a log that is there already; it gets some rows more")
    given = asked.parse_args()
    logging.disable(logging.WARNING)  # Streamlit complains of runs without a browser
    with tempfile.TemporaryDirectory() as folder:
        for rows in given.rows:
            log = given.log or multiplied(Path(folder) / f"{rows}.db", rows, time.time_ns())
            for window in ("now-24h", "now-2h"):
                printed(f"{rows:,} rows, window {window}", server_side(log, window))


if __name__ == "__main__":
    main()
