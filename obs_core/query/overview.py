"""Is it healthy right now: how much ran, what failed, who wrote."""

from typing import Final

from pandas import DataFrame

from obs_core.clock import Window
from obs_core.query import filters
from obs_core.query.engine import Engine

_SUMMARY: Final = (
    *("calls", "values", "errors", "error_rate", "traces", "calls_per_s", "traces_per_s", "p50_ms", "p95_ms", "p99_ms"),
    *("first_ns", "last_ns"),
)


def summary(engine: Engine, window: Window, *, group: str | None = None) -> DataFrame:
    """The window in one row.

    Calls per second count within the log: from its first row to its last one, where the window is wider. What has
    nothing to be taken from (the error rate of no call, the rate over a single moment) is null.
    """
    within = filters.clipped(engine, window)
    found = engine.analyse("overview/summary", within, {"group": filters.text("group", group)})
    calls, errors, traces = (int(found[name].iloc[0]) for name in ("calls", "errors", "traces"))
    found["error_rate"] = errors / calls if calls else float("nan")
    found["calls_per_s"] = _or_nan(filters.per_second(calls, within))
    found["traces_per_s"] = _or_nan(filters.per_second(traces, within))
    return found[list(_SUMMARY)]


def throughput(engine: Engine, window: Window, *, group: str | None = None, bucket: str = "auto") -> DataFrame:
    """Calls, errors and error rate per slice of time, at most 300 of them; a slice without calls is a row with 0.

    `bucket` is the length of a slice (500ms, 30s, 5m, …), or auto. Slices begin at whole multiples of it (UTC).
    """
    within = filters.clipped(engine, window)
    slices = filters.buckets(within, bucket)
    return engine.analyse("overview/throughput", within, {"group": filters.text("group", group), **slices.parameters})


def recent_errors(engine: Engine, window: Window, *, group: str | None = None, size: int = 10) -> DataFrame:
    """The newest calls that failed, newest first."""
    parameters = {"from_ns": window.from_ns, "to_ns": window.to_ns, "group": filters.text("group", group)}
    return engine.lookup("overview/recent_errors", parameters | {"size": filters.whole("size", size, 1, 1_000)})


def groups(engine: Engine, window: Window, *, group: str | None = None) -> DataFrame:
    """Each process group's rows, calls, errors, rate, P95 and impact (calls times mean), most rows first."""
    within = filters.clipped(engine, window)
    found = engine.analyse("overview/groups", within, {"group": filters.text("group", group)})
    found["calls_per_s"] = [_or_nan(filters.per_second(int(calls), within)) for calls in found["calls"]]
    return found


def processes(engine: Engine, window: Window, *, group: str | None = None) -> DataFrame:
    """The processes that wrote, with their groups, rows and newest row's time."""
    parameters = {"group": filters.text("group", group)}
    return engine.analyse("overview/processes", filters.clipped(engine, window), parameters)


def _or_nan(rate: float | None) -> float:
    return float("nan") if rate is None else rate
