"""The Trace Explorer against its floors: `python -m benchmarks.explorer [ROWS …] [--log FILE] [--datasette]`.

The logs are those of `benchmarks.logs` (100,000 and 1,000,000 rows by default; give 10000000 for the largest), with the
attributes of the OpenTelemetry demo's recorded spans. Each figure is the median of some runs in ms; next to it is the
floor of the same run: what bare sqlite3 needs for the same rows. `cpu` counts this process's own time, which a busy
machine changes less. With Datasette installed (or in the folder that PEERS names), page, facets and CSV are requested
from it too.
"""

import argparse
import csv
import io
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import chain
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.logs import multiplied
from obs_core.clock import DAY, SECOND, Window
from obs_core.errors import QuestionTimedOut
from obs_core.export import csv as export_csv
from obs_core.ingest.files import import_file
from obs_core.query import export
from obs_core.query.engine.engine import Engine
from obs_core.query.filters.row_filter import RowFilter, gathered
from obs_core.query.questions import facets, overview, traces
from obs_core.store import log
from obs_core.ui.explorer import waterfall
from tests.support.data import trace_file

END_NS = 1_767_225_600 * SECOND
RUNS = 7
COPIED_S = 60
COLUMNS = (
    "process, data, data_type, data_value, timestamp, status, exception, kind, trace_id, span_id, parent_span_id,"
    " process_group, function, duration_ns, memory_delta, exception_stack, attributes"
)
PAGE = f"SELECT id, {COLUMNS} FROM data_trace WHERE timestamp >= ? AND timestamp < ? "
NEWEST = "ORDER BY timestamp DESC LIMIT 100"
RARE = "getOrderById"
WHERE = "http.status_code >= 500 and http.method in GET, POST"


class Figure(NamedTuple):
    """What was asked, our median time and the floor's, in ms; the floor is None where there is none."""

    asked: str
    ours: float
    floor: float | None


def ms(run: Callable[[], object], runs: int = RUNS) -> float:
    """The median time of `run`, after once to warm up."""
    run()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return median(times)


