"""The eighteen questions by which ways to answer are compared, on logs of `long_logs`, and what one costs."""

import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import psutil
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import ObsError
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import functions, inspector, overview, values

FUNCTION = "module5.function_5"
Ask = Callable[[Engine, Window], DataFrame]
QUESTIONS: dict[str, Ask] = {
    "overview.summary": overview.summary,
    "overview.throughput": overview.throughput,
    "overview.groups": overview.groups,
    "overview.processes": overview.processes,
    "overview.exceptions": overview.exceptions,
    "functions.performance": functions.performance,
    "functions.history": functions.history,
    "functions.changes": functions.changes,
    "functions.list": functions.list_,
    "functions.names": functions.names,
    "functions.trends": lambda engine, window: functions.trends(engine, window, functions=(FUNCTION, "module1.*")),
    "values.series": values.series,
    "values.streaks": values.streaks,
    "values.trends": lambda engine, window: values.trends(
        engine, window, processes=("web-5", "orders-1"), names=("value_5", "value_1")
    ),
    "inspector.callers": lambda engine, window: inspector.callers(engine, window, function=FUNCTION),
    "inspector.callees": lambda engine, window: inspector.callees(engine, window, function=FUNCTION),
    "inspector.measures": lambda engine, window: inspector.measures(engine, window, function=FUNCTION),
    "inspector.durations": lambda engine, window: inspector.durations(engine, window, function=FUNCTION),
}


class Cost(NamedTuple):
    """What a question costs in ms of elapsed and of processor time, and its access path, or the error."""

    ms: float
    cpu_ms: float
    way: str


def cpu_ms() -> float:
    """The processor time so far of this process and those that it started."""
    own = psutil.Process()
    times = [process.cpu_times() for process in (own, *own.children())]
    return sum(used.user + used.system for used in times) * 1e3


def cost(ask: Ask, engine: Engine, window: Window, runs: int = 3) -> Cost:
    """Medians of `runs` runs; of one, if it takes more than three seconds."""
    elapsed, used, way = [], [], ""
    for _ in range(runs):
        start, before = time.perf_counter(), cpu_ms()
        try:
            way = str(ask(engine, window).attrs["way"])
        except ObsError as error:
            return Cost((time.perf_counter() - start) * 1e3, cpu_ms() - before, error.message)
        elapsed.append((time.perf_counter() - start) * 1e3)
        used.append(cpu_ms() - before)
        if elapsed[-1] > 3_000:
            break
    return Cost(median(elapsed), median(used), way)
