"""Twins in ClickHouse next to the same questions to a log: `python -m benchmarks.clickhouse [TRACES …]` (default 2000).

The same spans are in a database of this process (chdb) and in a log. Each question is asked of both by
turns; printed are the medians of `RUNS` answers in ms, and their ratio. What a network adds is not in it.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

from pandas import DataFrame

from obs_core.clock import SECOND, Window
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.opening import engine_on
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import functions, overview, timeline, trace_list, traces
from tests.support import clickhouse, otlp_documents
from tests.support.table import START_NS

RUNS: Final = 5
SECONDS: Final = 6 * 3_600
WINDOW: Final = Window(START_NS, START_NS + SECONDS * SECOND)
QUESTIONS: Final[dict[str, Callable[[Engine], DataFrame]]] = {
    "overview.summary": lambda engine: overview.summary(engine, WINDOW),
    "overview.groups": lambda engine: overview.groups(engine, WINDOW),
    "functions.history": lambda engine: functions.history(engine, WINDOW),
    "functions.changes": lambda engine: functions.changes(engine, WINDOW),
    "functions.performance": lambda engine: functions.performance(engine, WINDOW),
    "timeline.rows": lambda engine: timeline.rows(engine, WINDOW),
    "functions.trends (streamed)": lambda engine: functions.trends(engine, WINDOW, names=("load", "")),
    "traces.page": lambda engine: traces.page(engine, WINDOW),
    "traces.page, rare text": lambda engine: traces.page(engine, WINDOW, row_filter=RowFilter(search="nowhere")),
    "trace_list.page": lambda engine: trace_list.page(engine, WINDOW),
}


def measure(count: int) -> None:
    """Print the figures of a store and a log with `count` traces."""
    document = otlp_documents.document(count, seconds=SECONDS)
    name = clickhouse.database()
    clickhouse.store(name, document)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "trace.db"
        clickhouse.log(log, document)
        with engine_on(log, f"chdb://memory/{name}", limit_s=60) as store, Engine(log, limit_s=60) as local:
            rows = int(traces.total(local, WINDOW, most=10**9)["rows"].iloc[0])
            print(f"{rows:,} rows: question, ClickHouse ms, log ms, ratio")
            for label, question in QUESTIONS.items():
                times: tuple[list[float], list[float]] = ([], [])
                for run in range(RUNS + 1):
                    for engine, taken in zip((store, local), times, strict=True):
                        start = time.perf_counter()
                        question(engine)
                        if run:
                            taken.append((time.perf_counter() - start) * 1e3)
                ours, theirs = (median(taken) for taken in times)
                print(f"{label}: {ours:,.0f} {theirs:,.0f} {ours / theirs:.1f}", flush=True)
    clickhouse.drop(name)


if __name__ == "__main__":
    for argument in sys.argv[1:] or ["2000"]:
        measure(int(argument))
