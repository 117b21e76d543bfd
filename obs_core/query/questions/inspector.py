"""One function in detail: its callers and callees, its failures, and the durations of its calls."""

import json
from typing import Any

import numpy as np
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.query.analysis import significance
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks


def measures(
    engine: Engine, window: Window, *, group: str | None = None, function: str, exact: bool = False
) -> DataFrame:
    """The measures of `function` in the same length of time before (`earlier`) and in the window: a row each.

    Self time excludes the time of children of any group. Calls per second count only time that the log covers. A column
    that ends in `_notable` says whether that measure changed significantly (see `analysis.significance`), the same in
    both rows. A window without calls has no row. Percentiles of more than a million rows in an archive differ by at
    most 1 %, unless `exact`; the counts of calls above them are then estimates.
    """
    before = window.before()
    parameters = {"in_group": checks.text("group", group), "function": checks.text("function", function)}
    both = checks.clipped(engine, Window(before.from_ns, window.to_ns))
    answer = engine.analyse("inspector/measures", both, parameters | {"split_ns": window.from_ns}, exact=exact)
    answer = significance.with_notable(answer)
    answer["error_rate"] = answer["errors"] / answer["calls"]
    rows: list[dict[Any, Any]] = answer.to_dict("records")
    lengths = {True: checks.clipped(engine, before), False: checks.clipped(engine, window)}
    rates = [checks.per_second(int(row["calls"]), lengths[bool(row["earlier"])]) for row in rows]
    answer["calls_per_s"] = [np.nan if rate is None else rate for rate in rates]
    for name, differs in _notable(rows).items():
        answer[f"{name}_notable"] = differs
    return answer


def _notable(rows: list[dict[Any, Any]]) -> dict[str, bool]:
    """Whether error rate and means of two rows of measures differ significantly."""
    if len(rows) != 2:  # noqa: PLR2004 - before and now
        return dict.fromkeys(("error_rate", "mean", "memory_mean"), False)
    then, now = rows
    return {
        "error_rate": significance.proportions_differ(now["errors"], now["calls"], then["errors"], then["calls"]),
        "mean": _means(now, then, "mean_ms", "deviation_ms", "timed"),
        "memory_mean": _means(now, then, "memory_mean", "memory_deviation", "measured"),
    }


def _means(now: dict[Any, Any], then: dict[Any, Any], *names: str) -> bool:
    mean, deviation, size = (now[name] for name in names)
    return significance.means_differ(mean, deviation, size, (then[names[0]], then[names[1]], then[names[2]]))


def callers(engine: Engine, window: Window, *, group: str | None = None, function: str) -> DataFrame:
    """The functions that called `function`, most calls first; errors and times are those of the called function."""
    return _related(engine, "inspector/callers", window, group, function)


def callees(engine: Engine, window: Window, *, group: str | None = None, function: str) -> DataFrame:
    """The functions that `function` called, most time first."""
    return _related(engine, "inspector/callees", window, group, function)


def durations(engine: Engine, window: Window, *, group: str | None = None, function: str) -> DataFrame:
    """The distribution of the durations of `function`: calls and errors in ten buckets per power of ten.

    Each bucket names the row of its slowest call.
    """
    return _related(engine, "inspector/durations", window, group, function)


def rank(engine: Engine, window: Window, *, group: str | None = None, function: str, duration_ns: int) -> DataFrame:
    """The number of calls of `function` with a duration, and how many took less than `duration_ns`: one row."""
    parameters: dict[str, object] = {
        "group": checks.text("group", group),
        "function": checks.text("function", function),
        "duration_ns": checks.checked_int("duration_ns", duration_ns, -(2**63), 2**63 - 1),
    }
    return engine.analyse("inspector/rank", checks.clipped(engine, window), parameters)


def failures(
    engine: Engine, window: Window, *, group: str | None = None, function: str, size: int = 1_000
) -> DataFrame:
    """The newest failed calls of `function`, newest first, with exception and stack."""
    return engine.lookup("inspector/failures", {"ids": _newest(engine, window, group, function, size, failed=True)})


def recent(engine: Engine, window: Window, *, group: str | None = None, function: str, size: int = 50) -> DataFrame:
    """The newest calls of `function`, newest first, with their return values and the values they recorded.

    `carried` lists the recorded values as `name = value`, including arguments.
    """
    ids = _newest(engine, window, group, function, size, failed=False)
    answer = engine.lookup("inspector/recent", {"ids": ids})
    keys = {name: json.dumps(sorted(set(answer[name].dropna()))) for name in ("trace_id", "span_id")}
    carried = engine.lookup("inspector/carried", {"traces": keys["trace_id"], "spans": keys["span_id"]})
    texts: dict[tuple[str, str], list[str]] = {}
    for row in carried.to_dict("records"):
        texts.setdefault((row["trace_id"], row["span_id"]), []).append(f"{row['data']} = {row['data_value']}")
    calls = zip(answer["trace_id"], answer["span_id"], strict=True)
    return answer.assign(carried=[" · ".join(texts.get(call, [])) for call in calls])


def recorded_values(engine: Engine, window: Window, *, group: str | None = None, function: str) -> DataFrame:
    """The series that `function` recorded, including arguments: number of readings, newest type and value."""
    return _related(engine, "inspector/recorded_values", window, group, function)


def _related(engine: Engine, query_name: str, window: Window, group: str | None, function: str) -> DataFrame:
    parameters = {"group": checks.text("group", group), "function": checks.text("function", function)}
    return engine.analyse(query_name, checks.clipped(engine, window), parameters)


def _newest(engine: Engine, window: Window, group: str | None, function: str, size: int, *, failed: bool) -> str:
    """The ids of the newest calls as a JSON list; an analytical query, because no index has the function."""
    parameters: dict[str, object] = {
        "group": checks.text("group", group),
        "function": checks.text("function", function),
        "failed": failed,
        "size": checks.checked_int("size", size, 1, 9_999),
    }
    newest = engine.analyse("inspector/newest", checks.clipped(engine, window), parameters)
    return json.dumps(newest["id"].tolist())
