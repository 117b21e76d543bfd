"""What the Code Inspector costs: `python -m benchmarks.inspector [--log PATH] [ROWS …]` (by default 100000).

A page is one run of the router through Streamlit's AppTest with no answer kept (script and worker), for the most called
function over 24 h; its floors are the run of a page that holds a heading alone, and a bare numpy computation of the
function's percentiles over columns that are in memory already. A key press is the run of the page after one more
character in the finder, over `FUNCTIONS` functions. Medians in ms, and the ratio to the first line.
"""

import argparse
import logging
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import streamlit as st
from streamlit.testing.v1 import AppTest

from benchmarks.logs import multiplied
from benchmarks.overview import HEADING, ROOT, Figure, measured, printed
from obs_core.clock import DAY, HOUR, SECOND, Window
from obs_core.model import Code, Row
from obs_core.query.questions import functions
from obs_core.source_code import highlight
from obs_core.source_code.locate import digest
from obs_core.store import log as store
from obs_core.store import sqlite
from obs_core.ui.shell import answers

FUNCTIONS = 50_000
LINES = 5_000
PAGE = {"from": "last-24h", "to": "last", "every": "off"}


def opened(log: Path, **link: str) -> AppTest:
    """The page as somebody sees it who opens a link, on a server that has had a moment to read the log."""
    os.environ["OBS_LOG"] = str(log)
    app = AppTest.from_file(ROOT / "pages" / "_router.py", default_timeout=120)
    for name, value in (PAGE | link).items():
        app.query_params[name] = value
    app.switch_page("code_inspector.py").run()
    if app.exception or app.warning:
        raise SystemExit(f"The page failed: {[each.value for each in (*app.exception, *app.warning)]}")
    time.sleep(mirroring_s(log))
    return app


def mirroring_s(log: Path) -> float:
    """Long enough for the worker to have read the log, in moments when nobody asks."""
    return 2 + log.stat().st_size / 15e6


def closed() -> None:
    """The server is gone: the next page starts afresh."""
    answers.close()
    st.cache_resource.clear()
    st.cache_data.clear()


def floors(log: Path, function: str) -> list[Figure]:
    """A page with a heading, and numpy alone."""
    bare = AppTest.from_string(HEADING)
    bare.run()
    connection = sqlite.connect(log)
    rows = connection.execute("SELECT data, duration_ns FROM data_trace WHERE kind = 'call'").fetchall()
    connection.close()
    names, took = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], dtype="float64")
    return [
        measured("floor: a heading alone", bare.run),
        measured("floor: numpy, percentiles", lambda: np.quantile(took[names == function], (0.5, 0.95, 0.99))),
    ]


def function_page(log: Path) -> list[Figure]:
    """The page of the most called function of `log`, with and without answers kept."""
    os.environ["OBS_LOG"] = str(log)
    engine = answers.engine()
    extent = engine.extent()
    assert extent is not None
    listed = functions.list_(engine, Window(extent.to_ns - DAY, extent.to_ns))
    function = str(listed.sort_values("calls")["function"].iloc[-1])
    app = opened(log, f_fn=function)
    figures = [
        *floors(log, function),
        measured("page, no answer kept", app.run, answers.clear_cache),
        measured("page, all answers kept", app.run),
    ]
    closed()
    return figures


def afresh() -> None:
    """Nothing is kept: no answer, no painted source."""
    answers.clear_cache()
    highlight.highlighted_lines.cache_clear()


def finder(folder: Path) -> list[Figure]:
    """Key presses in the finder over `FUNCTIONS` functions of two calls each."""
    log = folder / "functions.db"
    connection = store.open_log(log, synchronous="OFF")
    now = time.time_ns() - HOUR
    with sqlite.transaction(connection):
        for start in range(0, FUNCTIONS, 10_000):
            store.append(
                connection, [_call(number % FUNCTIONS, now + number) for number in range(start, start + 10_000)]
            )
            store.append(
                connection, [_call(number % FUNCTIONS, now - number) for number in range(start, start + 10_000)]
            )
    connection.close()
    app = opened(log)
    typed = iter([f"{part}_{number}" for number in range(10, 100) for part in ("handler", "Part", "e")])

    def press() -> None:
        app.text_input(key="f_q").set_value(next(typed)).run()

    figures = [
        measured("the list, all answers kept", app.run),
        measured("a key press", press),
        measured("the list, no answer kept", app.run, answers.clear_cache),
    ]
    closed()
    return figures


def long_file(folder: Path) -> list[Figure]:
    """The page of a function of `LINES` lines."""
    log = folder / "long.db"
    source = "def long(x):\n" + "".join(f"    x = x + {number}  # step {number}\n" for number in range(LINES - 1))
    connection = store.open_log(log)
    start = time.time_ns() - HOUR
    with sqlite.transaction(connection):
        code = store.code_id(connection, Code("app.long", "/app.py", 1, source, digest(source), None, start))
        call = Row("call", "app", "long", start, "app", function="app.long", duration_ns=1_000_000, code_id=code)
        store.append(connection, [call._replace(timestamp=start + at * SECOND) for at in range(100)])
    connection.close()
    app = opened(log, f_fn="app.short")
    app.query_params["f_fn"] = "app.long"
    figures = [
        measured("opened, answers kept", app.run),
        measured("opened again", app.run, afresh),
    ]
    closed()
    return figures


def _call(number: int, at: int) -> Row:
    name = f"shop.module_{number % 500}.Part_{number % 5_000}.handler_{number}"
    return Row(
        "call", "web", name.rpartition(".")[2], at, "shop", function=name, duration_ns=1_000 + number * 7919 % 10**7
    )


def main() -> None:
    """Print the figures."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("rows", nargs="*", type=int, default=[100_000])
    asked.add_argument("--log", type=Path, help="a log that is there already")
    given = asked.parse_args()
    logging.disable(logging.WARNING)  # Streamlit complains of runs without a browser
    with tempfile.TemporaryDirectory() as folder:
        for rows in given.rows:
            log = given.log or multiplied(Path(folder) / f"{rows}.db", rows, time.time_ns())
            printed(f"{rows:,} rows over 24 h", function_page(log))
        printed(f"The finder, {FUNCTIONS:,} functions", finder(Path(folder)))
        printed(f"A function of {LINES:,} lines", long_file(Path(folder)))


if __name__ == "__main__":
    main()
