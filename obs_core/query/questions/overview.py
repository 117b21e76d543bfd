"""The health of the traced programs at a glance: throughput, errors, groups and processes."""

from typing import Final

import numpy as np
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.query.analysis.issues import FailedCall, issue_of, origins, title_of
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks

_SUMMARY: Final = (
    *("calls", "values", "errors", "error_rate", "traces", "calls_per_s", "traces_per_s", "p50_ms", "p95_ms", "p99_ms"),
    *("first_ns", "last_ns"),
)
_EXCEPTIONS: Final = {
    **dict.fromkeys(("issue", "type", "location", "title", "function"), "object"),
    **dict.fromkeys(("calls", "first_ns", "last_ns"), "int64"),
    **dict.fromkeys(("trend", "functions", "version", "exception", "process", "trace_id", "span_id"), "object"),
}
_TREND_POINTS: Final = 30


def summary(engine: Engine, window: Window, *, group: str | None = None, exact: bool = False) -> DataFrame:
    """The totals of the window in one row.

    Calls per second count only time that the log covers, from its first row to its last. A value that is not defined
    (the error rate without calls, a rate over a single row) is null. Percentiles of more than a million rows in an
    archive differ by at most 1 %, unless `exact`.
    """
    within = checks.clipped(engine, window)
    answer = engine.analyse("overview/summary", within, {"group": checks.text("group", group)}, exact=exact)
    calls, errors, traces = (int(answer[name].iloc[0]) for name in ("calls", "errors", "traces"))
    answer["error_rate"] = errors / calls if calls else float("nan")
    answer["calls_per_s"] = _or_nan(checks.per_second(calls, within))
    answer["traces_per_s"] = _or_nan(checks.per_second(traces, within))
    return answer[list(_SUMMARY)]


def throughput(engine: Engine, window: Window, *, group: str | None = None, bucket: str = "auto") -> DataFrame:
    """Calls, errors and error rate per slice of time, at most 300 slices; a slice without calls is a row with 0.

    `bucket` is the length of a slice (500ms, 30s, 5m, …), or auto. Slices start at whole multiples of it (UTC).
    """
    within = checks.clipped(engine, window)
    slices = checks.buckets(within, bucket)
    return engine.analyse("overview/throughput", within, {"group": checks.text("group", group), **slices.parameters})


def recent_errors(engine: Engine, window: Window, *, group: str | None = None, size: int = 10) -> DataFrame:
    """The newest failed calls, newest first."""
    parameters = {"from_ns": window.from_ns, "to_ns": window.to_ns, "group": checks.text("group", group)}
    return engine.lookup("overview/recent_errors", parameters | {"size": checks.checked_int("size", size, 1, 1_000)})


def exceptions(engine: Engine, window: Window, *, group: str | None = None, size: int = 50) -> DataFrame:
    """The exceptions of the window as issues: by type and raising frame, each exception counted once.

    A call that failed with the exception of a call below it is not counted, but among the `functions` of the issue,
    innermost first; `issue` identifies it. Without a stack, the issue is the type, the function and the text without
    what varies. `trend` counts in 30 equal slices of the part of the window that the log covers; `title`, message,
    version, trace and span are those of the newest. Only the newest 10,000 failed calls are read; `attrs["truncated"]`
    says whether there are more of them, or more issues.
    """
    within = checks.clipped(engine, window)
    answer = engine.lookup(
        "overview/exceptions",
        {"from_ns": within.from_ns, "to_ns": within.to_ns, "group": checks.text("group", group)},
    )
    texts = answer[["trace_id", "span_id", "parent_span_id", "function", "exception", "stack"]].fillna("")
    failed = [FailedCall(*map(str, row)) for row in texts.itertuples(index=False)]
    raised_by = origins(failed)
    issues = {index: issue_of(failed[index]) for index in set(raised_by)}
    columns = ["type", "location", "key"]
    answer[columns] = DataFrame([issues[index] for index in raised_by], columns=columns, dtype="object")
    answer["raised"] = [index == own for own, index in enumerate(raised_by)]
    slices = (answer["timestamp"].astype("float64") - within.from_ns) / max(1, within.length_ns) * _TREND_POINTS
    kinds = answer.assign(slice=slices.clip(0, _TREND_POINTS - 1).astype("int64")).groupby(columns, sort=False)
    rows = [("\n".join(map(str, key)), *_issue(str(key[0]), str(key[1]), calls)) for key, calls in kinds]
    frame = DataFrame(rows, columns=list(_EXCEPTIONS)).astype(_EXCEPTIONS)
    frame = frame.sort_values(["calls", "last_ns"], ascending=False, kind="stable")
    first = frame.head(checks.checked_int("size", size, 1, 1_000)).reset_index(drop=True)
    first.attrs = answer.attrs | {"truncated": bool(answer.attrs["truncated"]) or len(first) < len(frame)}
    return first


