"""The health of the traced programs at a glance: throughput, errors, groups and processes."""

import time
from typing import Final

from pandas import DataFrame

from obs_core.clock import Window
from obs_core.issues import FailedCall, Issue, issue_of, origins
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks, failed_calls

_SUMMARY: Final = (
    *("calls", "values", "errors", "error_rate", "traces", "calls_per_s", "traces_per_s", "p50_ms", "p95_ms", "p99_ms"),
    *("first_ns", "last_ns"),
)
_EXCEPTIONS: Final = {
    **dict.fromkeys(("issue", "type", "location", "title", "function"), "object"),
    **dict.fromkeys(("calls", "first_ns", "last_ns"), "int64"),
    **dict.fromkeys(("trend", "functions", "version", "exception", "process", "trace_id", "span_id"), "object"),
}


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
    what varies. `trend` counts in 30 equal slices of the part of the window that the log covers, of more than six hours
    in at most 30 slices of whole hours; `title`, message, version, trace and span are those of the newest. Where there
    is no rollup of an archive, the newest 200,000 failed calls are read; `attrs["truncated"]` says whether there are
    more of them, or more issues.
    """
    start = time.perf_counter()
    within, most = checks.clipped(engine, window), checks.checked_int("size", size, 1, 1_000)
    counted = failed_calls.counted(engine, within, checks.text("group", group))
    listed = counted.issues.listed()
    newest = [one.newest for _, one in listed[:most] if one.newest]
    versions = failed_calls.versions(engine, [call.run_id for call in newest])
    rows = [
        (
            *("\n".join(issue), issue.type, issue.location, one.title, call.function, one.calls, one.first_ns, call.ns),
            *(one.trend, one.functions, versions.get(call.run_id)),
            *(call.exception, call.process, call.trace_id, call.span_id),
        )
        for (issue, one), call in zip(listed, newest, strict=False)
    ]
    frame = DataFrame(rows, columns=list(_EXCEPTIONS)).astype(_EXCEPTIONS)
    frame.attrs = {
        "truncated": counted.truncated or len(listed) > most,
        "approximate": False,
        "way": "rollup" if counted.rolled else "lookup",
        "elapsed_ms": (time.perf_counter() - start) * 1e3,
    }
    return frame


def first_seen(engine: Engine, window: Window, *, group: str | None = None, issue: str) -> DataFrame:
    """When an exception of `issue` (the column of `exceptions`) was first raised in the window: one row, or none.

    `first_ns` is the start of the call that raised it, `version` that of its program. Where there is no rollup of an
    archive, the oldest 10,000 failed calls with the type of the issue are read; if it is not among them, there is no
    row and `attrs["truncated"]` is True.
    """
    within, group = checks.clipped(engine, window), checks.text("group", group)
    kind, _, rest = (checks.text("issue", issue) or "").partition("\n")
    location, _, title = rest.rpartition("\n")
    searched = Issue(kind, location, title)
    first = failed_calls.first_raised(engine, within, group, searched)
    if first is not None:
        within = Window(within.from_ns, within.from_ns) if first.ns is None else Window(first.ns, first.ns + 1)
    parameters = {"from_ns": within.from_ns, "to_ns": within.to_ns, "group": group, "type": kind}
    answer = engine.lookup("overview/first_seen", parameters)
    texts = answer[["trace_id", "span_id", "parent_span_id", "function", "exception", "stack"]].fillna("")
    calls = [FailedCall(*map(str, row)) for row in texts.itertuples(index=False)]
    raised = (index for index, origin in enumerate(origins(calls)) if index == origin)
    at = next((index for index in raised if issue_of(calls[index]) == searched), len(answer))
    row = answer.iloc[at : at + 1].rename(columns={"timestamp": "first_ns"})[["first_ns", "version"]]
    row = row.reset_index(drop=True)
    truncated = first.truncated if first else bool(answer.attrs["truncated"])
    row.attrs = answer.attrs | {"truncated": truncated and row.empty, "way": "rollup" if first else "lookup"}
    return row


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


def _or_nan(rate: float | None) -> float:
    return float("nan") if rate is None else rate
