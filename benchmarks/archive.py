"""What questions cost with and without an archive: `python -m benchmarks.archive LOG [HOURS …]` (by default 1 24 168).

LOG has an archive (`python -m obs_core archive seal --log LOG`). Each question is asked about the last hours of the log
by two engines in turn, each with its own worker: one reads the archive, one only the log. Medians of `RUNS` runs in ms
of elapsed time and, in brackets, of processor time of this process and its workers.
"""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median

import psutil
from pandas import DataFrame

from obs_core.clock import HOUR, Window
from obs_core.errors import ObsError
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import functions, inspector, overview, values

RUNS = 3
LIMIT_S = 120.0
QUESTIONS: dict[str, Callable[..., DataFrame]] = {
    "overview.summary": overview.summary,
    "overview.throughput": overview.throughput,
    "overview.groups": overview.groups,
    "overview.processes": overview.processes,
    "functions.performance": functions.performance,
    "functions.history": functions.history,
    "functions.changes": functions.changes,
    "functions.names": functions.names,
    "values.series": values.series,
    "values.streaks": values.streaks,
    "inspector.callers": lambda engine, window: inspector.callers(
        engine, window, function="module5.function_5"
    ),
}  # fmt: skip


def cpu_ms() -> float:
    """The processor time so far of this process and those that it started."""
    own = psutil.Process()
    times = [process.cpu_times() for process in (own, *own.children())]
    return sum(used.user + used.system for used in times) * 1e3


def cost(ask: Callable[..., DataFrame], engine: Engine, window: Window) -> tuple[float, float, str]:
    """Elapsed and processor time of a question, and its access path or error."""
    elapsed, used, way = [], [], ""
    for _ in range(RUNS):
        start, before = time.perf_counter(), cpu_ms()
        try:
            way = str(ask(engine, window).attrs["way"])
        except ObsError as error:
            return 0.0, 0.0, error.message
        elapsed.append((time.perf_counter() - start) * 1e3)
        used.append(cpu_ms() - before)
        if elapsed[-1] > 3_000:
            break
    return median(elapsed), median(used), way


def main(log: Path, hours: list[float]) -> None:
    """Print a line for each question and window."""
    given = {"limit_s": LIMIT_S, "row_cap": None, "mirror": True}
    with Engine(log, archive=True, **given) as archived, Engine(log, archive=False, **given) as plain:  # type: ignore[arg-type]
        extent = archived.extent()
        assert extent
        for engine in (archived, plain):
            with suppress(ObsError):
                overview.processes(engine, Window(extent.to_ns - 1, extent.to_ns))
        for length in hours:
            window = Window(extent.to_ns - round(length * HOUR), extent.to_ns)
            totals = [0.0, 0.0]
            for name, ask in QUESTIONS.items():
                figures = [cost(ask, engine, window) for engine in (archived, plain)]
                totals = [total + figure[1] for total, figure in zip(totals, figures, strict=True)]
                cells = [f"{ms:8,.0f} ({used:8,.0f}) {way:14}" for ms, used, way in figures]
                print(f"{length:g} h  {name:24}", *cells, flush=True)
            print(f"{length:g} h  processor time, ms       {totals[0]:,.0f}    {totals[1]:,.0f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [float(text) for text in sys.argv[2:]] or [1, 24, 168])