def cpu_ms(run: Callable[[], object], runs: int = 2) -> float:
    """The least of this process's own time that `run` took."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        run()
        times.append((time.process_time() - start) * 1e3)
    return min(times)


def attributed(path: Path, rows: int) -> Path:
    """A log of `rows` calls with recorded attributes, in turn."""
    with tempfile.TemporaryDirectory() as folder, closing(log.open_log(Path(folder) / "demo.db")) as demo:
        import_file(demo, trace_file("otel-demo", "traces_only.jsonl"), now=0)
        recorded = [text for (text,) in demo.execute("SELECT attributes FROM data_trace WHERE attributes IS NOT NULL")]
    multiplied(path, rows, END_NS)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TEMP TABLE recorded (place INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO recorded VALUES (?, ?)", enumerate(recorded))
        asked = "UPDATE data_trace SET attributes = (SELECT text FROM recorded WHERE place = id % ?)"
        connection.execute(asked, (len(recorded),))
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def figures(path: Path) -> Iterator[Figure]:
    """The figures of one log."""
    bare = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    with closing(bare), Engine(path, mirror=True) as engine:
        extent = engine.extent()
        assert extent
        day = Window(extent.to_ns - DAY, extent.to_ns)
        print(f"  {'the copy that text is looked up in':44} {_copied(engine, day)}")
        ends = (day.from_ns, day.to_ns)
        group, process = bare.execute("SELECT process_group, process FROM data_trace LIMIT 1").fetchone()
        (trace_id,) = bare.execute("SELECT trace_id FROM data_trace LIMIT 1 OFFSET 5000").fetchone()

        def floor(where: str, *values: object) -> float:
            return ms(lambda: bare.execute(f"{PAGE} {where} {NEWEST}", (*ends, *values)).fetchall())

        yield Figure("newest page", ms(lambda: traces.page(engine, day)), floor(""))
        yield Figure(
            "time, group, process, status, text",
            ms(
                lambda: (
                    traces.page(
                        engine, day, group=group, row_filter=RowFilter(process=process, status="UNSET", search="t")
                    )
                    if group
                    else None
                )
            ),
            floor(
                "AND process_group = ? AND process = ? AND status = 'UNSET' AND data LIKE '%t%'",
                group,
                process,
            ),
        )
        for asked in ({"group": group}, {"status": "ERROR"}, {"group": group, "status": "ERROR"}):
            where = "".join(f" AND {'process_group' if name == 'group' else name} = ?" for name in asked)
            yield Figure(
                f"newest page, {' and '.join(asked)}",
                ms(lambda asked=asked: traces.page(engine, day, **gathered(asked))),  # type: ignore[misc]
                floor(where, *asked.values()),
            )
        yield Figure(
            "conditions on attributes",
            ms(lambda: traces.page(engine, day, row_filter=RowFilter(where=WHERE))),
            floor("AND json_extract(attributes, '$.attributes.\"http.status_code\"') >= 500"),
        )
        yield Figure(
            "conditions on attributes that none has",
            ms(lambda: traces.page(engine, day, row_filter=RowFilter(where="no.such = 1")), 3),
            floor("AND json_extract(attributes, '$.attributes.\"no.such\"') = 1"),
        )
        yield Figure(
            "text that is nowhere, 24 h",
            ms(lambda: traces.page(engine, day, row_filter=RowFilter(search="zzqqy")), 3),
            floor("AND (process || data || coalesce(data_value, '') || coalesce(exception, '')) LIKE '%zzqqy%'"),
        )
        yield Figure(
            "text that is in few rows",
            ms(lambda: traces.page(engine, day, row_filter=RowFilter(search=RARE)), 3),
            floor(f"AND (process || data || coalesce(data_value, '') || coalesce(exception, '')) LIKE '%{RARE}%'"),
        )
        yield Figure("total of that", ms(lambda: traces.total(engine, day, row_filter=RowFilter(search=RARE)), 3), None)
        yield Figure("total", ms(lambda: traces.total(engine, day), 3), None)
        yield Figure("facets", ms(lambda: facets.facets(engine, day), 3), None)
        yield from _deep(engine, day)
        yield Figure(
            "one trace as a tree",
            ms(lambda: traces.tree(engine, day, trace_id=trace_id)),
            ms(lambda: bare.execute("SELECT * FROM data_trace WHERE trace_id = ?", (trace_id,)).fetchall()),
        )
        yield Figure(
            "CSV of all rows (cpu)",
            cpu_ms(lambda: [None for _ in export_csv.lines(chain.from_iterable(export.pieces(engine, day)))]),
            cpu_ms(lambda: _plain_csv(bare, ends)),
        )


def _copied(engine: Engine, day: Window) -> str:
    """Wait until the worker has its copy of the log, as the dashboard's has when nobody asks; how long that took."""
    start = time.perf_counter()
    while time.perf_counter() - start < COPIED_S:
        with suppress(QuestionTimedOut):  # a file that is not in memory yet
            if overview.processes(engine, day).attrs["way"] == "mirror":
                return f"{time.perf_counter() - start:10.1f} s"
        time.sleep(0.5)
    return "is not made: the log is too long for it"


