"""How one function behaved in the window, beside the window before it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core.ui import frame

NOISE: Final = 3.0
"""Standard errors beyond which a difference is no longer called noise."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table: its name, the column, how it is written, and whether more of it is worse."""

    name: str
    column: str
    written: Callable[[float], str]
    worse_when_more: bool = True


MEASURES: Final = (
    Measure("Calls", "calls", lambda calls: frame.count(int(calls)), worse_when_more=False),
    Measure("Error rate", "error_rate", frame.share),
    Measure("Mean", "mean_ms", frame.duration),
    Measure("P50", "p50_ms", frame.duration),
    Measure("P95", "p95_ms", frame.duration),
    Measure("P99", "p99_ms", frame.duration),
    Measure("Minimum", "min_ms", frame.duration),
    Measure("Maximum", "max_ms", frame.duration),
    Measure("Self time, in all", "self_ms", frame.duration),
    Measure("Memory change, mean", "memory_mean", frame.size),
)


def performance_card(now: DataFrame, before: DataFrame, function: str) -> None:
    """Draw the measures of `function` from two answers of `functions.performance`."""
    mine = now[now["function"] == function].sort_values("calls", ascending=False, ignore_index=True)
    if mine.empty:
        st.info("No call of this function in this window. Choose a longer one in the sidebar.")
        return
    groups = [str(group) for group in mine["process_group"].fillna(frame.NOT_MEASURED)]
    group = (
        st.segmented_control("Process group", groups, default=groups[0], required=True)
        if len(groups) > 1
        else groups[0]
    )
    row = mine.iloc[groups.index(group or groups[0])]
    earlier = before[
        (before["function"] == function) & (before["process_group"].fillna(frame.NOT_MEASURED) == (group or groups[0]))
    ]
    st.html(table(dict(row), dict(earlier.iloc[0]) if len(earlier) else {}))
    st.caption(
        "Before: the window of the same length that ends where this one begins. A change of the error rate is marked "
        f"when it is more than {NOISE:.0f} standard errors (two proportions); changes of times are given as they are. "
        f"{frame.NOT_MEASURED} means not measured."
    )


def table(now: dict[Any, Any], before: dict[Any, Any]) -> str:
    """The measures as HTML: now, before, and the change."""
    rows = "".join(
        f"<tr><th>{measure.name}</th><td>{_written(measure, now)}</td><td>{_written(measure, before)}</td>"
        f"<td>{change(measure, now, before)}</td></tr>"
        for measure in MEASURES
    )
    head = "<tr><th></th><th>This window</th><th>Before</th><th>Change</th></tr>"
    return f"<style>{_CSS}</style><table class='obs-measures'><thead>{head}</thead><tbody>{rows}</tbody></table>"


def change(measure: Measure, now: dict[Any, Any], before: dict[Any, Any]) -> str:
    """The relative change, with a mark where it is more than noise; nothing where there is nothing to compare."""
    new, old = _number(now, measure.column), _number(before, measure.column)
    if new is None or old is None or old == 0:
        return ""
    words = f"{(new - old) / abs(old):+.0%}"
    if measure.column == "error_rate" and abs(error_rate_z(now, before)) > NOISE:
        return f"<b class='{'worse' if new > old else 'better'}'>{'▲' if new > old else '▼'} {words}</b>"
    return words


def error_rate_z(now: dict[Any, Any], before: dict[Any, Any]) -> float:
    """How many standard errors the two error rates lie apart (two-proportion z with the pooled rate)."""
    calls = now["calls"] + before["calls"]
    pooled = (now["errors"] + before["errors"]) / calls
    spread = math.sqrt(pooled * (1 - pooled) * (1 / now["calls"] + 1 / before["calls"]))
    return (now["error_rate"] - before["error_rate"]) / spread if spread else 0.0


def _written(measure: Measure, row: dict[Any, Any]) -> str:
    number = _number(row, measure.column)
    return frame.NOT_MEASURED if number is None else measure.written(number)


def _number(row: dict[Any, Any], column: str) -> float | None:
    value = row.get(column)
    return float(value) if isinstance(value, Real) and math.isfinite(value) else None


_CSS: Final = (
    ".obs-measures{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:14px}"
    ".obs-measures th,.obs-measures td{padding:5px 8px;border-bottom:1px solid light-dark(#dde3ea,#2b333d);"
    "text-align:right;font-weight:400;white-space:nowrap}"
    ".obs-measures th:first-child{text-align:left;padding-left:0}"
    ".obs-measures thead th{color:light-dark(#5f6b7a,#98a3b3)}"
    ".obs-measures td:nth-child(2){font-weight:600}"
    ".obs-measures .worse{color:light-dark(#b84e00,#ff9d5c)}.obs-measures .better{color:light-dark(#00704f,#4cc9a4)}"
)
