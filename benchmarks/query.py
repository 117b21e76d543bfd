"""The time of a question compared with its floor: `python -m benchmarks.query [ROWS …]` (by default 100000).

Each figure is the median of `RUNS` runs in ms, with the floor of the same run: the same bytes through a bare pipe, the
same page through a bare sqlite3 cursor, the same percentiles by numpy over columns already in memory.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.logs import SPAN_NS, multiplied
from obs_core.clock import HOUR, SECOND, Window
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import functions, overview, traces
from obs_core.store import sqlite

RUNS = 11
END_NS = 1_767_225_600 * SECOND
DAY = Window(END_NS - SPAN_NS, END_NS + HOUR)
LAST_HOUR = Window(END_NS - HOUR, END_NS)
PAGE = "SELECT * FROM data_trace ORDER BY timestamp DESC LIMIT 100"


def median_ms(run: Callable[[], object]) -> float:
    """The median time of `run`, after once to warm up."""
    run()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return median(times)


def echo_ms() -> float:
    """A message of one page's size through two bare pipes."""
    echo = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    assert echo.stdin
    assert echo.stdout
    source, sink = echo.stdout, echo.stdin

    def there_and_back() -> None:
        sink.write(b"x" * 2_000)
        left = 2_000
        while left:
            left -= len(source.read(left))

    answer = median_ms(there_and_back)
    sink.close()
    source.close()
    echo.wait()
    return answer


def figures(path: Path) -> list[tuple[str, float, float]]:
    """Each measurement with our time and the floor, in ms."""
    bare = sqlite.connect(path)
    took = bare.execute("SELECT process_group, data, duration_ns FROM data_trace").fetchall()
    durations = np.array([row[2] for row in took], dtype="float64")
    _, function = np.unique([f"{row[0]}\0{row[1]}" for row in took], return_inverse=True)
    order = np.argsort(function, kind="stable")
    parts = np.split(durations[order], np.flatnonzero(np.diff(function[order])) + 1)
    percentiles = median_ms(lambda: [np.percentile(part, (50, 95, 99)) for part in parts])
    with closing(bare), Engine(path, limit_s=60) as engine:
        engine.warm()
        nothing = Window(0, 1)
        return [
            (
                "round trip to a worker (an empty window)",
                median_ms(lambda: overview.groups(engine, nothing)),
                echo_ms(),
            ),
            ("version", median_ms(engine.version), median_ms(path.stat)),
            (
                "newest page of 100",
                median_ms(lambda: traces.page(engine, DAY)),
                median_ms(lambda: bare.execute(PAGE).fetchall()),
            ),
            ("summary, last hour", median_ms(lambda: overview.summary(engine, LAST_HOUR)), 0.0),
            ("summary, all", median_ms(lambda: overview.summary(engine, DAY)), 0.0),
            ("functions, all", median_ms(lambda: functions.performance(engine, DAY)), percentiles),
        ]


def main(sizes: list[int]) -> None:
    """Print the figures for logs of `sizes` rows."""
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = multiplied(Path(folder) / "trace.db", rows, END_NS)
            print(f"{rows:,} rows")
            for asked, ours, floor in figures(path):
                print(
                    f"  {asked:45} {ours:9.2f} ms   floor {floor:9.3f} ms" if floor else f"  {asked:45} {ours:9.2f} ms"
                )


if __name__ == "__main__":
    main([int(rows) for rows in sys.argv[1:]] or [100_000])
