"""Is it healthy right now: how much ran, what failed, who wrote."""

from typing import Final

import numpy as np
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.query.analysis.exception_kind import failure
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks

_SUMMARY: Final = (
    *("calls", "values", "errors", "error_rate", "traces", "calls_per_s", "traces_per_s", "p50_ms", "p95_ms", "p99_ms"),
    *("first_ns", "last_ns"),
)
_EXCEPTIONS: Final = {
    "type": "object",
    "place": "object",
    "function": "object",
    "calls": "int64",
    "first_ns": "int64",
    "last_ns": "int64",
    "course": "object",
    "exception": "object",
    "process": "object",
    "trace_id": "object",
    "span_id": "object",
}
_COURSE: Final = 30  # points of a small line in a table


def summary(engine: Engine, window: Window, *, group: str | None = None) -> DataFrame:
    """The window in one row.

    Calls per second count within the log: from its first row to its last one, where the window is wider. What has
    nothing to be taken from (the error rate of no call, the rate over a single moment) is null.
    """
    within = checks.clipped(engine, window)
    found = engine.analyse("overview/summary", within, {"group": checks.text("group", group)})
    calls, errors, traces = (int(found[name].iloc[0]) for name in ("calls", "errors", "traces"))
    found["error_rate"] = errors / calls if calls else float("nan")
    found["calls_per_s"] = _or_nan(checks.per_second(calls, within))
    found["traces_per_s"] = _or_nan(checks.per_second(traces, within))
    return found[list(_SUMMARY)]


def throughput(engine: Engine, window: Window, *, group: str | None = None, bucket: str = "auto") -> DataFrame:
    """Calls, errors and error rate per slice of time, at most 300 of them; a slice without calls is a row with 0.

    `bucket` is the length of a slice (500ms, 30s, 5m, …), or auto. Slices begin at whole multiples of it (UTC).
    """
    within = checks.clipped(engine, window)
    slices = checks.buckets(within, bucket)
    return engine.analyse("overview/throughput", within, {"group": checks.text("group", group), **slices.parameters})


def recent_errors(engine: Engine, window: Window, *, group: str | None = None, size: int = 10) -> DataFrame:
    """The newest calls that failed, newest first."""
    parameters = {"from_ns": window.from_ns, "to_ns": window.to_ns, "group": checks.text("group", group)}
    return engine.lookup("overview/recent_errors", parameters | {"size": checks.checked_int("size", size, 1, 1_000)})


def exceptions(engine: Engine, window: Window, *, group: str | None = None, size: int = 50) -> DataFrame:
    """The failures of the window by kind: exception type and the innermost place in the program's own code.

    `course` counts them in 30 equal slices of the window within the log; message, trace and span are the newest one's.
    Counted are the newest 10,000 failed calls; `attrs["truncated"]` says whether there are more, or more kinds.
    """
    within = checks.clipped(engine, window)
    found = engine.lookup(
        "overview/exceptions",
        {"from_ns": within.from_ns, "to_ns": within.to_ns, "group": checks.text("group", group)},
    )
    told = found[["exception", "stack"]].fillna("").itertuples(index=False)
    found[["type", "place"]] = DataFrame([failure(*each) for each in told], columns=["type", "place"], dtype="object")
    slices = (found["timestamp"].astype("float64") - within.from_ns) / max(1, within.length_ns) * _COURSE
    kinds = found.assign(slice=slices.clip(0, _COURSE - 1).astype("int64")).groupby(
        ["type", "place", "function"], sort=False, dropna=False
    )
    rows = [(*kind, len(each), *_span(each), *_newest(each)) for kind, each in kinds]
    frame = DataFrame(rows, columns=list(_EXCEPTIONS)).astype(_EXCEPTIONS)
    frame = frame.sort_values(["calls", "last_ns"], ascending=False, kind="stable")
    shown = frame.head(checks.checked_int("size", size, 1, 1_000)).reset_index(drop=True)
    shown.attrs = found.attrs | {"truncated": bool(found.attrs["truncated"]) or len(shown) < len(frame)}
    return shown


def restarts(engine: Engine, window: Window, *, group: str | None = None) -> DataFrame:
    """The processes that started in the window; `changed`: as another version or revision than the time before."""
    parameters = {"from_ns": window.from_ns, "to_ns": window.to_ns, "group": checks.text("group", group)}
    found = engine.lookup("overview/restarts", parameters)
    found["changed"] = found["changed"].astype(bool)
    return found


def groups(engine: Engine, window: Window, *, group: str | None = None) -> DataFrame:
    """Each process group's rows, calls, errors, rate, P95 and impact (calls times mean), most rows first."""
    within = checks.clipped(engine, window)
    found = engine.analyse("overview/groups", within, {"group": checks.text("group", group)})
    found["calls_per_s"] = [_or_nan(checks.per_second(int(calls), within)) for calls in found["calls"]]
    return found


def processes(engine: Engine, window: Window, *, group: str | None = None) -> DataFrame:
    """The processes that wrote, with their groups, rows and newest row's time."""
    parameters = {"group": checks.text("group", group)}
    return engine.analyse("overview/processes", checks.clipped(engine, window), parameters)


def _span(failures: DataFrame) -> tuple[int, int, list[int]]:
    """First, last and course of failures of one kind."""
    course = np.bincount(failures["slice"], minlength=_COURSE).tolist()
    return int(failures["timestamp"].min()), int(failures["timestamp"].max()), course


def _newest(failures: DataFrame) -> list[object]:
    return failures.iloc[0][["exception", "process", "trace_id", "span_id"]].tolist()


def _or_nan(rate: float | None) -> float:
    return float("nan") if rate is None else rate
