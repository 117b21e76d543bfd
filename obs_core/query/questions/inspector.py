"""One function from every side: who calls it, whom it calls, how it fails and how long its calls take."""

import json
from typing import Any

import numpy as np
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.query.analysis import significance
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks


def measures(engine: Engine, window: Window, *, group: str | None = None, function: str) -> DataFrame:
    """How `function` behaved in the window of the same length before (`earlier`) and in the window: a row each.

    Self time leaves out what children of whatever group took. Calls per second count within the log. A column with
    `_notable` at its end says whether that measure differs by more than noise (see `query.noise`), the same in both
    rows. A window without calls has no row.
    """
    before = window.before()
    parameters = {"in_group": checks.text("group", group), "function": checks.text("function", function)}
    whole = checks.clipped(engine, Window(before.from_ns, window.to_ns))
    found = engine.analyse("inspector/measures", whole, parameters | {"split_ns": window.from_ns})
    found = significance.with_notable(found)
    found["error_rate"] = found["errors"] / found["calls"]
    rows: list[dict[Any, Any]] = found.to_dict("records")
    lengths = {True: checks.clipped(engine, before), False: checks.clipped(engine, window)}
    rates = [checks.per_second(int(row["calls"]), lengths[bool(row["earlier"])]) for row in rows]
    found["calls_per_s"] = [np.nan if rate is None else rate for rate in rates]
    for name, differs in _notable(rows).items():
        found[f"{name}_notable"] = differs
    return found


def _notable(rows: list[dict[Any, Any]]) -> dict[str, bool]:
    """Whether error rate and means of two rows of measures differ by more than noise."""
    if len(rows) != 2:  # noqa: PLR2004 - before and now
        return dict.fromkeys(("error_rate", "mean", "memory_mean"), False)
    then, now = rows
    return {
        "error_rate": significance.proportions_differ(now["errors"], now["calls"], then["errors"], then["calls"]),
        "mean": _means(now, then, "mean_ms", "deviation_ms", "timed"),
        "memory_mean": _means(now, then, "memory_mean", "memory_deviation", "measured"),
    }


def _means(now: dict[Any, Any], then: dict[Any, Any], *names: str) -> bool:
    mean, deviation, of = (now[name] for name in names)
    return significance.means_differ(mean, deviation, of, (then[names[0]], then[names[1]], then[names[2]]))


def callers(engine: Engine, window: Window, *, group: str | None = None, function: str) -> DataFrame:
    """The functions that called `function`, most calls first; errors and times are those of the calls they made."""
    return _related(engine, "inspector/callers", window, group, function)


def callees(engine: Engine, window: Window, *, group: str | None = None, function: str) -> DataFrame:
    """The functions that `function` called, the one that took most time first."""
    return _related(engine, "inspector/callees", window, group, function)


def durations(engine: Engine, window: Window, *, group: str | None = None, function: str) -> DataFrame:
    """How the durations of `function` are spread: calls and errors in ten slices to each power of ten.

    Each slice names the row of its slowest call.
    """
    return _related(engine, "inspector/durations", window, group, function)


def rank(engine: Engine, window: Window, *, group: str | None = None, function: str, duration_ns: int) -> DataFrame:
    """How many timed calls of `function` there were, and how many of them took less than `duration_ns`: one row."""
    parameters = {"group": checks.text("group", group), "function": checks.text("function", function)}
    wanted = parameters | {"duration_ns": checks.checked_int("duration_ns", duration_ns, -(2**63), 2**63 - 1)}
    return engine.analyse("inspector/rank", checks.clipped(engine, window), wanted)


def failures(
    engine: Engine, window: Window, *, group: str | None = None, function: str, size: int = 1_000
) -> DataFrame:
    """The newest calls of `function` that failed, newest first, with exception and stack."""
    return engine.lookup("inspector/failures", {"ids": _newest(engine, window, group, function, size, failed=True)})


def recent(engine: Engine, window: Window, *, group: str | None = None, function: str, size: int = 50) -> DataFrame:
    """The newest calls of `function`, newest first, with what they returned and the values they recorded.

    `carried` lists those as name = value, arguments among them.
    """
    ids = _newest(engine, window, group, function, size, failed=False)
    found = engine.lookup("inspector/recent", {"ids": ids})
    keys = {name: json.dumps(sorted(set(found[name].dropna()))) for name in ("trace_id", "span_id")}
    carried = engine.lookup("inspector/carried", {"traces": keys["trace_id"], "spans": keys["span_id"]})
    texts: dict[tuple[str, str], list[str]] = {}
    for row in carried.to_dict("records"):
        texts.setdefault((row["trace_id"], row["span_id"]), []).append(f"{row['data']} = {row['data_value']}")
    calls = zip(found["trace_id"], found["span_id"], strict=True)
    return found.assign(carried=[" · ".join(texts.get(call, [])) for call in calls])


def recorded_values(engine: Engine, window: Window, *, group: str | None = None, function: str) -> DataFrame:
    """The series that `function` recorded, arguments among them: how many readings, the newest one's type and value."""
    return _related(engine, "inspector/recorded_values", window, group, function)


def _related(engine: Engine, question: str, window: Window, group: str | None, function: str) -> DataFrame:
    parameters = {"group": checks.text("group", group), "function": checks.text("function", function)}
    return engine.analyse(question, checks.clipped(engine, window), parameters)


def _newest(engine: Engine, window: Window, group: str | None, function: str, size: int, *, failed: bool) -> str:
    """The ids of the newest calls as a JSON list: found over the columns in memory, where an index has none for it."""
    parameters = {"group": checks.text("group", group), "function": checks.text("function", function)}
    wanted = parameters | {"failed": failed, "size": checks.checked_int("size", size, 1, 9_999)}
    newest = engine.analyse("inspector/newest", checks.clipped(engine, window), wanted)
    return json.dumps(newest["id"].tolist())