def large() -> Iterator[Figure]:
    """A trace of 20,000 calls, up to the data that the drawing gets."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.db"
        with closing(log.open_log(path)) as connection, connection:
            connection.executemany(
                "INSERT INTO data_trace (kind, process, data, timestamp, status, trace_id, span_id, parent_span_id,"
                " duration_ns) VALUES ('call', 'web', 'f', ?, 'OK', 't', ?, ?, 1000)",
                ((END_NS + at, f"s{at}", f"s{at // 8}" if at else None) for at in range(20_000)),
            )
        with Engine(path) as engine:
            day = Window(0, END_NS + DAY)
            yield Figure("20,000 calls as a tree", ms(lambda: traces.tree(engine, day, trace_id="t"), 3), None)
            tree = traces.tree(engine, day, trace_id="t")
            drawn = ms(lambda: waterfall.snapshot(tree, {}), 3)
            yield Figure("20,000 calls as the waterfall's data", drawn, None)


def _deep(engine: Engine, day: Window) -> Iterator[Figure]:
    """Page 1,000 by keyset compared with page 1."""
    after = None
    for _ in range(10):  # 10 pages of 10,000 rows are 1,000 of 100
        page = traces.page(engine, day, size=10_000, after=after)
        after = page.attrs["next"] or after
    first, deep = ms(lambda: traces.page(engine, day)), ms(lambda: traces.page(engine, day, after=after))
    yield Figure("page 1,000 compared with page 1", deep, first)


def _plain_csv(bare: sqlite3.Connection, ends: tuple[int, int]) -> None:
    """All rows through csv.writer, the plain way."""
    out = io.StringIO()
    write = csv.writer(out).writerows
    cursor = bare.execute(f"SELECT {COLUMNS} FROM data_trace WHERE timestamp >= ? AND timestamp < ?", ends)
    while rows := cursor.fetchmany(10_000):
        write(rows)
        out.seek(0)
        out.truncate()


@contextmanager
def datasette(path: Path) -> Iterator[str]:
    """The address of a Datasette that serves the log."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    peers = os.environ.get("PEERS", "")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((peers, os.environ.get("PYTHONPATH", "")))}
    command = [
        sys.executable,
        "-m",
        "datasette",
        str(path),
        "--port",
        str(port),
        "--setting",
        "sql_time_limit_ms",
        "20000",
    ]
    settings = ["--setting", "facet_time_limit_ms", "20000", "--setting", "max_csv_mb", "0"]
    served = subprocess.Popen(
        [*command, *settings], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}/{path.stem}/data_trace"
    try:
        for _ in range(300):
            try:
                fetched(f"{address}.json?_size=1")
                break
            except OSError:
                if served.poll() is not None:
                    raise SystemExit(
                        "Datasette is not installed: pip install datasette, or name its folder in PEERS."
                    ) from None
                time.sleep(0.1)
        yield address
    finally:
        served.terminate()
        served.wait(20)


def fetched(address: str) -> int:
    """How many bytes the address gives."""
    size = 0
    with urllib.request.urlopen(address, timeout=300) as answer:  # noqa: S310 - the address of the server started here
        while part := answer.read(1 << 20):
            size += len(part)
    return size


def compare_with_datasette(path: Path) -> None:
    """The page, the facets and the CSV by both."""
    with Engine(path) as engine, datasette(path) as address:
        extent = engine.extent()
        assert extent
        lean = "_sort_desc=timestamp&_size=100&_nocount=1&_nofacet=1&_nosuggest=1"
        named = "&".join(f"_facet={name}" for name in ("process_group", "process", "function", "status", "data_type"))
        asked: tuple[tuple[str, Callable[[], object], str], ...] = (
            ("newest page as JSON", lambda: traces.page(engine, extent), f"{address}.json?{lean}"),
            ("five facets", lambda: facets.facets(engine, extent), f"{address}.json?_size=1&_nocount=1&{named}"),
            (
                "CSV of all rows",
                lambda: [None for _ in export_csv.lines(chain.from_iterable(export.pieces(engine, extent)))],
                f"{address}.csv?_stream=on",
            ),
        )
        for name, ours, theirs in asked:
            runs = 1 if "CSV" in name else 5
            shown(
                Figure(f"{name} and Datasette", ms(ours, runs), ms(lambda theirs=theirs: fetched(theirs), runs))  # type: ignore[misc]
            )


def shown(figure: Figure) -> None:
    """Print one line."""
    floor_text = (
        "" if figure.floor is None else f"   floor {figure.floor:10.2f} ms   x {figure.ours / figure.floor:7.2f}"
    )
    print(f"  {figure.asked:44} {figure.ours:10.2f} ms{floor_text}", flush=True)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--log", type=Path, action="append", default=[], help="an existing log, instead of made ones")
    parser.add_argument("--datasette", action="store_true", help="ask Datasette too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = (attributed(Path(folder) / f"b{rows}.db", rows) for rows in options.rows)
        for path in options.log or made:
            print(path.name)
            for figure in figures(path):
                shown(figure)
            if options.datasette:
                compare_with_datasette(path)
    print("one large trace")
    for figure in large():
        shown(figure)


if __name__ == "__main__":
    main()