def first_seen(engine: Engine, window: Window, *, group: str | None = None, issue: str) -> DataFrame:
    """When `issue` (the column of `exceptions`) first occurred in the window, and in which version: one row, or none.

    A call that the exception passed may have started before the one that raised it. Only the oldest 10,000 failed calls
    with the type of the issue are read; if it is not among them, there is no row and `attrs["truncated"]` is True.
    """
    within = checks.clipped(engine, window)
    parameters = {"from_ns": within.from_ns, "to_ns": within.to_ns, "group": checks.text("group", group)}
    searched = checks.text("issue", issue) or ""
    answer = engine.lookup("overview/first_seen", parameters | {"type": searched.partition("\n")[0]})
    texts = answer[["function", "exception", "stack"]].fillna("").itertuples(index=False)
    keys = ("\n".join(issue_of(FailedCall("", "", "", *map(str, row)))) for row in texts)
    at = next((index for index, key in enumerate(keys) if key == issue), len(answer))
    first = answer.iloc[at : at + 1].rename(columns={"timestamp": "first_ns"})[["first_ns", "version"]]
    first = first.reset_index(drop=True)
    first.attrs = answer.attrs | {"truncated": bool(answer.attrs["truncated"]) and first.empty}
    return first


def restarts(engine: Engine, window: Window, *, group: str | None = None) -> DataFrame:
    """The processes that started in the window; `changed`: with another version or revision than the time before."""
    parameters = {"from_ns": window.from_ns, "to_ns": window.to_ns, "group": checks.text("group", group)}
    answer = engine.lookup("overview/restarts", parameters)
    answer["changed"] = answer["changed"].astype(bool)
    return answer


def groups(engine: Engine, window: Window, *, group: str | None = None, exact: bool = False) -> DataFrame:
    """Each process group's rows, calls, errors, rate, P95 and impact (calls times mean), most rows first.

    P95 of more than a million rows in an archive differs by at most 1 %, unless `exact`.
    """
    within = checks.clipped(engine, window)
    answer = engine.analyse("overview/groups", within, {"group": checks.text("group", group)}, exact=exact)
    answer["calls_per_s"] = [_or_nan(checks.per_second(int(calls), within)) for calls in answer["calls"]]
    return answer


def processes(engine: Engine, window: Window, *, group: str | None = None) -> DataFrame:
    """The processes that wrote rows, with group, number of rows and time of the newest row."""
    parameters = {"group": checks.text("group", group)}
    return engine.analyse("overview/processes", checks.clipped(engine, window), parameters)


def _issue(kind: str, location: str, calls: DataFrame) -> tuple[object, ...]:
    """The row of one issue, of all failed calls that its exceptions passed, newest first."""
    raised = calls[calls["raised"]]
    newest = raised.iloc[0]
    functions = [*raised["function"].dropna().unique(), *calls.loc[~calls["raised"], "function"].dropna().unique()]
    return (
        *(kind, location, title_of(newest["exception"] or ""), newest["function"], len(raised)),
        *(int(raised["timestamp"].min()), int(raised["timestamp"].max())),
        *(np.bincount(raised["slice"], minlength=_TREND_POINTS).tolist(), list(dict.fromkeys(functions))),
        *newest[["version", "exception", "process", "trace_id", "span_id"]].tolist(),
    )


def _or_nan(rate: float | None) -> float:
    return float("nan") if rate is None else rate
