"""The matching rows over time, by status and duration: what the charts above the Trace Explorer's table show."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Final

from pandas import DataFrame, Series

from obs_core.clock import Window
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks
from obs_core.query.filters.row_filter import ALL_ROWS, RowFilter
from obs_core.query.filters.search import search_rows

SLICES: Final = 80
NEWEST: Final = 100_000  # rows that are counted where only SQLite can filter; grouping them takes 200 ms
LIMIT_S: Final = 1.0
_EVERYWHERE: Final = ("process", "status", "kind", "errors", "function", "min_ms", "max_ms")
"""The fields of a filter that the analytical query knows."""


def rows(engine: Engine, window: Window, *, group: str | None = None, row_filter: RowFilter = ALL_ROWS) -> DataFrame:
    """The matching rows per slice of time (at most 80), class of duration and status; only where there are any.

    A class of duration ends where the next one begins, at 1, 2, 5, 10 … nanoseconds: `from_ms` and `to_ms`, null for
    rows without a duration. For filters on text, attributes, levels, types or roots the newest 100,000 matching rows
    are counted, and `attrs["newest"]` says whether there are more.

    Raises:
        BadParameter: a parameter has an invalid value.
        QuestionTimedOut: such a filter takes longer than a second.
    """
    within = checks.clipped(engine, window)
    slices = checks.buckets(within, "auto", SLICES)
    sliced: dict[str, object] = {"first": slices.parameters["first"], "step_ns": slices.step_ns}
    values = {name: value for name, value in asdict(row_filter).items() if value not in (None, "", False)}
    if values.keys() <= set(_EVERYWHERE):
        counted = engine.analyse("timeline/rows", within, _analytical(row_filter, group) | sliced)
        newest = False
    else:
        parameters = sliced | {"newest": NEWEST + 1}
        counted = search_rows(engine, "timeline/matching", within, row_filter, parameters, group=group, limit_s=LIMIT_S)
        newest = int(counted["rows"].sum()) > NEWEST
    answer = _named(counted, slices.origin_ns, slices.step_ns)
    answer.attrs |= {"newest": newest, "step_ns": slices.step_ns}
    return answer


def _analytical(row_filter: RowFilter, group: str | None) -> dict[str, object]:
    """The parameters of the analytical query."""
    bounds = {"min_ns": row_filter.min_ms, "max_ns": row_filter.max_ms}
    return {
        "group": checks.text("group", group),
        "process": checks.text("process", row_filter.process),
        "status": "ERROR" if row_filter.errors else checks.text("status", row_filter.status),
        "kind": checks.text("kind", row_filter.kind),
        "function": checks.text("function", row_filter.function),
        **{name: None if ms is None else min(round(ms * 1e6), 2**63 - 1) for name, ms in bounds.items()},
    }


def _named(counted: DataFrame, origin_ns: int, step_ns: int) -> DataFrame:
    """The answer's columns: slices and classes of duration by their bounds."""
    digit = counted["digit"].astype("float64")
    low = digit * 10.0 ** (counted["digits"].astype("float64") - 1) / 1e6
    starts = [origin_ns + number * step_ns for number in counted["slice"].tolist()]
    answer = DataFrame(
        {
            "bucket_ns": _bounded(starts),
            "from_ms": low,
            "to_ms": low * digit.map({1.0: 2.0, 2.0: 2.5, 5.0: 2.0}),
            "failed": counted["failed"].astype(bool),
            "rows": counted["rows"].astype("int64"),
        }
    )
    answer["end_ns"] = _bounded(start + step_ns for start in starts)
    answer.attrs = dict(counted.attrs)
    return answer


def _bounded(times_ns: Iterable[int]) -> Series:
    """Times as a column: slices of a log with clocks far away begin or end beyond what 64 bits can hold."""
    return Series([max(-(2**63), min(time_ns, 2**63 - 1)) for time_ns in times_ns], dtype="int64")
