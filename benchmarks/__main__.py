"""What pages and questions cost as logs grow: `python -m benchmarks --rows 100k,1M[,10M] [--against sqlite,duckdb]`.

For each size it builds a log of 30 days (`long_logs`), seals it, and asks the eighteen questions about the last 24 h, 7
days and 30 days: as the archive answers them, and as the log alone does. Then it opens the Overview. Processor time, in
one run; ratios and growth exponents (1: cost in proportion to the rows, 0: the same at every size). `--write` puts the
table into docs/benchmarks.md. `--against` asks for the P95 of each function in 24 h, also from bare SQLite and DuckDB.
"""

import argparse
import logging
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import psutil
import streamlit as st
from streamlit.testing.v1 import AppTest

from benchmarks.eighteen import QUESTIONS, cost, cpu_ms
from benchmarks.long_logs import long_log
from benchmarks.overview import EVERYTHING, ROOT, measured
from obs_core import subprocesses
from obs_core.archive.manifest import Manifest, folder_of
from obs_core.clock import DAY, SECOND, Window
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import functions, overview
from obs_core.store import sqlite
from obs_core.ui.shell import answers

END_NS = 1_767_225_600 * SECOND
WINDOWS = {"24 h": 1, "7 d": 7, "30 d": 30}
UNITS = {"k": 1_000, "M": 1_000_000}
BEGIN, END = "<!-- archive figures: written by python -m benchmarks --write -->", "<!-- end of archive figures -->"
LIMIT_S = 120.0
Figures = dict[str, float]
"""What was measured at one size, by its name: ms of processor time unless the name has another unit."""


def questions(log: Path, *, archive: bool) -> Figures:
    """The eighteen questions together, about each window; and the largest worker."""
    way = "archive" if archive else "log alone"
    figures: Figures = {}
    with Engine(log, archive=archive, limit_s=LIMIT_S, row_cap=None) as engine:
        overview.processes(engine, Window(END_NS - 1, END_NS))
        for name, days in WINDOWS.items():
            window = Window(END_NS - days * DAY, END_NS)
            costs = {question: cost(ask, engine, window) for question, ask in QUESTIONS.items()}
            figures[f"eighteen questions, {name}, {way}"] = sum(one.cpu_ms for one in costs.values())
            slowest = max(costs, key=lambda question: costs[question].cpu_ms)
            sys.stderr.write(f"  {name}, {way}: slowest {slowest} {costs[slowest].cpu_ms:,.0f} ms\n")
            for question, one in costs.items():
                if one.way not in ("archive", "rollup", "scan", "sqlite_query", "lookup"):
                    sys.stderr.write(f"  {name}, {way}: {question}: {one.way}\n")
    return figures


def pages(log: Path) -> Figures:
    """The Overview about each window with no answer kept, and a refresh of it with nothing new."""
    os.environ["OBS_LOG"] = str(log)
    answers.prewarm()
    for _ in range(60):  # as on a server that has run for a moment
        if answers.ask(overview.summary, EVERYTHING).attrs["way"] in ("mirror", "rollup"):
            break
        time.sleep(1)
        answers.clear_cache()
    figures: Figures = {}
    for name, days in WINDOWS.items():
        app = AppTest.from_file(ROOT / "pages" / "_router.py", default_timeout=120)
        app.query_params["from"], app.query_params["to"] = f"last-{days}d", "last"
        app.switch_page("overview.py").run()
        if app.exception or app.warning:
            sys.exit(f"The page failed: {[element.value for element in (*app.exception, *app.warning)]}")
        figures[f"Overview, {name}"] = measured("page", app.run, answers.clear_cache).cpu_ms
        figures[f"Overview, {name}, refresh with nothing new"] = measured("tick", app.run).cpu_ms
    answers.close()
    st.cache_resource.clear()
    return figures


def sealing(log: Path) -> Figures:
    """Seal the log by the sealer's own process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        subprocesses.command("obs_core.archive.sealer", str(log), "--everything"),
        check=True, stdout=subprocess.DEVNULL, env=subprocesses.environment(),
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    with Manifest(folder_of(log)) as manifest:
        pieces = manifest.pieces()
    rows = sum(piece.rows for piece in pieces if piece.what == "rows")
    sys.stderr.write(f"  sealed in {time.perf_counter() - start:.0f} s\n")
    return {
        "sealing, rows per s of processor time": rows / used,
        "bytes of a row, archive": sum(piece.bytes for piece in pieces) / rows,
        "bytes of a row, log": log.stat().st_size / rows,
    }


def peers(log: Path, names: Iterable[str]) -> Figures:
    """The P95 of each function in 24 h: ours, and the same from bare SQLite, and DuckDB with its SQLite scanner."""
    window = Window(END_NS - DAY, END_NS)
    since = (
        f"timestamp >= {window.from_ns} AND timestamp < {window.to_ns} AND kind = 'call' AND duration_ns IS NOT NULL"
    )

    def in_sqlite() -> object:
        ranked = (
            "SELECT function, duration_ns, row_number() OVER (PARTITION BY function ORDER BY duration_ns) AS rank,"
            f" count(*) OVER (PARTITION BY function) AS n FROM data_trace WHERE {since}"
        )
        statement = f"SELECT function, max(n), max(duration_ns) FROM ({ranked}) WHERE rank <= 0.95 * n + 1 GROUP BY 1"
        with closing(sqlite.connect(log)) as connection:
            return connection.execute(statement).fetchall()

    def in_duckdb() -> object:
        code = (
            "import sys; from obs_core import scanner; c = scanner.connect(512, threads=2);"
            "c.execute(f\"ATTACH '{sys.argv[1]}' AS log (TYPE sqlite, READ_ONLY)\"); c.execute(sys.argv[2]).fetchall()"
        )
        columns = '"function", count(*), quantile_cont(duration_ns, 0.95)'
        statement = f"SELECT {columns} FROM log.data_trace WHERE {since} GROUP BY 1"
        return subprocess.run([sys.executable, "-c", code, str(log), statement], check=True)

    asked: dict[str, Callable[[], object]] = {"sqlite": in_sqlite, "duckdb": in_duckdb}
    label = {"sqlite": "bare SQLite", "duckdb": "DuckDB, with its start"}
    figures: Figures = {}
    with Engine(log, limit_s=LIMIT_S) as engine:
        overview.processes(engine, Window(END_NS - 1, END_NS))
        figures["P95 of each function, 24 h, ours, worker running"] = cost(functions.list_, engine, window).cpu_ms
    for name in names:
        if name not in asked:
            sys.stderr.write(f"  {name} is not compared; these are: {', '.join(asked)}\n")
            continue
        before, mine = resource.getrusage(resource.RUSAGE_CHILDREN), cpu_ms()
        asked[name]()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        children = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        figures[f"P95 of each function, 24 h, {label[name]}"] = cpu_ms() - mine + children * 1e3
    return figures


def table(measured_: dict[int, Figures]) -> str:
    """The figures as Markdown, with the growth exponent from the second largest to the largest log."""
    sizes = list(measured_)
    lines = [
        "| | " + " | ".join(f"{rows:,} rows" for rows in sizes) + " | growth exponent |",
        "|---|" + "---|" * (len(sizes) + 1),
    ]
    for name in measured_[sizes[-1]]:
        values = [measured_[rows].get(name, math.nan) for rows in sizes]
        growth = ""
        if len(sizes) > 1 and "bytes" not in name and "rows per s" not in name and min(values[-2:]) > 0:
            growth = f"{math.log(values[-1] / values[-2]) / math.log(sizes[-1] / sizes[-2]):.2f}"
        lines.append(f"| {name} | " + " | ".join(f"{value:,.0f}" for value in values) + f" | {growth} |")
    for name in WINDOWS:
        label = f"eighteen questions, {name}, "
        ratios = [one[f"{label}log alone"] / one[f"{label}archive"] for one in measured_.values()]
        lines.append(f"| {label}ratio | " + " | ".join(f"{ratio:.1f}" for ratio in ratios) + " | |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and print the table."""
    asked = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.partition("\n")[0] if __doc__ else ""
    )
    asked.add_argument("--rows", default="100k,1M", help="sizes, separated by commas (default: 100k,1M)")
    asked.add_argument("--against", default="", help="sqlite, duckdb, or both, separated by a comma")
    asked.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    given = asked.parse_args()
    logging.disable(logging.WARNING)  # Streamlit complains of runs without a browser
    figures: dict[int, Figures] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in given.rows.split(","):
            rows = int(float(size.rstrip("kM")) * UNITS.get(size[-1], 1))
            log = Path(folder) / f"{rows}.db"
            sys.stderr.write(f"{rows:,} rows\n")
            long_log(log, rows, END_NS)
            figures[rows] = sealing(log) | questions(log, archive=True) | questions(log, archive=False) | pages(log)
            figures[rows] |= peers(log, filter(None, given.against.split(",")))
    written = table(figures)
    sys.stdout.write(f"{written}\n")
    if given.write:
        document = ROOT / "docs" / "benchmarks.md"
        head, _, rest = document.read_text("utf-8").partition(BEGIN)
        load = f"Processor time in ms; load of the machine at the end: {psutil.getloadavg()[0]:.1f}."
        document.write_text(f"{head}{BEGIN}\n{load}\n\n{written}\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
